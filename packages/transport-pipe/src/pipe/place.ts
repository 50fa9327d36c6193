import { type Address, badAddress } from '@callgate/core/transport';

/** Where a process that was started with pipes finds them: `3,4`, or `stdio`. */
export const INHERITED_VARIABLE = 'CALLGATE_INHERITED';

/** What an address of `pipe:` means. */
export type Place =
  /** Numbers of descriptors that this process was started with: to read from, and to write to. */
  | { readonly kind: 'numbers'; readonly input: number; readonly output: number }
  | { readonly kind: 'stdio' }
  /** As CALLGATE_INHERITED says. */
  | { readonly kind: 'inherited' }
  /** The ends that this thread has kept of pipes to a child. */
  | { readonly kind: 'offered'; readonly name: string };

const numbers = /^(\d{1,9}),(\d{1,9})$/;
const offered = /^child-\d+$/;

/** Throws RpcError INVALID_ARGUMENT (BAD_ADDRESS). */
export function placeOf({ url, path }: Address): Place {
  if (path === 'stdio' || path === 'inherited') return { kind: path };
  if (offered.test(path)) return { kind: 'offered', name: path };
  const found = numbers.exec(path);
  if (found === null) {
    throw badAddress(
      url,
      `expected pipe:inherited, pipe:stdio, two descriptors such as pipe:3,4 (to read from, to write to), or what spawnWithPipes gave; found "${path}"`,
    );
  }
  const [input, output] = [Number(found[1]), Number(found[2])];
  if (input === 2 || output === 2) throw badAddress(url, 'descriptor 2 is where errors are written to');
  return { kind: 'numbers', input, output };
}
