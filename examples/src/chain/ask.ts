// Asks the first one of a chain: its URL, a name, and the milliseconds that it has.
import { createClient, RpcError } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const [url = 'unix:relay', name = 'Ada', timeout = '2000'] = process.argv.slice(2);

const client = createClient(Greeter, url, { timeout: Number(timeout) });
try {
  console.log((await client.greet({ name })).greeting);
} catch (error) {
  if (!RpcError.is(error)) throw error;
  console.log(`${error.code} ${error.reason}: ${error.message}`);
}
await client.$close();
