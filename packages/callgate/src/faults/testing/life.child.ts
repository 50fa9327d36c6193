/** A program that ends when nothing holds it any more; it says what it got before. */
import { createClient, createServer, createSyncClient, RpcError } from '../../index.js';
import { serveDesk } from './desk.js';
import { Desk } from './gen/desk.js';

const [life, url] = process.argv.slice(2) as [keyof typeof lives, string];

const told = (error: unknown): void => console.log(error instanceof RpcError ? error.code : error);
const client = () => createClient(Desk, url);
const serve = async () => {
  const server = createServer().add(
    Desk,
    serveDesk(() => undefined),
  );
  await server.listen(url);
  return server;
};

const lives = {
  async idle() {
    const { number } = await client().echo({ number: 1 });
    console.log(number);
  },
  async never() {
    client();
    createSyncClient(Desk, url);
  },
  async blocking() {
    console.log(createSyncClient(Desk, url).echo({ number: 2 }).number);
  },
  async waiting() {
    const desk = client();
    await desk.echo({});
    desk.wait({ text: 'answered', number: 300 }).then(({ text }) => console.log(text), told);
  },
  async expiring() {
    const desk = client();
    await desk.echo({});
    desk.hang({}, { timeout: 300 }).then(told, told);
  },
  async connecting() {
    createClient(Desk, url, { connectTimeoutMs: 300 }).echo({}).then(told, told);
  },
  async closed() {
    const server = await serve();
    const desk = client();
    await desk.echo({});
    await desk.$close();
    await server.close();
  },
  async served() {
    const server = await serve();
    const desk = client();
    await desk.echo({});
    // The client stays as it is: nobody is there any more for whom it could wait.
    await server.close();
  },
  async dropped() {
    const desk = client();
    await desk.drop({ text: 'last words' });
  },
};

await lives[life]();
