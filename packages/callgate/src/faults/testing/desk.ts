import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type CallContext, type Handlers, RpcError } from '../../index.js';
import type { Desk, Slip } from './gen/desk.js';

/** Says to the test what has happened, such as `a began`; `a` is the text of the slip. */
export type Emit = (event: string, about?: unknown) => void;

/** The handlers. What they throw is made here, so that this file's name in an error at the caller is a stack that leaked. */
export function serveDesk(
  emit: Emit,
  released: (text: string) => Promise<void> = async () => {},
): Handlers<typeof Desk> {
  const stopped = ({ text }: Slip, { signal }: CallContext): void => {
    const { code, reason } = signal.reason as RpcError;
    emit(`${text} stopped`, { code, reason });
  };
  return {
    echo(slip) {
      if (slip.text !== '') emit(`${slip.text} echoed`);
      return slip;
    },
    whoami: (_slip, { peer }) => ({ ...peer.credentials }),
    fail: ({ text }) => throwFromDeepWithin(text),
    hang(slip, context) {
      emit(`${slip.text} began`);
      return new Promise((resolve) => {
        context.signal.addEventListener('abort', () => {
          stopped(slip, context);
          resolve(slip);
        });
      });
    },
    busy(slip) {
      emit('busy');
      while (!existsSync(slip.text));
      return slip;
    },
    fill: ({ number }) => ({ data: new Uint8Array(number) }),
    wait: (slip) => setTimeout(slip.number, slip),
    held: (slip) => released(slip.text).then(() => slip),
    drop(slip) {
      if (slip.text === 'throw') throw new Error('dropped on the floor');
      emit(`${slip.text} dropped`);
      return {};
    },
  };
}

class Strange {
  toString(): string {
    throw new Error('not even this');
  }
}

/** What handlers throw, by the text of the slip. */
const thrown: Readonly<Record<string, () => unknown>> = {
  text: () => 'just a text',
  nothing: () => undefined,
  strange: () => new Strange(),
  ok: () => new RpcError('OK', 'it went so well'),
  invented: () => new RpcError('NO_SUCH_CODE' as never, 'made up'),
  chosen: () => new RpcError('NOT_FOUND', 'no slip of that number', { reason: 'NO_SUCH_SLIP' }),
  caused: () => new RpcError('ABORTED', 'because', { cause: new Error('a told cause') }),
  secret: () => new Error('no more than this', { cause: new Error('a secret cause') }),
};

function throwFromDeepWithin(text: string): never {
  const make = thrown[text] ?? (() => new TypeError(text));
  throw make();
}
