// Builds the native addon into build/Release with the locally installed node-gyp. Works offline when the running Node
// brought its headers (<prefix>/include/node), as it does from nodejs.org and from most packagers.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// As an install script: nothing to do when an addon is there that loads, and a failure does not fail the installation,
// since the loader tells what is wrong as soon as somebody needs the addon.
const installing = process.argv.includes('--install');
if (installing && loads()) process.exit(0);

if (process.platform !== 'linux') {
  fail(`the native addon is for Linux; this is ${process.platform}. Transports that do not need it still work.`);
}
const missing = [
  ['a C++ compiler (g++ or clang++)', process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++']],
  ['make', [process.env.MAKE ?? 'make']],
  ['python3', process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python']],
].filter(([, commands]) => !commands.some(runs));
if (missing.length > 0) {
  fail(
    `cannot build the native addon, this is missing: ${missing.map(([title]) => title).join(', ')}.\n` +
      'On Debian or Ubuntu: apt-get install build-essential python3. On Fedora: dnf install gcc-c++ make python3.\n' +
      'On Alpine: apk add build-base python3 linux-headers.',
  );
}

const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}` };
const args = ['configure', 'build', '--release', '--loglevel=warn', ...headers()];
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const result = spawnSync(process.execPath, [nodeGyp, ...args], { cwd: root, env, stdio: ['ignore', 2, 2] });
if (result.error) fail(`could not start node-gyp: ${result.error.message}`);
if (result.status !== 0)
  fail(`building the native addon failed (${result.signal ?? `exit ${result.status}`}), see above.`);

/** Where the headers are: beside the running Node, else where the user says, else node-gyp downloads them. */
function headers() {
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  if (hasHeaders(prefix)) return [`--nodedir=${prefix}`];
  for (const name of Object.keys(env)) {
    if (name.toLowerCase() === 'npm_config_nodedir' && !hasHeaders(env[name])) delete env[name];
  }
  return [];
}

function hasHeaders(dir) {
  return existsSync(join(dir, 'include', 'node', 'node_api.h')) && existsSync(join(dir, 'include', 'node', 'uv.h'));
}

function loads() {
  const files = [join('prebuilds', `${process.platform}-${process.arch}`), join('build', 'Release')];
  return files.some((dir) => {
    try {
      process.dlopen({ exports: {} }, join(root, dir, 'callgate.node'));
      return true;
    } catch {
      return false;
    }
  });
}

function runs(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function fail(message) {
  process.stderr.write(`callgate: ${message}\n`);
  process.exit(installing ? 0 : 1);
}
