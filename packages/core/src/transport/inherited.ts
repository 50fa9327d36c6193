import { fstatSync, type Stats } from 'node:fs';
import { Reason, RpcError } from '../errors/index.js';
import type { Address, Rendezvous } from './contract.js';
import { describeFile } from './socket-file.js';

/** Descriptors by URL. Of the process: a descriptor is the same for all of its threads, of which only one should listen. */
const descriptors = new Map<string, number>();

/**
 * Whoever listens at the URL from now on, on this thread, takes over a socket (or fifo) that listens already, and that this
 * process has inherited, instead of binding one: see `Transport.bind`. The descriptor stays open, whoever listens and closes.
 */
export function inheritRendezvous(url: string, descriptor: number): void {
  descriptors.set(url, descriptor);
}

/** Whether who listens at the URL accepts from what it has inherited, and others may, too. */
export function isInherited(url: string): boolean {
  return descriptors.has(url);
}

/** What a server accepts from. */
export interface MeetingPlace<T> {
  readonly bound: T;
  /** Removes the name, where this process has made it. Never throws. */
  remove(): void;
  /** Other processes accept from it, too. */
  readonly shared: boolean;
}

/**
 * What was inherited for an address; undefined when nothing was. `adopt` duplicates a descriptor; `serve` notes that
 * this thread serves there, and gives what undoes it. Throws RpcError INVALID_ARGUMENT (BAD_OPTION) for a descriptor that is
 * no such thing.
 */
export function inheritedPlace<T>(
  address: Address,
  word: 'socket' | 'fifo',
  adopt: (descriptor: number) => T,
  serve: () => () => void,
): MeetingPlace<T> | undefined {
  const descriptor = descriptors.get(address.url);
  if (descriptor === undefined) return undefined;
  const stat = statOf(address, descriptor);
  const fits = word === 'socket' ? stat.isSocket() : stat.isFIFO();
  if (!fits) throw unfit(address, descriptor, `${describeFile(stat)}, not a ${word}`);
  return { bound: adopt(descriptor), remove: serve(), shared: true };
}

function statOf(address: Address, descriptor: number): Stats {
  try {
    return fstatSync(descriptor);
  } catch {
    throw unfit(address, descriptor, 'not open');
  }
}

function unfit(address: Address, descriptor: number, what: string): RpcError {
  const words = `cannot listen at ${address.url}: descriptor ${descriptor}, which was to be inherited for it, is ${what}`;
  return new RpcError('INVALID_ARGUMENT', words, { reason: Reason.BAD_OPTION, failed: 'channel' });
}

/** A bound descriptor as others inherit it. Owns it. */
export function rendezvous(
  url: string,
  bound: { readonly value: number; close(): void },
  remove: () => void = () => undefined,
): Rendezvous {
  let open = true;
  return {
    url,
    descriptor: bound.value,
    close() {
      if (!open) return;
      open = false;
      remove();
      bound.close();
    },
  };
}
