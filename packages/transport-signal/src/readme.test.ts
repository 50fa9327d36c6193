import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { resolveSignalOptions } from './options.js';
import { trySend } from './testing/notifications.js';
import { Stage } from './testing/stage.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(`${root}README.md`, 'utf8');

const example = (language: string): string =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1] ?? '';

test('runs the example of the README', async () => {
  const args = ['--input-type=module', '--eval', example('js')];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 20_000 });
  expect(stdout).toMatch(/^guest 42 from process \d+\n$/);
});

test('runs the Python program of the README', async () => {
  const stage = new Stage();
  const announced = "print('announced', flush=True)\nprint(signal.sigwaitinfo";
  const code = example('python').replace('/run/user/1000/callgate-bell.signal', stage.path);
  const python = stage.python(code.replace('print(signal.sigwaitinfo', announced));
  expect(await python.line()).toBe('announced');
  trySend(await stage.connect(), 0, 5);
  expect(await python.line()).toBe(process.pid);
  expect(await python.end()).toBe(0);
});

test('documents every option', () => {
  for (const option of Object.keys(resolveSignalOptions({}))) {
    expect(readme).toMatch(new RegExp(`^\\| \`${option}\` +\\|`, 'm'));
  }
});
