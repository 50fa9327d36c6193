import { createClient, createServer, createSyncClient } from 'callgate';
import { Greeter } from '../gen/greeter.js';
import { greet } from '../message.js';
import type { NodeSubject } from '../subject.js';

/**
 * Callgate over one transport, with its defaults: as a user gets it who says no more than the URL.
 * @param urlIn the URL at which client and server meet, given the cell's own directory
 */
export function callgateSubject(
  name: string,
  about: string,
  home: NodeSubject['home'],
  urlIn: (dir: string) => string,
): NodeSubject {
  return {
    name,
    kind: 'callgate',
    about,
    home,
    async serve(dir) {
      const server = createServer();
      server.add(Greeter, { greet });
      await server.listen(urlIn(dir));
      return () => server.close();
    },
    async connect({ dir }) {
      const client = createClient(Greeter, urlIn(dir));
      return { greet: (request) => client.greet(request), close: () => client.$close() };
    },
    connectSync({ dir }) {
      const client = createSyncClient(Greeter, urlIn(dir));
      return { greet: (request) => client.greet(request), close: () => client.$close() };
    },
  };
}
