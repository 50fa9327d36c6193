import { closeSync, fstatSync } from 'node:fs';
import { RpcError } from '../errors/index.js';
import type { Handle } from './contract.js';

/** What comes with a message that brings no handles. */
export const NO_HANDLES: readonly Handle[] = Object.freeze([]);

class OwnedDescriptor implements Handle {
  #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  get value(): number {
    return this.#number;
  }

  close(): void {
    if (this.#number >= 0) closeSync(this.detach());
  }

  detach(): number {
    const number = this.#number;
    this.#number = -1;
    return number;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * A handle that takes over an open file descriptor, such as `fs.openSync` gives; nobody else may close the number from
 * now on. It isn't closed by being collected. Throws INVALID_ARGUMENT when the number is not that of an open descriptor.
 */
export function handleOf(descriptor: number): Handle {
  try {
    fstatSync(descriptor);
  } catch (cause) {
    const message = `handleOf: ${descriptor} is not the number of an open file descriptor of this process`;
    throw new RpcError('INVALID_ARGUMENT', message, { cause });
  }
  return new OwnedDescriptor(descriptor);
}

/** The same, of a number that is known to be good. */
export function ownDescriptor(descriptor: number): Handle {
  return new OwnedDescriptor(descriptor);
}

/** Throws INVALID_ARGUMENT for anything else that is given as handles. */
export function checkAreHandles(handles: readonly Handle[]): void {
  const strange = handles.findIndex((one) => typeof one?.value !== 'number' || typeof one.detach !== 'function');
  if (strange < 0) return;
  const found: unknown = handles[strange];
  const words = typeof found === 'object' && found !== null ? 'another object' : String(found);
  throw new RpcError('INVALID_ARGUMENT', `handles[${strange}]: expected a Handle (handleOf makes one), found ${words}`);
}

export function closeAll(handles: readonly Handle[]): void {
  for (const handle of handles) handle.close();
}
