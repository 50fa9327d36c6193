import { from } from 'rxjs';
import { defineMethod, defineService } from '../../codec.js';
import { type Handlers, RpcError, withOverflow } from '../../index.js';
import { textType as text } from '../../testing/echo.js';

/** A service that streams texts in all the ways there are. */
export const Lines = defineService('test.Lines', {
  /** What has happened to the handlers, one word each, with spaces between. */
  told: defineMethod({ name: 'Told', localName: 'told', request: text, response: text }),
  /**
   * `5` gives the numbers below; `5 fail` fails then; `5 of 1000` are of so many letters; `endless` never ends. `5 of 1000
   * drop-oldest` gives them as an observable that does not wait.
   */
  count: defineMethod({ name: 'Count', localName: 'count', kind: 'server-streaming', request: text, response: text }),
  /** Says how many texts and letters there were. `enough` ends it at once; after `hold` nothing more is read. */
  gather: defineMethod({
    name: 'Gather',
    localName: 'gather',
    kind: 'client-streaming',
    request: text,
    response: text,
  }),
  /** Says everything again, in capitals. */
  shout: defineMethod({ name: 'Shout', localName: 'shout', kind: 'bidi-streaming', request: text, response: text }),
});

export function lineHandlers(): Handlers<typeof Lines> {
  const told: string[] = [];
  let given = 0;
  return {
    told({ text: about }) {
      if (about === 'given') return { text: `${given}` };
      if (about === 'rss') return { text: `${process.memoryUsage.rss()}` };
      return { text: told.splice(0).join(' ') };
    },
    count({ text: order }, { signal }) {
      signal.addEventListener('abort', () => told.push((signal.reason as RpcError).code));
      const [number, word, letters = '0', policy] = order.split(' ');
      const end = number === 'endless' ? Number.POSITIVE_INFINITY : Number(number);
      const body = 'x'.repeat(Number(letters));
      function* numbers() {
        try {
          for (let i = 0; i < end; i++) {
            given = i;
            yield { text: word === 'of' ? body : `${i}` };
          }
          if (word === 'fail') throw new RpcError('OUT_OF_RANGE', 'that was all', { reason: 'ALL' });
        } finally {
          told.push('finally');
        }
      }
      if (policy === undefined) return numbers();
      return withOverflow(from(numbers()), { policy: policy as 'fail', bound: 100 });
    },
    async gather(requests, { signal }) {
      let count = 0;
      let letters = 0;
      for await (const { text: line } of requests) {
        if (line === 'enough') break;
        if (line === 'hold') await new Promise((resolve) => signal.addEventListener('abort', resolve));
        count++;
        letters += line.length;
      }
      return { text: `${count} ${letters}` };
    },
    async *shout(requests) {
      for await (const { text: line } of requests) yield { text: line.toUpperCase() };
    },
  };
}
