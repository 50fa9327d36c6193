// Serves the kitchen until it is told to close, by SIGTERM; says why to the guests who still wait.
import { createServer } from 'callgate';
import { Guest, Kitchen } from '../gen/kitchen.js';

const server = createServer();
server.add(Kitchen, {
  async order({ name }, context) {
    const guest = context.client(Guest, { timeout: '5s' });
    const spice = await guest.ask({ text: `How hot is the ${name} to be?` });
    console.log(`cooking ${name}, ${spice.text}`);
    const { text } = await guest.ask({ text: 'Anything to drink?' });
    return { what: `${name}, ${spice.text}, and ${text}` };
  },
});
server.onPeerDeath(({ peer }) => console.log(`process ${peer?.credentials?.pid} died at the table`));
const [url] = await server.listen(process.argv[2] ?? 'unix:kitchen');
console.log(`cooking at ${url}`);

process.once('SIGTERM', () => server.close({ timeoutMs: 100, epitaph: 'the kitchen is on fire' }));
