import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';

const program = `
import json, socket
s = socket.socket(fileno=3)
print(json.dumps([s.getsockopt(*at) for at in [(6, 1), (1, 9), (6, 4), (6, 5), (6, 6)]]))
s.detach()
`;

/** Numbers of this process's sockets. */
export function openSockets(): number[] {
  const isSocket = (fd: string): boolean => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  };
  return readdirSync('/proc/self/fd').filter(isSocket).map(Number);
}

/** TCP_NODELAY, SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT, as the kernel tells another program. */
export function tuningOf(fd: number): number[] {
  const { stdout, stderr } = spawnSync('python3', ['-c', program], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as number[];
}
