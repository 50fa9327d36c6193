import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the example of the README runs', () => {
  const [, example] = /```js\n([\s\S]*?)```/.exec(readFileSync(`${root}README.md`, 'utf8'))!;
  const args = ['--input-type=module', '-e', example!];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 20_000 });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
