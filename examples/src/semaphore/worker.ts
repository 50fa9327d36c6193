import { createSemaphore } from '@callgate/native';

// Two at a time: whoever comes first makes it. What a process has taken comes back when it dies, however it dies.
const licences = createSemaphore({ kind: 'system-v', name: process.argv[2] ?? 'callgate-licences', initial: 2 });

const me = process.argv[3] ?? `worker ${process.pid}`;
if (!(await licences.acquire(10_000))) throw new Error('nobody gave a licence back within 10 s');
console.log(`${me} has a licence`);
if (process.argv[4] === 'crash') process.kill(process.pid, 'SIGKILL');
await new Promise((resolve) => setTimeout(resolve, 20)); // the work
console.log(`${me} gives it back`);
licences.release();
licences.close();
