import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

function start(program: string, url: string) {
  const file = fileURLToPath(new URL(`${program}.js`, import.meta.url));
  return spawn(process.execPath, [file, url], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 20_000 });
}

test.each(['shm', 'unix'])('a journey is told in all four ways over %s:, awaited and blocking', async (scheme) => {
  const folder = mkdtempSync(join(tmpdir(), 'callgate-journey-'));
  const url = `${scheme}:${join(folder, 'journey')}`;
  const guide = start('guide', url);
  const gone = once(guide, 'exit');
  try {
    await once(guide.stdout, 'data');
    expect((await text(start('traveller', url).stdout)).trim().split('\n')).toEqual([
      'Berlin, after 0 km',
      'Hanover, after 290 km',
      'Cologne, after 580 km',
      'Berlin and Hanover',
      '1000 km in all',
      'past Berlin',
      'past Hanover',
      'past Cologne',
      'past Brussels',
    ]);
    expect((await text(start('traveller-blocking', url).stdout)).trim().split('\n')).toEqual([
      'Berlin',
      'Hanover',
      'Cologne',
      'Brussels',
      'Paris',
      '1100',
      'past Hanover',
      'past Cologne',
    ]);
  } finally {
    guide.stdin.end();
    await gone;
    const left = readdirSync(folder);
    rmSync(folder, { recursive: true });
    expect(left).toEqual([]);
  }
});
