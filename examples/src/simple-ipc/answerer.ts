/** The simple IPC, the side that answers: `node dist/simple-ipc/answerer.js [url]`. */
import { createServer } from 'callgate';
import { Greeter } from '../gen/greeter.js';

const [, , url = 'shm+simple:greeter'] = process.argv;

// 1. A place to meet is made: a Unix socket. For each process that comes, this one makes 1024 bytes of memory that both
//    will see: two slots, one each way. A slot is a status word (empty, full), a length, and 500 bytes.
const server = createServer();

// 3. This side looks at the status of the slot from the asker: often while calls come, more and more rarely in between,
//    ten times a second at last. When it says "full", the request is decoded where it lies, the status becomes "empty"
//    (the asker may write the next one), and this function runs.
server.add(Greeter, {
  greet: ({ name }) => ({ greeting: `Hello, ${name}!` }),
});

// 4. What it returns is written into the other slot, its status "full" last of all: whoever sees the status sees the
//    message, too.
const [where] = await server.listen(url);
console.log(`answering at ${where}`);

process.once('SIGTERM', () => server.close());
