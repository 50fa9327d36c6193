import { statSync } from 'node:fs';
import { type Listener, parseAddress } from '@callgate/core/transport';
import { expect, it } from 'vitest';
import { rpcError, soon, useStage } from './testing/stage.js';
import { transport } from './testing/without-addon.js';

const stage = useStage();
const why = 'the addon is left out on purpose';

async function listenWithout(url: string, mode: number, body: (listener: Listener) => Promise<void>): Promise<void> {
  const listener = await transport.listen(
    parseAddress(url),
    { mode },
    (link) => void link.closed.then(() => link.close()),
  );
  try {
    await body(listener);
  } finally {
    await listener.close();
  }
}

it('says that it cannot block, and why', () => {
  expect(() => transport.connectSync(parseAddress('unix:/nowhere'), {}, soon())).toThrow(
    rpcError('FAILED_PRECONDITION', 'UNSUPPORTED', 'blocking', why) as Error,
  );
});

it('says that it cannot check who connects, and why', async () => {
  const listening = transport.listen(parseAddress(stage.url('geo')), { allow: { uid: 0 } }, () => undefined);
  await expect(listening).rejects.toEqual(rpcError('FAILED_PRECONDITION', 'UNSUPPORTED', 'credentials', 'allow', why));
});

it('makes the socket file with the mode that was asked for, whatever the umask, and leaves the umask alone', async () => {
  for (const umask of [0, 0o077]) {
    const before = process.umask(umask);
    try {
      await listenWithout(stage.url('geo'), 0o620, async () => {
        expect(statSync(stage.path('geo')).mode & 0o777).toBe(0o620);
        expect(process.umask()).toBe(umask);
      });
    } finally {
      process.umask(before);
    }
  }
});

it('talks with a side that has the addon, both ways round, and is refused by its rules', async () => {
  const server = await stage.listen(stage.url('native'));
  const plain = await transport.connect(parseAddress(server.url), {}, soon());
  expect((await server.accepted()).peer.credentials).toMatchObject({ pid: process.pid });
  expect(plain.peer.credentials).toBeUndefined();
  await plain.close();
  await listenWithout(stage.url('plain'), 0o600, async ({ url }) => {
    const link = await stage.connect(url);
    expect(link.peer.credentials).toMatchObject({ pid: process.pid });
    await link.close();
  });
  const guarded = await stage.listen(stage.url('guarded'), { allow: { uid: [] } });
  await expect(transport.connect(parseAddress(guarded.url), {}, soon())).rejects.toEqual(
    rpcError('PERMISSION_DENIED', 'NOT_ALLOWED', 'is not allowed'),
  );
});

it('takes over a stale socket file, and refuses one in use', async () => {
  const child = stage.child();
  await child.call('listen', stage.url('geo'));
  const taken = transport.listen(parseAddress(stage.url('geo')), {}, () => undefined);
  await expect(taken).rejects.toEqual(rpcError('ALREADY_EXISTS', 'ADDRESS_IN_USE', 'in use by another server'));
  await child.kill();
  await listenWithout(stage.url('geo'), 0o600, async ({ url }) => {
    await (await stage.connect(url)).close();
  });
});
