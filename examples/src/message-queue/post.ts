import { createMessageQueue } from '@callgate/native';

const urgent = 1;
const normal = 2;
const report = 3;

// Whoever comes first makes the queue; only this user's processes may use it.
const queue = createMessageQueue({ name: process.argv[2] ?? 'callgate-jobs', mode: 0o600 });
for (const job of ['sweep the floor', 'water the plants']) await queue.send(Buffer.from(job), { type: normal });
await queue.send(Buffer.from('put out the fire'), { type: urgent });
await queue.send(Buffer.from('go home'), { type: normal });

for (let left = 4; left > 0; left--) {
  const done = await queue.receive({ type: report, timeout: 10_000 });
  if (done === null) throw new Error('nobody works: is worker.js running?');
  console.log(done.bytes.toString());
}
queue.unlink(); // a queue lives on in the kernel until somebody removes it
queue.close();
