import type { NamedShmOptions } from '../named/options.js';

/** Options of `shm+sysv:`. */
export type SysvShmOptions = NamedShmOptions;
