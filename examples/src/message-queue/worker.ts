import { createMessageQueue } from '@callgate/native';

const normal = 2;
const report = 3;

const queue = createMessageQueue({ name: process.argv[2] ?? 'callgate-jobs', mode: 0o600 });
console.log('waiting for work');
if (process.argv[3] === 'when-told') await new Promise((resolve) => process.stdin.once('data', resolve));
for (let job = ''; job !== 'go home'; ) {
  // The lowest type up to 2: what is urgent (1) overtakes what is not, however long that has waited. Blocks the thread.
  job = queue.receiveSync({ type: -normal, timeout: 'never' })?.bytes.toString() ?? '';
  queue.sendSync(Buffer.from(`done: ${job}`), { type: report });
}
queue.close();
process.exit();
