import type { MessageQueueHandle } from '@callgate/native';
import { emptyHead, type Head, readHead, restType, TYPE_BYTES } from './layout.js';
import type { PartBuffer } from './part-buffer.js';
import type { ServerLink } from './server-link.js';

/** Messages from the mailbox of which the first part has been taken: the others are taken by a type of their own. */
export class MissingParts {
  readonly #mailbox: MessageQueueHandle;
  readonly #buffer: PartBuffer;
  readonly #head = emptyHead();
  /** By link: [sender, number of the message]. */
  readonly #incomplete = new Map<ServerLink, [number, number][]>();

  constructor(mailbox: MessageQueueHandle, buffer: PartBuffer) {
    this.#mailbox = mailbox;
    this.#buffer = buffer;
  }

  get any(): boolean {
    return this.#incomplete.size > 0;
  }

  /** Takes the parts of a message that have come; those that have not are asked for again by `collect`. */
  expect(link: ServerLink, from: number, serial: number): void {
    const list = this.#incomplete.get(link) ?? [];
    list.push([from, serial]);
    this.#incomplete.set(link, list);
    this.collect();
  }

  /** True when some have come. */
  collect(): boolean {
    let any = false;
    for (const [link, list] of this.#incomplete) {
      if (link.ended || !link.waitsForParts) {
        this.#incomplete.delete(link);
        continue;
      }
      for (const [from, serial] of list) any = this.#collectRest(link, from, serial) || any;
      if (!link.waitsForParts) this.#incomplete.delete(link);
    }
    return any;
  }

  /** Of a message that nobody wants. */
  drop(head: Head): void {
    if (head.parts === 1) return;
    const type = restType(head.from, head.serial);
    for (let part = 1; part < head.parts; part++) {
      if (this.#buffer.receive(this.#mailbox, type) < 0) return;
    }
  }

  #collectRest(link: ServerLink, from: number, serial: number): boolean {
    const { bytes, view } = this.#buffer;
    const type = restType(from, serial);
    let any = false;
    for (;;) {
      const got = this.#buffer.receive(this.#mailbox, type);
      if (got < 0) return any;
      any = true;
      if (readHead(view, TYPE_BYTES, got, this.#head)) link.take(this.#head, bytes, TYPE_BYTES, TYPE_BYTES + got);
    }
  }
}
