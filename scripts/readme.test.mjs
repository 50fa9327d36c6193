import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blocksOf, projectWith, root, run, start } from './readme.blocks.mjs';

const blocks = blocksOf('README.md');
const files = blocks.filter(({ file }) => file !== undefined);
const [generate, programs, swap] = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code);

/** The lines `node <program>.js [&]   # <what it prints>` of the README. */
const steps = programs
  .trim()
  .split('\n')
  .map((line) => {
    const [, program, background, printed] = /^node (\S+)( &)?\s+# (.*)$/.exec(line);
    return { program, background: background !== undefined, printed };
  });

const tsconfig = {
  compilerOptions: {
    strict: true,
    module: 'nodenext',
    target: 'es2023',
    types: ['node'],
    rootDir: 'src',
    outDir: 'dist',
  },
  include: ['src'],
};

let project;

beforeAll(async () => {
  project = projectWith({
    callgate: 'packages/callgate',
    '@types': 'node_modules/@types',
  });
  // As npm would make it; the file itself need not be executable in a checkout.
  const command = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'packages/callgate/bin/callgate.js')}' "$@"\n`;
  project.write('node_modules/.bin/callgate', command);
  chmodSync(join(project.path, 'node_modules/.bin/callgate'), 0o755);
  project.write('package.json', '{ "type": "module" }');
  project.write('tsconfig.json', JSON.stringify(tsconfig));
  for (const { file, code } of files) project.write(file, code);
  const generated = await run('sh', ['-ec', generate], project.path);
  expect(generated).toMatchObject({ status: 0, stdout: expect.stringContaining('src/gen/greeter.ts') });
  expect(await run(join(root, 'node_modules/.bin/tsc'), [], project.path)).toMatchObject({ status: 0, stdout: '' });
}, 60_000);

afterAll(() => project?.remove());

/** Starts the README's server, and stops it when `clients` have had their turn. */
async function withServer(env, clients) {
  const [serving] = steps.filter(({ background }) => background);
  const { child, ended } = start(process.execPath, [serving.program], project.path, env);
  try {
    const [line] = await Promise.race([
      once(child.stdout, 'data'),
      ended.then((status) => [`it ended with ${status}`]),
    ]);
    await clients(String(line), child.pid);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(readdirSync(project.path).filter((name) => /\.(sock|lock)$/.test(name))).toEqual([]);
  } finally {
    child.kill('SIGKILL');
  }
}

describe('The quick start of the README', () => {
  test('is what the examples are, file by file', () => {
    const same = files.map(({ file, code }) => ({ file: join(root, 'examples', file), code }));
    const shared = same.filter(({ file }) => existsSync(file));
    expect(shared.map(({ file }) => file.split('/').at(-1)).toSorted()).toEqual(
      ['call-blocking.ts', 'call.ts', 'callgate.yaml', 'greeter.proto', 'server.ts'].toSorted(),
    );
    for (const { file, code } of shared) expect(code).toBe(readFileSync(file, 'utf8'));
  });

  test('runs and prints what it says', async () => {
    await withServer({}, async (line) => {
      expect(line).toBe(`${steps[0].printed}\n`);
      for (const { program, printed } of steps.slice(1)) {
        const { stdout, status } = await run(process.execPath, [program], project.path);
        expect({ program, stdout, status }).toEqual({ program, stdout: `${printed}\n`, status: 0 });
      }
    });
  });

  test('swaps the transport by the variable that it shows', async () => {
    const [, name, url] = /^export (\w+)=(\S+)$/.exec(swap.trim());
    const env = { [name]: url };
    await withServer(env, async (line) => {
      expect(line).toBe(`Greeting at ${url}\n`);
      for (const { program, printed } of steps.slice(1)) {
        expect((await run(process.execPath, [program], project.path, env)).stdout).toBe(`${printed}\n`);
      }
    });
  });
});

describe('The careful program of the README', () => {
  const program = 'dist/careful.js';

  test('says who answered', async () => {
    await withServer({}, async (_line, pid) => {
      // It asks for a server that is ready now, which on a busy machine it may not be at once.
      const answer = async () => {
        const { stdout, stderr } = await run(process.execPath, [program], project.path);
        if (stdout === '') expect(stderr).toMatch(/^UNAVAILABLE NOT_READY call /);
        return { stdout, stderr };
      };
      await expect
        .poll(answer, { timeout: 20_000 })
        .toEqual({ stdout: `Hello, Edsger! from process ${pid}\n`, stderr: '' });
    });
  });

  test('says what went wrong when nobody serves', async () => {
    const { status, stderr } = await run(process.execPath, [program], project.path);
    expect(status).toBe(0);
    expect(stderr).toMatch(
      /^UNAVAILABLE UNREACHABLE channel quickstart\.Greeter\/Greet: cannot connect to shm:greeter: /,
    );
  });
});
