import { createSharedMemory } from '@callgate/native';

// A number that changes, for any number of readers: Atomics makes each reading whole.
const memory = createSharedMemory({ kind: 'posix', name: process.argv[2] ?? 'callgate-sensor', bytes: 4096 });
const [celsius, count] = [0, 1];
const words = new Int32Array(memory.buffer);

for (let reading = 1; reading <= 100; reading++) {
  Atomics.store(words, celsius, 20 + (reading % 5));
  Atomics.store(words, count, reading);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
console.log('measured 100 times');
memory.close(); // the name, and what is under it, stay until somebody unlinks it
