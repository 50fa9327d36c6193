import { expect, test } from 'vitest';
import { thisThread } from '../channel/index.js';
import { type Capabilities, inheritRendezvous, parseAddress, type Transport } from '../transport/index.js';
import { inprocTransport } from '../transport/inproc/index.js';
import { Listening } from './listening.js';

/** What this thread says of itself when it blocks while it listens there. */
async function placesToldOf(url: string, capabilities: Partial<Capabilities> = {}): Promise<readonly string[]> {
  const transport: Transport = {
    ...inprocTransport,
    capabilities: { ...inprocTransport.capabilities, ...capabilities },
  };
  const address = parseAddress(url);
  const listening = new Listening();
  const listener = await transport.listen(address, {}, (link) => link.close());
  listening.add(listener, { address, transport, transportOptions: {} });
  try {
    return thisThread('geo.Geo/LookUp').places;
  } finally {
    await listening.close();
  }
}

test('a thread that blocks keeps those waiting who call it where it alone serves', async () => {
  expect(await placesToldOf('inproc:alone')).toEqual([`inproc:alone of ${process.pid}`]);
  expect(thisThread('geo.Geo/LookUp').places).toEqual([]);
});

test('a thread that blocks keeps nobody waiting where others take calls, too', async () => {
  expect(await placesToldOf('inproc:mailbox', { addressing: 'mailbox' })).toEqual([]);
  inheritRendezvous('inproc:inherited', 0);
  expect(await placesToldOf('inproc:inherited')).toEqual([]);
});
