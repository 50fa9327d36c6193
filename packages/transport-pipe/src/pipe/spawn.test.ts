import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseAddress } from '@callgate/core/transport';
import { expect, it } from 'vitest';
import { next, put, pythonFrames, rpcError, useStage } from '../testing/stage.js';
import { type PipedChild, type SpawnWithPipesOptions, spawnWithPipes } from './spawn.js';
import { pipeTransport } from './transport.js';

const stage = useStage(pipeTransport);
const program = fileURLToPath(new URL('./testing/echo.child.js', import.meta.url));

async function started(
  command: string,
  args: readonly string[],
  options: SpawnWithPipesOptions = {},
): Promise<PipedChild> {
  const child = await spawnWithPipes(command, args, options);
  const exited = child.process.exitCode ?? child.process.signalCode ?? once(child.process, 'exit');
  stage.later(async () => {
    child.close();
    child.process.kill('SIGKILL');
    await exited;
  });
  return child;
}

/** A child that answers. */
function echo(how: string, url: string, options: SpawnWithPipesOptions = {}): Promise<PipedChild> {
  return started(process.execPath, [program, how, url], options);
}

async function ask(link: Awaited<ReturnType<typeof stage.connect>>, text: string): Promise<string | null> {
  put(link, text);
  return next(link);
}

/** Linux numbers the next process from here on; only root may say. Source: proc_sys_kernel(5). */
const LAST_PID = '/proc/sys/kernel/ns_last_pid';
const canChoosePids = ((): boolean => {
  try {
    accessSync(LAST_PID, constants.W_OK);
    return true;
  } catch {
    return false;
  }
})();

/**
 * Sees to it that another process or thread has a number that has become free: one of ours, which is returned, or, since
 * others start processes too, one of theirs.
 */
async function reuse(pid: number): Promise<ChildProcess | undefined> {
  while (!existsSync(`/proc/${pid}`)) {
    writeFileSync(LAST_PID, String(pid - 1));
    const other = spawn('sleep', ['100'], { stdio: 'ignore' });
    if (other.pid === pid) return other;
    other.kill('SIGKILL');
    await once(other, 'exit');
  }
  return undefined;
}

/** The pipes that a process has open, by descriptor. */
function pipesOf(pid: number): Record<string, string> {
  const found: Record<string, string> = {};
  for (const number of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const what = readlinkSync(`/proc/${pid}/fd/${number}`);
      if (what.startsWith('pipe:')) found[number] = what;
    } catch {
      // The one that listed the folder.
    }
  }
  return found;
}

it('calls a child that serves', async () => {
  const child = await echo('listen', 'pipe:inherited');
  const link = await stage.connect(child.url);
  expect(await ask(link, 'hello')).toBe('hello to you');
  expect(link.peer.address).toBe(child.url);
});

for (const how of ['connect', 'connectSync']) {
  it(`serves a child that calls, by ${how}`, async () => {
    const child = await echo(how, 'pipe:inherited');
    const server = await stage.listen(child.url);
    const link = await server.accepted();
    expect(await ask(link, 'hello')).toBe('hello to you');
  });
}

it('lets the child find its ends by their numbers, whichever', async () => {
  const child = await echo('listen', 'pipe:9,7', { at: [9, 7] });
  expect(await ask(await stage.connect(child.url), 'hello')).toBe('hello to you');
});

it('knows the pid, uid and gid of the child', async () => {
  const child = await echo('listen', 'pipe:inherited');
  const link = await stage.connect(child.url);
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  expect(link.peer.credentials).toEqual({ pid: child.process.pid, uid, gid });
});

it('leaves each end open in one process only', async () => {
  const before = Object.values(pipesOf(process.pid));
  // It could hold ends that came before its own.
  const other = await started('sleep', ['100']);
  const child = await started('sleep', ['100']);
  const theirs = pipesOf(child.pid);
  const fresh = Object.entries(theirs).filter(([number, pipe]) => Number(number) > 2 && !before.includes(pipe));
  expect(fresh.map(([number]) => number)).toEqual(['3', '4']);
  const ours = Object.values(pipesOf(process.pid));
  for (const number of ['3', '4']) {
    expect(Object.values(pipesOf(other.pid))).not.toContain(theirs[number]);
    expect(ours.filter((pipe) => pipe === theirs[number])).toHaveLength(1);
  }
});

it('takes the ends for itself in the child: its own children and a second link get none', async () => {
  const before = Object.values(pipesOf(process.pid));
  const child = await echo('listen', 'pipe:inherited');
  const link = await stage.connect(child.url);
  const open = JSON.parse((await ask(link, 'descriptors'))!) as Record<string, string>;
  const fresh = Object.values(pipesOf(process.pid)).filter((pipe) => !before.includes(pipe));
  const shared = Object.values(open).filter((what) => fresh.includes(what));
  expect(shared).toHaveLength(2);
  expect(await ask(link, 'variable')).toBe('undefined');
});

