import { describe, expect, it } from 'vitest';
import { createClientOn } from '../client/index.js';
import type { CallContext, Handlers } from '../server/index.js';
import { createServerOn, type ServerOptions } from '../server/index.js';
import { failure } from '../testing/promises.js';
import { type Text, Texts } from '../testing/text-service.js';
import { inprocTransport, parseAddress } from '../transport/index.js';
import { CALL_CONTEXT, inject, injectable, singleton } from './di.js';
import { createServiceMaker } from './services.js';

// Decorators are functions: applied by hand, since this package is compiled without their syntax.
const given = (target: abstract new (...given: never[]) => unknown, ...tokens: readonly unknown[]): void => {
  tokens.forEach((token, i) => {
    inject(token as symbol)(target, undefined, i);
  });
  injectable()(target as never);
};

let names = 0;

/** A server of Texts that is given a class, and a client of it. */
async function served(service: new (...given: never[]) => Handlers<typeof Texts>, options: ServerOptions = {}) {
  const target = {
    address: parseAddress(`inproc:services-${process.pid}-${++names}`),
    transport: inprocTransport,
    transportOptions: {},
  };
  const server = createServerOn(() => [target], options, { services: createServiceMaker() });
  server.add(Texts, service);
  await server.listen();
  const client = createClientOn(Texts, () => target);
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.$close();
      await server.close();
    },
  };
}

/** What was made and disposed of, in order. */
let history: string[] = [];

class Store {
  constructor() {
    history.push('store made');
  }
  dispose(): void {
    history.push('store disposed');
  }
}
singleton()(Store);

class Transaction {
  readonly store: Store;
  constructor(store: Store) {
    history.push('transaction made');
    this.store = store;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    history.push('transaction disposed');
  }
}
given(Transaction, Store);

class Plain implements Handlers<typeof Texts> {
  calls = 0;
  echo = ({ text }: Text): Text => ({ text: `${text} ${++this.calls}` });
  work = (request: Text): Text => request;
  note = this.work;
  [Symbol.dispose](): void {
    history.push('service disposed');
  }
}

class PerCall implements Handlers<typeof Texts> {
  readonly #context: CallContext;
  constructor(context: CallContext, _transaction: Transaction, _store: Store) {
    history.push('service made');
    this.#context = context;
  }
  async echo({ text }: Text): Promise<Text> {
    await Promise.resolve();
    return { text: `${text} ${this.#context.path}` };
  }
  work(): never {
    throw new Error('no');
  }
  note(request: Text): Text {
    return request;
  }
  dispose(): void {
    history.push('service disposed');
  }
}
given(PerCall, CALL_CONTEXT, Transaction, Store);

describe('A service that is given as a class', () => {
  it('is made once, and disposed of with its server.', async () => {
    history = [];
    {
      await using both = await served(Plain);
      expect(await both.client.echo({ text: 'a' })).toEqual({ text: 'a 1' });
      expect(await both.client.echo({ text: 'b' })).toEqual({ text: 'b 2' });
      expect(history).toEqual([]);
    }
    expect(history).toEqual(['service disposed']);
  });

  it('is made for each call when it asks for its context, and disposed of with what was made for it; what all share is kept.', async () => {
    history = [];
    const ofOneCall = ['transaction made', 'service made', 'service disposed', 'transaction disposed'];
    {
      await using both = await served(PerCall, { onError: () => undefined });
      expect(await both.client.echo({ text: 'a' })).toEqual({ text: 'a test.Texts/Echo' });
      await expect.poll(() => history).toEqual(['store made', ...ofOneCall]);
      expect(await failure(both.client.work({ text: 'b' }))).toMatchObject({ code: 'UNKNOWN', message: 'no' });
      await expect.poll(() => history).toEqual(['store made', ...ofOneCall, ...ofOneCall]);
    }
    expect(history.at(-1)).toBe('store disposed');
    expect(history.filter((what) => what.startsWith('store'))).toHaveLength(2);
  });

  it('is refused in words when it can not be made.', async () => {
    class Picky {
      constructor(missing: unknown) {
        void missing;
      }
    }
    given(Picky, Symbol('a missing thing'));
    const server = createServerOn(() => [], {}, { services: createServiceMaker() });
    expect(() => server.add(Texts, Picky as never)).toThrow(/^test.Texts: Picky can't be made: .*a missing thing/s);
    class Empty {}
    expect(() => server.add(Texts, Empty as never)).toThrow(
      'the implementation of test.Texts has no handler for echo, work, note',
    );
    await server.close();
  });

  it('that is made for each call may not be asked for by what all calls share.', async () => {
    class Captor {
      constructor(context: CallContext) {
        void context;
      }
    }
    given(Captor, CALL_CONTEXT);
    singleton()(Captor);
    class Captive {
      constructor(captor: Captor) {
        void captor;
      }
      echo(): Text {
        return { text: '' };
      }
      work(): Text {
        return { text: '' };
      }
      note(): void {}
    }
    given(Captive, Captor);
    const heard: string[] = [];
    await using both = await served(Captive as never, { onError: ({ message }) => void heard.push(message) });
    await failure(both.client.echo({ text: '' }));
    expect(heard.join()).toContain('can only be had while one is handled');
  });
});
