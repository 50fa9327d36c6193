import { createSemaphore } from '@callgate/native';

// A semaphore lives on in the kernel until somebody removes it.
const licences = createSemaphore({ kind: 'system-v', name: process.argv[2] ?? 'callgate-licences', create: 'never' });
console.log(`${licences.value} licences are free`);
licences.unlink();
licences.close();
