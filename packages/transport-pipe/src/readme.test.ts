import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { resolveFifoOptions } from './fifo/options.js';
import { resolvePipeOptions } from './pipe/options.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

it('runs the example of the README', async () => {
  const [, example] = /```js\n([\s\S]*?)```/.exec(readme)!;
  const args = ['--input-type=module', '--eval', example!];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 });
  expect(stdout).toBe('hello from the child: true\n');
});

it('documents every option of each transport', () => {
  const [pipe, fifo] = readme.split('\n## fifo:\n');
  const documented = (text: string | undefined, options: readonly string[]): void => {
    for (const option of options) expect(text).toMatch(new RegExp(`^\\| \`${option}\` +\\|`, 'm'));
  };
  documented(pipe, Object.keys(resolvePipeOptions({})));
  documented(fifo, Object.keys(resolveFifoOptions({})));
});
