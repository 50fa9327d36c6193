import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asyncCases } from './testing/cases-async.js';
import { syncCases } from './testing/cases-sync.js';
import type { Outcome } from './testing/client.js';

/** What a transport carries. Where it does not, the call must be refused with that code. */
interface Carries {
  readonly streams: boolean;
  readonly large: boolean;
  /** Large calls at once. */
  readonly crowd: number;
}
const all: Carries = { streams: true, large: true, crowd: 1000 };

const transports: Readonly<Record<string, Carries>> = {
  shm: all,
  'shm+posix': all,
  'shm+sysv': all,
  'shm+simple': { streams: false, large: false, crowd: 1 },
  unix: all,
  tcp: all,
  tls: all,
  udp: { streams: false, large: false, crowd: 1 },
  pipe: all,
  fifo: all,
  mq: { streams: false, large: true, crowd: 1000 },
  inproc: all,
  // With the handlers in a worker of a pool.
  'shm pool': all,
  'unix pool': all,
  'mq pool': { streams: false, large: true, crowd: 1000 },
};
const refusals = { streams: 'FAILED_PRECONDITION', large: 'RESOURCE_EXHAUSTED' } as const;

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const certificates = file('../../../../bench/certificates');
const certificate = {
  cert: join(certificates, 'localhost.pem'),
  key: join(certificates, 'localhost.key'),
  ca: join(certificates, 'localhost.pem'),
};

describe.each(Object.entries(transports))('%s:', (name, carries) => {
  const [scheme = '', pool = ''] = name.split(' ');
  let folder: string;
  let outcomes: Record<string, Outcome>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'callgate-interop-'));
    const args = [file('./testing/client.js'), scheme, folder, JSON.stringify(certificate), `${carries.crowd}`, pool];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 100_000, killSignal: 'SIGKILL' });
    outcomes = JSON.parse(stdout) as Record<string, Outcome>;
  }, 110_000);

  afterAll(() => {
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  const rows = [
    ...asyncCases.map(({ name, needs }) => [`awaited ${name}`, needs] as const),
    ...syncCases.map(({ name, needs }) => [`blocking ${name}`, needs] as const),
  ];
  test.each(rows)('%s', (name, needs) => {
    const outcome = outcomes[name];
    if (needs === undefined || carries[needs]) expect(outcome).toBe('ok');
    else expect(JSON.stringify(outcome)).toContain(refusals[needs]);
  });
});
