/** The simple IPC, the side that asks: `node dist/simple-ipc/asker.js [url]`. */
import { setTimeout } from 'node:timers/promises';
import { createClient, createSyncClient, RpcError } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const [, , url = 'shm+simple:greeter'] = process.argv;

// 2. The first call connects: it gets the memory from the answerer, through the socket, and maps it. Then it waits until
//    its own slot is "empty", encodes the request into it, and sets the status to "full".
const blocking = createSyncClient(Greeter, url, { timeout: 5000 });

// 5. And it looks at the answerer's slot until that is "full". This thread does nothing else meanwhile: it blocks.
console.log(blocking.greet({ name: 'Ada' }).greeting);
blocking.$close();

// The same, awaited: the looking is done between other things that the event loop has to do.
const awaiting = createClient(Greeter, url, { timeout: 5000 });
console.log((await awaiting.greet({ name: 'Grace' })).greeting);

// There is room for one message each way. Who sends two waits until the first has been taken, without seeing anything of it.
const many = await Promise.all(['Edsger', 'Barbara', 'Tony'].map((name) => awaiting.greet({ name })));
console.log(many.map(({ greeting }) => greeting).join(' '));

// A slot has 500 bytes, 32 of which say which method is called, by which call, and how much time is left.
await awaiting.greet({ name: 'x'.repeat(500) }).catch((error: unknown) => {
  if (RpcError.is(error)) console.log(`${error.code}: ${error.message}`);
});

// A side at rest looks ever more rarely, so that it costs next to nothing: the first call after a rest may take a while.
await setTimeout(300);
console.log((await awaiting.greet({ name: 'sleepy head' })).greeting);

// 6. The socket has stayed open all the time, and nothing was said over it. When either process dies, the kernel closes
//    it, and the other knows at once. Neither the memory nor anything else is left behind.
await awaiting.$close();
