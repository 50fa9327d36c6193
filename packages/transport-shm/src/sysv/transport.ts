import type { Transport } from '@callgate/core/transport';
import { namedTransport } from '../named/transport.js';
import { sysvShmCapabilities } from './capabilities.js';
import { sysvMemory } from './memory.js';

/** `shm+sysv:` joins processes over rings in memory of shmget(2), with System V semaphores; see the README of this package. */
export const sysvShmTransport: Transport = namedTransport(sysvMemory, sysvShmCapabilities);
