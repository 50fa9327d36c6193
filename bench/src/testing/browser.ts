import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, launch } from 'puppeteer-core';

/** A browser without a window, from a package and not from the system, and all of its files, which `close` removes. */
export interface TestBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

/** Unpacks and starts Chromium. It is there for x64 only. */
export async function startBrowser(): Promise<TestBrowser> {
  const dir = mkdtempSync(join(tmpdir(), 'bench-browser-'));
  const before = { TMPDIR: process.env.TMPDIR, AWS_EXECUTION_ENV: process.env.AWS_EXECUTION_ENV };
  // The package unpacks itself where temporary files go, and the libraries that it needs only where it takes itself to be
  // in one of Amazon's functions.
  Object.assign(process.env, { TMPDIR: dir, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' });
  try {
    const { default: chromium } = await import('@sparticuz/chromium');
    chromium.setGraphicsMode = false;
    const executablePath = await chromium.executablePath();
    const browser = await launch({
      executablePath,
      args: [...chromium.args, '--no-sandbox'],
      headless: 'shell',
      userDataDir: join(dir, 'profile'),
      env: { ...process.env, LD_LIBRARY_PATH: join(dir, 'al2023', 'lib') },
    });
    return {
      browser,
      async [Symbol.asyncDispose]() {
        await browser.close();
        rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
      },
    };
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
