import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServer, RpcError } from '../index.js';
import { runNode } from '../testing/run.js';
import { Lines, lineHandlers } from './testing/lines.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-again-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each(['shm', 'unix'] as const)('Over %s:, blocking,', (scheme) => {
  it('a stream is read again from its begin, as the policy says, as long as nothing of it has come.', async () => {
    const attempts: number[] = [];
    let runs = 0;
    await using server = createServer();
    server.add(Lines, {
      ...lineHandlers(),
      async *count({ text }, context) {
        const [what, times = '0'] = text.split(' ');
        if (context.previousAttempts === 0) runs = 0;
        if (text === 'before 2') attempts.push(context.previousAttempts);
        context.headers.set('run', `${++runs}`);
        if (what === 'before' && runs <= Number(times)) throw new RpcError('UNAVAILABLE', `failure ${runs}`);
        yield { text: `run ${runs}` };
        if (what === 'after') throw new RpcError('UNAVAILABLE', 'too late');
      },
    });
    const url = `${scheme}:${join(folder, 'lines')}`;
    await server.listen(url);
    const { stdout, stderr } = await runNode(new URL('./testing/again.child.js', import.meta.url), [url]);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      again: ['run 3'],
      headers: ['3'],
      often: ['failure 4'],
      begun: ['run 1', 'too late'],
      unsafe: ['failure 1'],
      stats: { inFlight: 0, lateReplies: 0, lateItems: 0 },
    });
    expect(attempts).toEqual([0, 1, 2]);
  });
});

it('what is not read any more while the link is full is cancelled by the next call.', async () => {
  const program = fileURLToPath(new URL('./testing/server.child.js', import.meta.url));
  const child = spawn(
    process.execPath,
    [program, `shm:${join(folder, 'lines')}?ringBytes=16384&maxMessageBytes=4096`],
    {
      stdio: ['pipe', 'inherit', 'pipe'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    },
  );
  const ended = once(child, 'exit');
  try {
    const [url] = (await once(createInterface(child.stderr), 'line')) as [string];
    const { stdout, stderr } = await runNode(new URL('./testing/full.child.js', import.meta.url), [
      url,
      `${child.pid}`,
    ]);
    expect({ stdout, stderr }).toEqual({ stdout: 'true\n', stderr: '' });
  } finally {
    child.stdin.end();
    child.kill('SIGCONT');
    await ended;
  }
});
