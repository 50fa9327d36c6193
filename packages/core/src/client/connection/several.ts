import { type Channel, type ChannelLife, deadlinePassed, Life } from '../../channel/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { Deadline, LinkEnd, Peer } from '../../transport/contract.js';
import { type Balance, type Choice, Picker } from './balance.js';
import type { Connection } from './connection.js';
import { Connectivity, type ConnectivityState } from './connectivity.js';
import type { OpenChannel } from './open-channel.js';
import { passes } from './passes.js';
import { Pause, sleepUntil } from './pause.js';
import type { AddressStats, Waiting, Way } from './way.js';

/**
 * Several addresses of one service, a connection each. One that is lost gets no calls; it is tried again, at growing
 * intervals, when a call comes: on the side where calls are awaited, and in turn where they block.
 */
export class Several implements Way {
  readonly connectivity = new Connectivity();
  readonly life: ChannelLife;
  /** Of all connections together: from when there is one until there is none. */
  readonly #life = new Life();
  readonly #connections: readonly Connection[];
  readonly #picker: Picker;
  readonly #choice: Choice;
  /** Whether connections to all addresses are wanted, or to one at a time. */
  readonly #wantsAll: boolean;
  #avoided: Channel | undefined;
  #lastEnd: LinkEnd | undefined;
  #closed = false;

