import { createSharedMemory } from '@callgate/native';

const memory = createSharedMemory({ kind: 'posix', name: process.argv[2] ?? 'callgate-sensor', bytes: 4096 });
const [celsius, count] = [0, 1];
const words = new Int32Array(memory.buffer);

while (Atomics.load(words, count) < 100) await new Promise((resolve) => setTimeout(resolve, 1));
console.log(`reading ${Atomics.load(words, count)}: ${Atomics.load(words, celsius)} degrees`);
memory.unlink();
memory.close();
