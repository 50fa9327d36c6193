import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createClient, createServer, createSyncClient, type RpcError } from '../index.js';
import { Lines, lineHandlers } from './testing/lines.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callgate-refused-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.each([
  ['udp:127.0.0.1:9', 'messages that come once and in order (capability delivery: lossy)'],
  ['mq:lines', 'an exchange of greetings (capability greeting: none)'],
  ['shm+simple:lines', 'an exchange of greetings (capability greeting: none)'],
])('At %s', (address, lacking) => {
  const url = () => address.replace(':lines', `:${join(folder, 'lines')}`);
  const words = (method: string, kind: string) =>
    `test.Lines/${method}: it is ${kind}, which needs ${lacking}: the transport of ${url()} can't carry streams`;
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => Promise.reject(new Error('it did not fail')),
      ({ code, reason, message }: RpcError) => ({ code, reason, message }),
    );
  const refused = (message: string) => ({ code: 'FAILED_PRECONDITION', reason: 'UNSUPPORTED', message });

  it('awaited calls that stream are refused before anything is sent, with the capability', async () => {
    await using client = createClient(Lines, url());
    expect(await failure(lastValueFrom(client.count({ text: '1' })))).toEqual(
      refused(words('Count', 'server-streaming')),
    );
    expect(await failure(client.gather([]))).toEqual(refused(words('Gather', 'client-streaming')));
    expect(await failure(lastValueFrom(client.shout([])))).toEqual(refused(words('Shout', 'bidi-streaming')));
    expect(client.$channel.stats.inFlight).toBe(0);
  });

  it('a server with nothing else does not listen there, one that offers more does', async () => {
    const { told, ...streams } = Lines.methods;
    await using server = createServer({ onError: () => undefined });
    server.add({ ...Lines, methods: streams }, lineHandlers());
    const nothing = '; and as no other method is offered, nothing could be called';
    expect(await failure(server.listen(url()))).toEqual(refused(`${words('Count', 'server-streaming')}${nothing}`));
    server.add({ typeName: 'test.Told', methods: { told } }, { told: lineHandlers().told });
    expect(await server.listen(url())).toHaveLength(1);
  });

  it('so are blocking ones', () => {
    using client = createSyncClient(Lines, url());
    expect(() => client.gather([])).toThrow(words('Gather', 'client-streaming'));
    expect(() => client.count({ text: '1' })).toThrow(words('Count', 'server-streaming'));
  });
});