  /** Owns the connections, of which there are two or more. */
  constructor(connections: readonly Connection[], balance: Balance) {
    this.#connections = connections;
    this.#picker = new Picker(balance);
    this.#wantsAll = balance !== 'pick-first';
    this.#choice = {
      count: connections.length,
      usable: (index) => {
        const current = connections[index]?.pick();
        return current !== undefined && !current.channel.ended && current.channel !== this.#avoided;
      },
      load: (index) => connections[index]?.pick()?.channel.callsOut ?? 0,
    };
    for (const connection of connections) this.#follow(connection);
    const life = this.#life;
    this.life = {
      get closed() {
        return life.closed;
      },
      onPeerDeath(listener) {
        const offs = connections.map((connection) => connection.life.onPeerDeath(listener));
        return () => {
          for (const off of offs) off();
        };
      },
    };
  }

  get peer(): Peer | undefined {
    return this.#connections.find((connection) => connection.peer !== undefined)?.peer;
  }

  get lastEnd(): LinkEnd | undefined {
    return this.peer === undefined ? this.#lastEnd : undefined;
  }

  get addresses(): readonly AddressStats[] {
    return this.#connections.flatMap((connection) => connection.addresses);
  }

  get places(): readonly string[] {
    return this.#connections.flatMap((connection) => connection.places);
  }

  pick(avoided?: Channel): OpenChannel | undefined {
    const picked = this.#pick(avoided);
    if (this.#wantsAll && picked !== undefined) this.#connectOthers();
    return picked;
  }

  async open(): Promise<OpenChannel> {
    if (!this.#wantsAll) return this.#openInOrder();
    const opening = this.#connections.map((connection) => connection.open());
    return this.#firstOf(opening);
  }

  openWaiting(waiting: Waiting): Promise<OpenChannel> {
    return this.#firstOf(this.#connections.map((connection) => connection.openWaiting(waiting)));
  }

  openSync(deadline: Deadline, waiting: Waiting | undefined, avoided?: Channel): OpenChannel {
    for (;;) {
      const failures: unknown[] = [];
      if (!this.#wantsAll) {
        const kept = this.#pick(avoided);
        if (kept !== undefined) return kept;
      }
      const order = this.#picker.order(this.#connections.length).map((index) => this.#connections[index]);
      // Whoever failed the call last comes last.
      const last = order.findIndex((connection) => avoided !== undefined && connection?.pick()?.channel === avoided);
      if (last !== -1) order.push(...order.splice(last, 1));
      for (const connection of order) {
        if (connection === undefined) continue;
        try {
          const hurried = connection !== order.at(-1) || this.#othersReady(connection);
          return connection.openSync(deadline, undefined, undefined, hurried ? PATIENCE_MS : undefined);
        } catch (error) {
          failures.push(error);
          if (performance.now() >= deadline) throw error;
        }
      }
      const failure = this.#combined(failures);
      if (waiting === undefined || !passes(failure)) throw failure;
      waiting.hindrance = failure;
      const retryAt = Math.min(...this.#connections.map((connection) => connection.retryAt));
      sleepUntil(Math.min(retryAt, deadline), performance.now());
      if (retryAt >= deadline) throw deadlinePassed('waiting for a connection');
    }
  }

  look(): void {
    for (const connection of this.#connections) connection.look();
  }

  retire(channel: Channel): void {
    for (const connection of this.#connections) connection.retire(channel);
  }

  keepAlive(alive: boolean): void {
    for (const connection of this.#connections) connection.keepAlive(alive);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#connections.map((connection) => connection.close()));
    this.#life.end(CLOSED, undefined);
    this.connectivity.become('closed');
  }

  closeSync(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.closeSync();
    this.#life.end(CLOSED, undefined);
    this.connectivity.become('closed');
  }

  #follow(connection: Connection): void {
    let peer: Peer | undefined;
    connection.connectivity.listen((state) => {
      const { lastEnd } = connection;
      if (state === 'ready') {
        peer = connection.peer;
        this.#life.renew();
      }
      this.#lastEnd = lastEnd ?? this.#lastEnd;
      if (state === 'idle' && this.peer === undefined) this.#lostAll();
      if (lastEnd !== undefined && this.peer === undefined) this.#life.end(lastEnd, peer);
      this.connectivity.become(this.#state());
    });
  }

  /** Those who failed before may be back meanwhile: each is worth an attempt before calls fail. */
  #lostAll(): void {
    for (const connection of this.#connections) connection.tryAnew();
  }

  #pick(avoided: Channel | undefined): OpenChannel | undefined {
    this.#avoided = avoided;
    let index = this.#picker.pick(this.#choice);
    this.#avoided = undefined;
    // Better the one that failed than none.
    if (index === -1 && avoided !== undefined) index = this.#picker.pick(this.#choice);
    return this.#connections[index]?.pick();
  }

  /** In the background; who fails is tried again when the time has come. */
  #connectOthers(): void {
    for (const connection of this.#connections) {
      if (connection.pick() === undefined && connection.mayTry(performance.now())) connection.open().catch(ignored);
    }
  }

  /** One after the other; who takes long has the next one tried beside it. */
  async #openInOrder(): Promise<OpenChannel> {
    const opening: Promise<OpenChannel>[] = [];
    const pause = new Pause();
    for (const connection of this.#connections) {
      const attempt = connection.open();
      opening.push(attempt);
      const done = attempt.then(
        () => true,
        () => false,
      );
      const soon = pause.until(performance.now() + PATIENCE_MS).then(() => false);
      const opened = await Promise.race([done, soon]);
      pause.end();
      if (opened) return attempt;
    }
    return this.#firstOf(opening);
  }

  async #firstOf(opening: readonly Promise<OpenChannel>[]): Promise<OpenChannel> {
    try {
      const first = await Promise.any(opening);
      return this.#pick(undefined) ?? first;
    } catch (error) {
      throw error instanceof AggregateError ? this.#combined(error.errors) : error;
    }
  }

  #othersReady(connection: Connection): boolean {
    return this.#connections.some((other) => other !== connection && other.pick() !== undefined);
  }

  #combined(failures: readonly unknown[]): RpcError {
    const errors = failures.map((failure) => RpcError.from(failure, 'INTERNAL'));
    const telling = errors.find(passes) ?? errors[0];
    if (telling === undefined) return new RpcError('INTERNAL', 'there is no address', { reason: Reason.BAD_ADDRESS });
    if (this.#closed) return telling;
    const words = `none of the ${errors.length} addresses can be reached: ${errors.map(({ message }) => message).join('; ')}`;
    return new RpcError(telling.code, words, { reason: telling.reason, failed: 'channel', cause: telling });
  }

  #state(): ConnectivityState {
    const states = this.#connections.map(({ connectivity }) => connectivity.state);
    for (const state of ['ready', 'connecting', 'idle', 'transient-failure'] as const) {
      if (states.includes(state)) return state;
    }
    return 'closed';
  }
}

/** Milliseconds until another address is tried beside one, or instead: a server that is stopped must hold up nobody. */
const PATIENCE_MS = 250;

/** Of a client that never had a connection. */
const CLOSED: LinkEnd = Object.freeze({
  by: 'local',
  orderly: true,
  error: new RpcError('FAILED_PRECONDITION', 'the client is closed', { reason: Reason.CLOSED }),
});

function ignored(): void {
  // It is told to whoever asks for the address next.
}
