import type { Transport } from '@callgate/core/transport';
import { namedTransport } from '../named/transport.js';
import { posixShmCapabilities } from './capabilities.js';
import { posixMemory } from './memory.js';
import { POSIX_RING_BYTES } from './options.js';

/** `shm+posix:` joins processes over rings in memory of shm_open(3), with POSIX semaphores; see the README of this package. */
export const posixShmTransport: Transport = namedTransport(posixMemory, posixShmCapabilities, POSIX_RING_BYTES);
