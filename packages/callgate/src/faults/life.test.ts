/** What holds a process, and what does not. */
import { describe, expect, it } from 'vitest';
import { runNode } from '../testing/run.js';
import { poll, processSchemes, schemes, useStage } from './testing/stage.js';

const stage = useStage();

const program = new URL('./testing/life.child.js', import.meta.url);
const live = (life: string, url: string) => runNode(program, [life, url]);
const ended = (stdout: string) => ({ code: 0, signal: null, stdout, stderr: '' });

describe.each(processSchemes)('A process over %s: ends by itself', (scheme) => {
  it.each([
    ['when its client has never called', 'never', ''],
    ['when its client is idle', 'idle', '1\n'],
    ['when its client that blocks is idle', 'blocking', '2\n'],
    ['after the reply that it waits for', 'waiting', 'answered\n'],
    ['after the timeout of the call that it waits for', 'expiring', 'DEADLINE_EXCEEDED\n'],
    ['when it has said what nobody answers, which arrives', 'dropped', ''],
  ])('%s.', async (_when, life, output) => {
    const url = stage.url(scheme);
    await stage.serve(stage.here, url);
    expect(await live(life, url)).toEqual(ended(output));
    if (life === 'dropped') await stage.here.event('last words dropped');
    await poll(() => stage.here.do('stats', url)).toMatchObject({ links: 0, running: 0, queued: 0 });
  });

  it('after it has tried to connect to a server that is stopped.', async () => {
    const url = stage.url(scheme);
    const server = stage.process();
    await stage.serve(server, url);
    server.signal('SIGSTOP');
    expect(await live('connecting', url)).toEqual(ended('DEADLINE_EXCEEDED\n'));
  });
});

describe.each(schemes)('A process over %s: ends by itself', (scheme) => {
  it('when its own server is closed, whether its clients are or not.', async () => {
    expect(await live('closed', stage.url(scheme))).toEqual(ended(''));
    expect(await live('served', stage.url(scheme))).toEqual(ended(''));
  });
});
