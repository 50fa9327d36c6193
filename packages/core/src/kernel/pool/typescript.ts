import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';

let registered = false;

/**
 * tsx, as a loader that a process is started with, serves its main thread only. Where it was, it is asked to serve this
 * worker, too, before the first TypeScript is loaded here. Other loaders come with the options of Node that workers inherit.
 * Source: https://tsx.is/dev-api/register-esm
 */
export async function serveTypeScript(url: string): Promise<void> {
  const options = [...process.execArgv, process.env.NODE_OPTIONS].join(' ');
  if (isMainThread || registered || !/\.[cm]?ts$/.test(url) || !/\btsx\b/.test(options)) return;
  registered = true;
  try {
    // What `require` would be given looks for the rest of itself in the wrong folder.
    const api = createRequire(url)
      .resolve('tsx/esm/api')
      .replace(/\.cjs$/, '.mjs');
    ((await import(pathToFileURL(api).href)) as { register(): unknown }).register();
  } catch {
    // It isn't installed where the module is: what Node says of the module tells more.
  }
}
