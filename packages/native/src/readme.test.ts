import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

const examples = [...readFileSync(`${root}README.md`, 'utf8').matchAll(/```js\n([\s\S]*?)```/g)];

test.each(examples.map(([, example], at) => [at + 1, example!]))('example %i of the README runs', (_, example) => {
  const args = ['--input-type=module', '-e', example];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 20_000 });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
