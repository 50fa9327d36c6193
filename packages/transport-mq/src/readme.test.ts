import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { mqOptionProblems, resolveMqOptions } from './options.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

it('runs the example of the README', async () => {
  const [, example] = /```js\n([\s\S]*?)```/.exec(readme)!;
  const args = ['--input-type=module', '--eval', example!];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 });
  expect(stdout).toMatch(/^hello from process \d+\n$/);
});

it('documents every option', () => {
  for (const option of Object.keys(resolveMqOptions({})))
    expect(readme).toMatch(new RegExp(`^\\| \`${option}\` +\\|`, 'm'));
});

it('says what is wrong with an option', () => {
  expect(mqOptionProblems({ persistent: 'yes', queueBytes: 1 })).toEqual([
    'persistent: expected true or false, found "yes"',
    'queueBytes: expected a whole number from 256 to 2147483647, found 1',
  ]);
  expect(() => resolveMqOptions({ mode: 0o1777 })).toThrow('bad options of the mq: transport: mode');
});
