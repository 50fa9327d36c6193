import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, createServer, createSyncClient } from 'callgate';
import { Greeter } from '../gen/greeter.js';
import { greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

/**
 * Callgate over one transport, with its defaults: as a user gets it who says no more than the URL.
 * @param urlIn the URL at which client and server meet, given the cell's own directory
 * @param chosen the server has the system choose where; the client reads it from a file in the directory
 */
export function callgateSubject(
  name: string,
  about: string,
  home: NodeSubject['home'],
  urlIn: (dir: string) => string,
  chosen = false,
): NodeSubject {
  const noteIn = (dir: string) => join(dir, `${name}.url`);
  const whereIn = (dir: string) => (chosen ? readFileSync(noteIn(dir), 'utf8') : urlIn(dir));
  return {
    name,
    kind: 'callgate',
    about,
    home,
    async serve(dir) {
      const server = createServer();
      server.add(Greeter, { greet });
      const [url] = await server.listen(urlIn(dir));
      if (chosen) writeFileSync(noteIn(dir), url!);
      return () => server.close();
    },
    async connect({ dir }) {
      const client = createClient(Greeter, whereIn(dir));
      return { greet: (request) => client.greet(request), close: () => client.$close() };
    },
    connectSync({ dir }) {
      const client = createSyncClient(Greeter, whereIn(dir));
      return { greet: (request) => client.greet(request), close: () => client.$close() };
    },
  };
}
