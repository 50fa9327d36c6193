import type { Direction, Link, Listener, Transport, TransportOptions } from '../../transport/contract.js';
import { opposite } from '../../transport/directions.js';
import type { Start } from './protocol.js';

/** All that a peer holds: one transport, at most one listener, and one current link. */
export class Self {
  readonly transport: Transport;
  readonly options: TransportOptions;
  readonly patienceMs: number;
  listener: Listener | undefined;
  #link: Link | undefined;
  readonly #accepted: Link[] = [];
  #onAccepted: (() => void) | undefined;

  constructor(transport: Transport, start: Start) {
    this.transport = transport;
    this.options = start.options;
    this.patienceMs = start.patienceMs;
  }

  /** The link that was connected or accepted last. */
  get link(): Link {
    if (this.#link === undefined) throw new Error('this peer has no link yet');
    return this.#link;
  }

  set link(link: Link) {
    this.#link = link;
  }

  /** For `listen`. */
  accept(link: Link): void {
    this.#accepted.push(link);
    this.#onAccepted?.();
  }

  /** The oldest accepted link that has not been asked for yet. */
  async accepted(): Promise<Link> {
    while (this.#accepted.length === 0) {
      await new Promise<void>((resolve) => {
        this.#onAccepted = resolve;
      });
    }
    return this.#accepted.shift()!;
  }
}

export async function loadTransport(module: Start['transport']): Promise<Transport> {
  const exports = (await import(module.url)) as Record<string, unknown>;
  const transport = exports[module.name] as Transport | undefined;
  if (typeof transport?.connect !== 'function') {
    throw new TypeError(`${module.url} exports no transport under the name "${module.name}"`);
  }
  return module.direction === undefined ? transport : directed(transport, module.direction);
}

/** The same transport, which opens its links in one direction unless it is told another. */
function directed(transport: Transport, direction: Direction): Transport {
  const connecting = (options: TransportOptions): TransportOptions => ({ direction, ...options });
  return {
    scheme: transport.scheme,
    capabilities: transport.capabilities,
    validateOptions: (options) => transport.validateOptions(options),
    connect: (address, options, deadline, signal) => transport.connect(address, connecting(options), deadline, signal),
    connectSync: (address, options, deadline) => transport.connectSync(address, connecting(options), deadline),
    listen: (address, options, onLink, onError) =>
      transport.listen(address, { direction: opposite(direction), ...options }, onLink, onError),
  };
}
