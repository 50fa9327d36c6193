import {
  type Address,
  type Deadline,
  type Link,
  openStreamLink,
  openStreamLinkSync,
  selfDeadlock,
} from '@callgate/core/transport';
import { tryLoadAddon } from '@callgate/native';
import { hostsOfSync } from '../tcp/connect.js';
import { calledPlaceOf, isServedHere } from '../tcp/place.js';
import { BLOCKING_REMEDY, type ResolvedTlsOptions } from './options.js';
import { connectThere, connectThereSync } from './thread/host.js';
import { throughTls } from './through-tls.js';

export async function connect(
  address: Address,
  options: ResolvedTlsOptions,
  deadline: Deadline,
  signal?: AbortSignal,
): Promise<Link> {
  if (options.blocking) {
    return openStreamLink(await connectThere(address, options, deadline, signal), options, deadline, signal);
  }
  return throughTls(address, options, deadline, signal, (stream) => {
    stream.blockingRemedy = BLOCKING_REMEDY;
    return openStreamLink(stream, options, deadline, signal);
  });
}

/** Another thread makes the connection, and keeps it: node:tls lives on an event loop. */
export function connectSync(address: Address, options: ResolvedTlsOptions, deadline: Deadline): Link {
  const { host, port } = calledPlaceOf(address);
  const { addon } = tryLoadAddon();
  // Without the addon, a name is not looked up here, and a server of this thread not found by it.
  const hosts = addon === undefined ? [host] : hostsOfSync(addon, address, host, deadline);
  if (hosts.some((one) => isServedHere({ host: one, port }))) throw selfDeadlock(address.url);
  return openStreamLinkSync(connectThereSync(address, options, deadline), options, deadline);
}
