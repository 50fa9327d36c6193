import type { Credentials } from '@callgate/core/transport';
import type { Bell, Fd, Mapping, NativeAddon } from '@callgate/native';
import type { ResolvedNamedOptions } from './options.js';

/** Which memory a slot speaks of: a number that tells it, and the id of its semaphores where they are apart. */
export type MemoryReference = readonly [memory: number, semaphores: number];

/** Who made something, by the kernel's word, but for what `pidIsTold` says. */
export interface Maker extends Credentials {
  /** The pid is what the maker says; that a process of that number and that user lives is looked after. */
  readonly pidIsTold: boolean;
}

/** The memory of one link, and the bell in it. Its `close` leaves it to the other end. */
export interface LinkMemory {
  readonly reference: MemoryReference;
  readonly mapping: Mapping;
  /** The creator. `told` is the pid that it claims, for mechanisms whose kernel part does not know. */
  maker(told: number): Maker;
  bell(end: 0 | 1, peer: Fd | null): Bell;
  /** Takes the name away, or has the segment go with its last user. Idempotent, never throws. */
  unlink(): void;
  /** For the semaphores, when the link has ended. Idempotent, never throws. */
  removeSemaphores(): void;
  /** What is not the mapping's or the bell's. */
  close(): void;
}

/** The place at which peers meet, as one of them has it open. */
export interface Place {
  readonly mapping: Mapping;
  maker(told: number): Maker;
  bell(end: 0 | 1): Bell;
  /** Server: takes the name away, then lets go of it. Client: lets go. Idempotent, never throws. */
  close(): void;
}

/** What differs between memory that has a name and memory that has a key. */
export interface Mechanism {
  readonly scheme: string;
  /** What the place says it is the place of. Throws INVALID_ARGUMENT (BAD_ADDRESS). */
  placeName(path: string, url: string): string;
  /**
   * Makes the place, after a dead server's is cleared away (`sweep` is given its memory first). Null: try again in a
   * millisecond. Throws a system error in words: EADDRINUSE when a server is alive, or what is there is a stranger's.
   */
  makePlace(
    addon: NativeAddon,
    name: string,
    bytes: number,
    options: ResolvedNamedOptions,
    sweep: (old: ArrayBuffer) => void,
  ): Place | null;
  /** Opens it. Throws a system error in words: ECONNREFUSED when no server is alive there. */
  findPlace(addon: NativeAddon, name: string, options: ResolvedNamedOptions): Place;
  /** Makes memory, zero, all of it there. Throws a system error in words. */
  makeMemory(addon: NativeAddon, name: string, bytes: number, mode: number): LinkMemory;
  /** Opens what a client made. Throws a system error in words. */
  openMemory(
    addon: NativeAddon,
    name: string,
    reference: MemoryReference,
    bytes: number,
    options: ResolvedNamedOptions,
  ): LinkMemory;
  /** Removes what a client that died left behind. Never throws. */
  discardMemory(addon: NativeAddon, name: string, reference: MemoryReference): void;
  /** Removes what may be left of the links of a dead server. Never throws. */
  discardSemaphores(addon: NativeAddon, id: number): void;
}
