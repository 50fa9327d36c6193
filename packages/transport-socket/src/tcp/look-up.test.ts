import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('./testing/look-up.child.js', import.meta.url));
/** A network and mounts of one's own take a right that not every user has. */
const possible =
  existsSync('/etc/resolv.conf') &&
  spawnSync('unshare', ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-look-up-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What the child says before it ends; the watchdog is quicker than the resolver. */
async function run(patienceS: number, scheme: string, mode: string): Promise<unknown> {
  const file = join(folder, 'resolv.conf');
  const args = ['--net', '--mount', process.execPath, program, file, String(patienceS), scheme, mode];
  const child = spawn('unshare', args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 15_000,
    killSignal: 'SIGKILL',
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  await once(child, 'close');
  const lines = text.trim().split('\n').filter(Boolean);
  return lines.length === 0 ? 'nothing before it was killed' : lines.map((line) => JSON.parse(line));
}

describe.runIf(possible)('a name that no server answers for', () => {
  const late = (scheme: string) => ({
    code: 'DEADLINE_EXCEEDED',
    reason: 'DEADLINE',
    message: `cannot connect to ${scheme}:callgate.test:7000: the deadline passed while the name "callgate.test" was being looked up`,
    waited: true,
  });

  it.each([
    ['tcp', 'sync'],
    ['tcp', 'async'],
    ['udp', 'sync'],
    ['udp', 'async'],
  ])('is looked up over %s: until the deadline and no longer, %s', { timeout: 20_000 }, async (scheme, mode) => {
    expect(await run(30, scheme, mode)).toEqual([late(scheme)]);
  });

  it('may go on being looked up when the addon would be unloaded', { timeout: 20_000 }, async () => {
    expect(await run(5, 'tcp', 'worker')).toEqual([late('tcp'), { left: 1 }]);
  });
});