it('is an orderly end when either side closes', async () => {
  const child = await echo('listen', 'pipe:inherited');
  const link = await stage.connect(child.url);
  const exited = once(child.process, 'exit');
  await link.close();
  expect(await exited).toEqual([0, null]);
});

it('takes the end of file of a child that lives on for an orderly end', async () => {
  const child = await started('python3', [
    '-c',
    `${pythonFrames}
os.write(4, HELLO + frame(b"last words")); os.close(4)
import time; time.sleep(100)`,
  ]);
  const link = await stage.connect(child.url);
  expect([await next(link), await next(link)]).toEqual(['last words', null]);
  expect(link.end).toMatchObject({ by: 'peer', orderly: true });
  expect(link.end?.error).toEqual(rpcError('UNAVAILABLE', 'PEER_CLOSED', `process ${child.pid}`));
});

it('tells of a child that exits in the middle of things that it died, whatever its exit code', async () => {
  for (const ending of [
    'os._exit(0)',
    'os.kill(os.getpid(), 9)',
    'os.write(4, b"\\x10\\0\\0\\0half"); os.close(4); exactly(3, 8)',
  ]) {
    const child = await started('python3', [
      '-c',
      `${pythonFrames}
os.write(4, HELLO + frame(b"last words")); ${ending}`,
    ]);
    const link = await stage.connect(child.url);
    expect([await next(link), await next(link)]).toEqual(['last words', null]);
    expect(link.end).toMatchObject({ by: 'peer', orderly: false });
    expect(link.end?.error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', `process ${child.pid}`));
  }
});

it('tells at once that the child was killed, to whoever waits and to whoever does not', async () => {
  const child = await echo('listen', 'pipe:inherited');
  const link = await stage.connect(child.url);
  const waiting = link.whenReadable(Number.POSITIVE_INFINITY);
  process.kill(child.pid, 'SIGKILL');
  expect(await waiting).toBe(true);
  expect(link.receive()).toBeNull();
  expect((await link.closed).error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', `process ${child.pid}`));
});

it('tells that the child has exited although a child of its own still holds the ends', async () => {
  // `sleep` is left with descriptors 3 and 4.
  const child = await started(
    'sh',
    ['-c', 'sleep 100 & echo $! >&2; exec "$0" "$@"', process.execPath, program, 'listen', 'pipe:inherited'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const [heard] = (await once(child.process.stderr!, 'data')) as [Buffer];
  stage.later(() => process.kill(Number(heard.toString()), 'SIGKILL'));
  const link = await stage.connect(child.url);
  process.kill(child.pid, 'SIGKILL');
  expect((await link.closed).error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', `process ${child.pid}`));
});

it('wakes a blocked caller when the child is killed, though its ends are still held', async () => {
  const caller = stage.run(process.execPath, [
    fileURLToPath(new URL('./testing/blocked.child.js', import.meta.url)),
    program,
  ]);
  const [pid, sleeper] = (await caller.line()).split(' ').map(Number) as [number, number];
  stage.later(() => process.kill(sleeper, 'SIGKILL'));
  expect(await caller.line()).toBe('waiting');
  process.kill(pid, 'SIGKILL');
  expect(await caller.line()).toMatch(/^true PEER_DIED/);
});

it('gives a second use of the same child an error that says so, and never another child', async () => {
  const child = await echo('listen', 'pipe:inherited');
  await (await stage.connect(child.url)).close();
  const other = await echo('listen', 'pipe:inherited');
  expect(other.url).not.toBe(child.url);
  await expect(stage.connect(child.url)).rejects.toEqual(
    rpcError('UNAVAILABLE', 'UNREACHABLE', 'have been used already', 'start the child anew'),
  );
});

it.runIf(canChoosePids)('does not take a process that has got the number of a dead child for the child', async () => {
  const child = await echo('listen', 'pipe:inherited');
  const link = await stage.connect(child.url);
  const unused = await started('true', []);
  const exits = [once(child.process, 'exit'), unused.process.exitCode ?? once(unused.process, 'exit')];
  process.kill(child.pid, 'SIGKILL');
  await Promise.all(exits);
  for (const dead of [child, unused]) {
    const other = await reuse(dead.pid);
    stage.later(() => other?.kill('SIGKILL'));
  }
  expect((await link.closed).error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', `process ${child.pid}`));
  await expect(stage.connect(unused.url)).rejects.toEqual(
    rpcError('UNAVAILABLE', 'UNREACHABLE', 'the child has ended'),
  );
});

it('closes what nobody has used when the child exits', async () => {
  const child = await started('true', []);
  await once(child.process, 'exit');
  await expect(stage.connect(child.url)).rejects.toEqual(rpcError('UNAVAILABLE', 'UNREACHABLE', 'the child has ended'));
});

it('fails with words when the program cannot be started, and leaves nothing', async () => {
  await expect(spawnWithPipes('no-such-program')).rejects.toEqual(
    rpcError('UNAVAILABLE', 'UNREACHABLE', 'cannot start no-such-program', 'ENOENT'),
  );
  const file = stage.path('kept-plain');
  writeFileSync(file, 'no program');
  chmodSync(file, 0o600);
  await expect(spawnWithPipes(file)).rejects.toEqual(rpcError('PERMISSION_DENIED', 'NOT_ALLOWED', 'EACCES'));
  for (const at of [
    [3, 3],
    [2, 3],
    [3, 4000],
    [3.5, 4],
  ] as const) {
    await expect(spawnWithPipes('true', [], { at })).rejects.toEqual(
      rpcError('INVALID_ARGUMENT', 'BAD_OPTION', 'two different descriptors from 3 to 1023'),
    );
  }
});

it('waits for the greeting of a child that stays silent until the deadline, or until it ends', async () => {
  const silent = await started('sleep', ['100']);
  await expect(stage.connect(silent.url, {}, performance.now() + 50)).rejects.toEqual(
    rpcError('DEADLINE_EXCEEDED', 'DEADLINE', `process ${silent.pid}`, 'did not answer in time'),
  );
  const brief = await started('sh', ['-c', 'exec sleep 0.05']);
  await expect(stage.connect(brief.url)).rejects.toEqual(rpcError('UNAVAILABLE', 'PEER_DIED', 'died or dropped'));
});

it('disconnects a child that writes garbage, with its beginning', async () => {
  const child = await started('sh', ['-c', 'echo "Usage: geo [options]" >&4; exec sleep 100']);
  await expect(stage.connect(child.url)).rejects.toEqual(
    rpcError('DATA_LOSS', 'PROTOCOL_VIOLATION', 'does not speak Callgate', '"Usage', `process ${child.pid}`),
  );
});

it('refuses `allow`, which it cannot check', async () => {
  await expect(stage.listen('pipe:stdio', { allow: { uid: 0 } })).rejects.toEqual(
    rpcError('FAILED_PRECONDITION', 'UNSUPPORTED', 'capability: credentials'),
  );
});

it('is full when a child stops reading, as long as it does, and notices its death', async () => {
  const child = await started(
    'python3',
    [
      '-c',
      `${pythonFrames}
os.write(4, HELLO); exactly(3, 8)
sys.stdin.readline(); os.write(4, frame(message(3)[:3]))
sys.stdin.readline()
`,
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  );
  const link = await stage.connect(child.url, { batchBytes: 1024 });
  for (let span = link.claim(1000); span !== null; span = link.claim(1000)) {
    span.bytes.fill(0, span.start, span.end);
    link.commit(1000);
    link.flush();
  }
  expect(await link.whenWritable(1000, performance.now() + 20)).toBe(false);
  child.process.stdin?.write('read one\n');
  expect(await next(link)).toBe('\0\0\0');
  child.process.kill('SIGKILL');
  expect(await link.whenWritable(1000, Number.POSITIVE_INFINITY)).toBe(true);
  expect(link.end?.error).toEqual(rpcError('UNAVAILABLE', 'PEER_DIED'));
});

it('speaks with a Python program over descriptors 3 and 4, which the program reads and writes as it likes', async () => {
  const child = await started('python3', [
    '-c',
    `${pythonFrames}
assert os.environ["CALLGATE_INHERITED"] == "3,4"
assert os.get_blocking(3) and os.get_blocking(4)
os.write(4, HELLO)
assert exactly(3, 8)[:4] == HELLO[:4]
for _ in range(3): os.write(4, frame(message(3).upper()))
os.write(4, frame(b"that was all") + BYE)
`,
  ]);
  const link = await stage.connect(child.url);
  for (const text of ['one', 'two', 'x'.repeat(200_000)]) expect(await ask(link, text)).toBe(text.toUpperCase());
  expect([await next(link), await next(link)]).toEqual(['that was all', null]);
  expect(link.end).toMatchObject({ by: 'peer', orderly: true });
});

it('keeps this process alive only while something waits', async () => {
  const code = `import { pipeTransport, spawnWithPipes } from ${JSON.stringify(new URL('../index.js', import.meta.url).href)};
const child = await spawnWithPipes(process.execPath, [${JSON.stringify(program)}, 'listen', 'pipe:inherited']);
child.process.unref();
const link = await pipeTransport.connect(${JSON.stringify(parseAddress('pipe:child-1'))}, {}, Infinity);
console.log('connected');`;
  const alone = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stage.later(() => alone.kill('SIGKILL'));
  expect(await once(alone, 'exit')).toEqual([0, null]);
});

it('has no ends to give when there are none', async () => {
  await expect(stage.connect('pipe:inherited')).rejects.toEqual(
    rpcError('UNAVAILABLE', 'UNREACHABLE', 'CALLGATE_INHERITED', 'spawnWithPipes'),
  );
});
