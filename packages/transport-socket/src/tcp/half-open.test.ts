import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('./testing/half-open.child.js', import.meta.url));
/** A network of one's own takes a right that not every user has. */
const possible = spawnSync('unshare', ['--net', 'ip', 'link', 'set', 'lo', 'up']).status === 0;

/** What the child says before it ends. */
async function run(mode: string): Promise<unknown> {
  const args = ['--net', process.execPath, program, mode];
  const child = spawn('unshare', args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  await once(child, 'close');
  return text === '' ? 'nothing before it was killed' : JSON.parse(text);
}

const died = ['peer', false, 'UNAVAILABLE', 'PEER_DIED'];

describe.runIf(possible)('a peer whose machine is cut off without a word', () => {
  it('counts as dead when it answers no question, though nothing was sent', async () => {
    expect(await run('idle')).toEqual(died);
  });

  it('counts as dead when it acknowledges nothing of what was sent', async () => {
    expect(await run('sent')).toEqual(died);
  });

  it('counts as dead for a thread that blocks, too', async () => {
    expect(await run('blocked')).toEqual(died);
  });
});
