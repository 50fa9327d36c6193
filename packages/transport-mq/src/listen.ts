import type { RpcError } from '@callgate/core/errors';
import type { Address, Link, Listener, TransportOptions } from '@callgate/core/transport';
import type { MessageQueueHandle } from '@callgate/native';
import { requireAddon } from './addon.js';
import { Endpoint } from './endpoint.js';
import { leaver } from './leaving.js';
import { ownIdentity } from './life.js';
import { type MqOptions, resolveMqOptions } from './options.js';
import { placeOf } from './place.js';
import { makeBox } from './queues.js';
import { become, enter, modeOf, refuseStrangers } from './roster.js';
import { withLock } from './roster-lock.js';
import { servedHere } from './served.js';

/** Takes from the mailbox, beside whoever else does. */
export async function listen(
  address: Address,
  options: TransportOptions,
  onLink: (link: Link) => void,
  onError: (error: RpcError) => void = () => undefined,
): Promise<Listener> {
  const resolved = resolveMqOptions(options as MqOptions);
  const native = requireAddon();
  const place = placeOf(address);
  refuseStrangers(place);
  let box: MessageQueueHandle | undefined;
  try {
    // Under the lock: a box that is in no roster would be left behind by a kill.
    const roster = await withLock(native, place, resolved, () => {
      box = makeBox(native, place, modeOf(place, resolved));
      const member = { ...ownIdentity(), role: 'server', box: native.messageQueueId(box) } as const;
      return enter(native, place, resolved, member);
    });
    if (box === undefined) throw new Error('listen: no box was made');
    const id = native.messageQueueId(box);
    const leave = leaver(native, place, resolved, id);
    const mailbox = native.attachMessageQueue(roster.queue);
    const { persistent } = roster;
    const endpoint = new Endpoint({
      native,
      place,
      options: resolved,
      mailbox,
      box,
      persistent,
      onLink,
      onError,
      leave,
    });
    const unserve = servedHere.add(place.roster, id);
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      unserve();
      await withLock(native, place, resolved, () => become(place, id, 'former')).catch(() => undefined);
      endpoint.stopListening();
      await endpoint.whenReleased;
    };
    return {
      url: address.url,
      close: () => {
        closed ??= close();
        return closed;
      },
      ref: () => endpoint.listenerAlive(true),
      unref: () => endpoint.listenerAlive(false),
    };
  } catch (error) {
    box?.close();
    throw error;
  }
}
