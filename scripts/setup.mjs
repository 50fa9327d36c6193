// Brings a checkout to the point where everything can run: locked dependencies, the native addon, the TypeScript build.
// Each step is skipped when nothing that it depends on has changed since it last succeeded.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.setup-stamp.json');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19))
  fail(`Callgate needs Node.js 20.19 or later; this is ${process.version}.`);

const stamp = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};

const manifests = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...workspaceManifests()];
const pnpm = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;
step('install', 'locked dependencies', [process.version, ...contents(manifests)], () => {
  run('npx', ['--yes', pnpm, 'install', '--frozen-lockfile', '--reporter=append-only'], { CI: 'true' });
});

const native = filesBelow('packages/native', /\.(cc|h|gyp|mjs)$/);
const addon = join(root, 'packages/native/build/Release/callgate.node');
if (!existsSync(addon)) delete stamp.native;
step('native', 'native addon', [process.version, process.arch, ...contents(native)], () => {
  run(process.execPath, ['packages/native/scripts/build.mjs']);
});

pruneOutputs();

// tsc keeps its own record of what changed; asking it costs well under a second.
run(join('node_modules', '.bin', 'tsc'), ['-b']);

function step(name, title, ingredients, action) {
  const hash = createHash('sha256').update(JSON.stringify(ingredients)).digest('hex');
  if (stamp[name] === hash) return;
  const begun = performance.now();
  process.stderr.write(`callgate: setting up ${title} …\n`);
  action();
  stamp[name] = hash;
  writeFileSync(stampFile, `${JSON.stringify(stamp, null, 2)}\n`);
  process.stderr.write(`callgate: ${title} ready in ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
}

function run(command, args, env = {}) {
  const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`;
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PATH: path, ...env },
  });
  if (result.error) fail(`could not start ${command}: ${result.error.message}`);
  if (result.status !== 0) fail(`${[command, ...args].join(' ')} failed (${result.signal ?? `exit ${result.status}`})`);
}

/** Removes what was compiled from files that are gone: a test among them would run on for ever. */
function pruneOutputs() {
  for (const dir of [
    ...readdirSync(join(root, 'packages')).map((name) => join('packages', name)),
    'examples',
    'bench',
  ]) {
    const dist = join(root, dir, 'dist');
    if (!existsSync(dist)) continue;
    for (const file of readdirSync(dist, { recursive: true }).map(String)) {
      const source = file.replace(/\.(js|js\.map|d\.ts|d\.ts\.map)$/, '.ts');
      if (source !== file && !existsSync(join(root, dir, 'src', source))) rmSync(join(dist, file));
    }
  }
}

function workspaceManifests() {
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  return [...packages, 'examples', 'bench']
    .map((dir) => join(dir, 'package.json'))
    .filter((f) => existsSync(join(root, f)));
}

function filesBelow(dir, pattern) {
  const all = readdirSync(join(root, dir), { recursive: true }).map(String);
  return all
    .filter((f) => pattern.test(f) && !/(^|\/)(node_modules|build|dist)\//.test(f))
    .map((f) => join(dir, f))
    .sort();
}

function contents(files) {
  return files.map((f) => [f, readFileSync(join(root, f), 'utf8')]);
}

function fail(message) {
  process.stderr.write(`callgate: ${message}\n`);
  process.exit(1);
}
