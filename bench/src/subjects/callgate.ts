import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, createServer, createSyncClient, releaseLoan } from 'callgate';
import { Greeter } from '../gen/greeter.js';
import { chunksOf, greet } from '../message.js';
import type { NodeSubject, ServerNeeds } from '../subject.js';

/** What is particular to one transport. */
export interface CallgateSubject
  extends Pick<NodeSubject, 'name' | 'about' | 'bare' | 'aside' | 'streams' | 'bulk' | 'lends' | 'crowds'> {
  /** @default 'process' */
  readonly home?: NodeSubject['home'];
  /** The URL at which client and server meet, given the cell's own directory. */
  readonly url: (dir: string) => string;
  /** The server has the system choose where; the client reads it from a file in the directory. @default false */
  readonly chosen?: boolean;
  /** Options of the transport, on both sides. @default none: as a user gets it who says no more than the URL */
  readonly transport?: { readonly [option: string]: unknown };
}

function weigh({ data }: { readonly data: Uint8Array }) {
  const bytes = data.length;
  releaseLoan(data);
  return { bytes };
}

/** Callgate over one transport. */
export function callgateSubject(particular: CallgateSubject): NodeSubject {
  const { url: urlIn, chosen = false, transport = {}, home = 'process', ...words } = particular;
  const noteIn = (dir: string) => join(dir, `${words.name}.url`);
  const optionsFor = ({ maxMessageBytes }: ServerNeeds) =>
    maxMessageBytes === undefined ? transport : { ...transport, maxMessageBytes };
  const whereIn = (dir: string) => (chosen ? readFileSync(noteIn(dir), 'utf8') : urlIn(dir));
  return {
    ...words,
    kind: 'callgate',
    home,
    stalls: particular.streams === true,
    async serve(dir, needs = {}) {
      const server = createServer({ trusted: true });
      server.add(Greeter, { greet, stream: chunksOf, weigh });
      const [url] = await server.listen(urlIn(dir), optionsFor(needs));
      if (chosen) writeFileSync(noteIn(dir), url!);
      return () => server.close();
    },
    async connect({ dir, url = whereIn(dir), ...needs }) {
      const client = createClient(Greeter, url, { transport: optionsFor(needs) });
      return {
        greet: (request) => client.greet(request),
        async stream(chunks, bytes) {
          let got = 0;
          for await (const { data } of client.stream({ chunks, bytes })) if (data.length === bytes) got++;
          return got;
        },
        async stall() {
          await client
            .stream({ chunks: 2 ** 32 - 1, bytes: 1000 })
            [Symbol.asyncIterator]()
            .next();
        },
        async lend(bytes) {
          const data = await client.$channel.allocate(bytes);
          return (await client.weigh({ data })).bytes;
        },
        close: () => client.$close(),
      };
    },
    connectSync({ dir, url = whereIn(dir) }) {
      const client = createSyncClient(Greeter, url, { transport });
      return { greet: (request) => client.greet(request), close: () => client.$close() };
    },
  };
}
