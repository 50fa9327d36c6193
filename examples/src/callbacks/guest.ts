// Orders a dish and answers the kitchen's questions. The second argument is how hot; without it, this guest never answers.
import { createClient, offer, RpcError } from 'callgate';
import { Guest, Kitchen } from '../gen/kitchen.js';

const [url = 'unix:kitchen', hot] = process.argv.slice(2);

const kitchen = createClient(Kitchen, url, {
  offers: [
    offer(Guest, {
      ask({ text }) {
        console.log(text);
        if (hot === undefined) return new Promise(() => undefined);
        return { text: text.includes('hot') ? hot : 'tea' };
      },
    }),
  ],
});
try {
  const { what } = await kitchen.order({ name: 'curry' });
  console.log(`got ${what}`);
} catch (error) {
  if (!RpcError.is(error)) throw error;
  console.log(`${error.reason}: ${error.message}`);
}
await kitchen.$close();
