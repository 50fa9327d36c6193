import { RpcError } from '../../errors/index.js';
import type { Deadline, Handle } from '../contract.js';
import { violation } from '../ends.js';
import { closeAll } from '../handle.js';
import type { HandleCourier } from './contract.js';

/** Handles that wait here at most, for messages that nobody has received yet. */
const KEPT_HANDLES = 1024;

/** Handles that came with the bytes from `from` to `to`, counted from the head of the inbox. */
interface Arrival {
  from: number;
  to: number;
  readonly handles: readonly Handle[];
}

/**
 * Handles that have come with a stream's bytes. The system says only with which read they came. That is enough: they
 * travel with the first byte of their message, and no read brings the handles of two. Owns them until they are taken.
 */
export class Arrivals {
  readonly #courier: HandleCourier;
  readonly #who: string;
  readonly #arrived: Arrival[] = [];
  /** What the last read brought. */
  #caught: Handle[] = [];
  #kept = 0;

  constructor(courier: HandleCourier, who: string) {
    this.#courier = courier;
    this.#who = who;
  }

  /** One read, see HandleCourier. What it brings is `caught` until `keep`. */
  read(bytes: Buffer, start: number, end: number): number {
    return this.#courier.tryReadWith(bytes, start, end, this.#caught);
  }

  /** The same, waiting for something to come until the deadline. */
  waitRead(bytes: Buffer, start: number, end: number, deadline: Deadline): number {
    return this.#courier.waitReadWith(bytes, start, end, this.#caught, deadline);
  }

  get caught(): boolean {
    return this.#caught.length > 0;
  }

  get waiting(): boolean {
    return this.#arrived.length > 0;
  }

  /** Keeps what was caught, for the message that begins between the two; or closes it, when none does. */
  keep(begins: boolean, from: number, to: number): void {
    const handles = this.#caught;
    this.#caught = [];
    if (!begins) {
      closeAll(handles);
      return;
    }
    if (this.#kept + handles.length <= KEPT_HANDLES) {
      this.#arrived.push({ from, to, handles });
      this.#kept += handles.length;
      return;
    }
    closeAll(handles);
    const message = `${this.#who} sent more than ${KEPT_HANDLES} open file descriptors with messages that are not yet received`;
    throw new RpcError('RESOURCE_EXHAUSTED', message, { reason: 'TOO_MANY_FILES', failed: 'channel' });
  }

  /** Throws when none came for the message that begins at `at` and announces some. */
  mustHave(at: number): void {
    if (this.#find(at) < 0) throw violation(this.#who, 'announced open file descriptors with a message, and sent none');
  }

  /** Those of the message at the head of the inbox: `mustHave(0)` has found them. */
  take(): readonly Handle[] {
    const [arrival] = this.#arrived.splice(this.#find(0), 1);
    this.#kept -= arrival!.handles.length;
    return arrival!.handles;
  }

  /** The head of the inbox moves on: what came with the bytes before it, and was not taken, belongs to no message. */
  forget(bytes: number): void {
    for (const arrival of this.#arrived) {
      arrival.from -= bytes;
      arrival.to -= bytes;
    }
    while (this.#arrived.length > 0 && this.#arrived[0]!.to <= 0) this.#close(this.#arrived.shift()!);
  }

  drop(): void {
    for (const arrival of this.#arrived.splice(0)) this.#close(arrival);
  }

  #find(at: number): number {
    return this.#arrived.findIndex(({ from, to }) => from <= at && at < to);
  }

  #close({ handles }: Arrival): void {
    this.#kept -= handles.length;
    closeAll(handles);
  }
}
