import type { NamedShmOptions } from '../named/options.js';

/**
 * Options of `shm+posix:`. `ringBytes` is 1048576 (1 MiB) by default, and `maxMessageBytes` what such a ring holds: all of it
 * is taken of /dev/shm at once, so that it can't be missing later. `allow` also says which other users' memory this side
 * touches, listening or connecting: without it, only that of its own user (and, connecting, of root).
 */
export type PosixShmOptions = NamedShmOptions;

export const POSIX_RING_BYTES = 1024 * 1024;
