// Serves Mail at a mailbox, or calls it, blocking; prints what happens, a line each.
import { createServer, createSyncClient, RpcError } from '../index.js';
import { Mail } from './mailbox.js';

const [url = '', role = '', options = '{}'] = process.argv.slice(2);

function failure(action: () => string): string {
  try {
    return action();
  } catch (error) {
    return error instanceof RpcError ? `${error.code} ${error.reason}` : String(error);
  }
}

if (role === 'serve') await serve();
else call();

async function serve(): Promise<void> {
  const server = createServer({ onError: (error) => console.log(`error: ${error.message}`) });
  server.add(Mail, {
    shout: async ({ text }) => {
      console.log(`shout ${text}`);
      if (text === 'hang') await new Promise(() => undefined);
      return { text: `${process.pid} ${text.toUpperCase()}` };
    },
    note: ({ text }) => {
      console.log(`note ${text}`);
      return { text: '' };
    },
    alarm: ({ text }) => {
      console.log(`alarm ${text}`);
      return { text: '' };
    },
  });
  try {
    await server.listen(url, JSON.parse(options) as Record<string, unknown>);
    console.log('listening');
  } catch (error) {
    console.log((error as Error).message);
    process.exit();
  }
  process.stdin.resume().once('end', () => void server.close());
}

function call(): void {
  const client = createSyncClient(Mail, url);
  const takers = new Set<string>();
  for (let i = 0; i < 200; i++) takers.add(client.shout({ text: 'x' }, { timeout: 5000 }).text.split(' ')[0]!);
  console.log(`takers ${takers.size}`);
  console.log(client.shout({ text: 'y'.repeat(50_000) }, { timeout: 5000 }).text.length);
  console.log(failure(() => client.shout({ text: 'hang' }, { timeout: 50 }).text));
  console.log(failure(() => client.shout({ text: 'ready' }, { timeout: 'immediate' }).text.split(' ')[1]!));
  client.note({ text: 'noted' }, { timeout: 5000 });
  console.log('blocking');
  console.log(failure(() => client.shout({ text: 'hang' }).text));
  client.$close();
}
