// Serves Mail at a mailbox, or calls it, blocking; prints what happens, a line each.
import { createClient, createServer, createSyncClient, RpcError } from '../index.js';
import { Mail } from './mailbox.js';

const [url = '', role = '', options = '{}', uid = ''] = process.argv.slice(2);
if (uid !== '') await become(Number(uid));

function failure(action: () => string): string {
  try {
    return action();
  } catch (error) {
    return error instanceof RpcError ? `${error.code} ${error.reason}` : String(error);
  }
}

if (role === 'serve') await serve();
else if (role === 'tell') tell();
else if (role === 'greet') greet();
else call();

async function serve(): Promise<void> {
  const server = createServer({ onError: (error) => console.log(`error: ${error.message}`) });
  server.add(Mail, {
    shout: async ({ text }, { peer }) => {
      console.log(`shout ${text}`);
      const { uid, gid, pid } = peer.credentials ?? { uid: -1, gid: -1, pid: -1 };
      if (text === 'who') console.log(`asked by ${uid} ${gid} ${pid}`);
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

/** Goes on as another user, who may not be able to read this project: what is needed of it is loaded before. */
async function become(uid: number): Promise<void> {
  await createClient(Mail, `mq:/nowhere/${uid}.mq`)
    .shout({ text: '' })
    .catch(() => undefined);
  process.setgroups!([]);
  process.setgid!(uid);
  process.setuid!(uid);
}

function greet(): void {
  const client = createSyncClient(Mail, url, { timeout: 5000 });
  try {
    client.shout({ text: 'who' });
    const { uid, gid, pid } = client.$channel.peer!.credentials!;
    console.log(`served by ${uid} ${gid} ${pid}`);
  } catch (error) {
    console.log(`${(error as RpcError).code} ${(error as RpcError).message}`);
  }
  client.$close();
}

/** Blocks until each of its one-way messages is taken. */
function tell(): void {
  const client = createSyncClient(Mail, url, { direction: 'send', timeout: 10_000 });
  for (const text of ['one', 'two', 'three']) {
    client.note({ text });
    console.log(`told ${text}`);
  }
  client.$close();
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
