import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Capabilities } from '../transport/contract.js';
import { type Expected, testTransport } from './index.js';
import { notPromisedWhenLossy } from './lossy.js';

const here = new URL('../../src/conformance/', import.meta.url);

const everything: Capabilities = {
  directions: ['duplex'],
  delivery: 'exact',
  maxMessageBytes: 1,
  handlesPerMessage: 4,
  blocking: true,
  loans: false,
  peerDeath: true,
  credentials: true,
  damages: false,
  addressing: 'direct',
  greeting: 'exchanged',
  confirms: false,
};
const nothing: Capabilities = {
  ...everything,
  directions: ['send'],
  handlesPerMessage: 0,
  blocking: false,
  peerDeath: false,
  credentials: false,
};

/** The promises that are put to a transport, theme by theme, each once for all ways and places. */
function promises(expected: Expected): string[] {
  const lines: string[] = [];
  let theme = '';
  testTransport({
    runner: {
      describe(name, body) {
        theme = name;
        body();
      },
      it: (name) => {
        const plain = name.replace(/, from (client to server|server to client)$/, '');
        lines.push(
          `${theme}: ${plain.replace(/\b(in a|is a|a blocked|from a) (worker|process)\b/, '$1 worker or process')}`,
        );
      },
      afterAll: () => {},
    },
    name: 'any',
    transport: { url: 'nowhere:', name: 'any' },
    address: () => 'any:where',
    expected,
  });
  return lines;
}

it('the README lists every promise that is tested, and no other', () => {
  const tested = new Set([
    ...promises({ capabilities: everything, reach: { worker: true, process: true } }),
    ...promises({ capabilities: { ...everything, addressing: 'mailbox' }, reach: { worker: true, process: true } }),
    ...promises({ capabilities: nothing, reach: { worker: false, process: false } }),
    ...promises({
      capabilities: { ...everything, directions: ['duplex', 'send', 'receive'], confirms: true },
      reach: { worker: true, process: true },
    }),
    ...promises({ capabilities: { ...everything, delivery: 'lossy' }, reach: { worker: true, process: true } }),
    ...promises({ capabilities: { ...nothing, directions: ['receive'] }, reach: { worker: false, process: true } }),
  ]);
  const listed: string[] = [];
  let theme = '';
  for (const line of readFileSync(new URL('README.md', here), 'utf8').split('\n')) {
    if (line.startsWith('### ')) theme = line.slice(4);
    else if (line.startsWith('- ') && theme !== '') listed.push(`${theme}: ${line.slice(2)}`);
  }
  expect(listed.toSorted()).toEqual([...tested].toSorted());
});

it('takes from lossy transports only promises that there are', () => {
  const all = promises({ capabilities: everything, reach: { worker: true, process: true } }).map((line) =>
    line.replace(/^\w+: /, '').replace('worker or process', 'process'),
  );
  const unknown = notPromisedWhenLossy.filter((beginning) => {
    return !all.some((promise) => promise.startsWith(beginning.replace('in a worker', 'in a process')));
  });
  expect(unknown).toEqual([]);
});

it('runs under node:test as it does under vitest', async () => {
  const program = fileURLToPath(new URL('./self/under-node-test.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--test-reporter=tap', program]);
  expect(stdout).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(40);
});
