/**
 * What the suite's own tests load, in every thread and process. `transports.js` exports right transports;
 * `transports.js?fault=drops+a+message` the same with that fault.
 */
import type { Transport } from '../../transport/contract.js';
import type { Fault } from './faults.js';
import { createMemoryTransport } from './memory.js';
import { createNetTransport } from './net.js';

const faults = new URL(import.meta.url).searchParams.getAll('fault') as Fault[];

export const memory: Transport = createMemoryTransport(faults);
export const oneWay: Transport = createMemoryTransport(faults, { directions: ['send'] });
export const anyWay: Transport = createMemoryTransport(faults, { directions: ['duplex', 'send', 'receive'] });
export const joined: Transport = createMemoryTransport(faults, { joined: true });
export const handing: Transport = createMemoryTransport(faults, { handles: 3 });
export const lossy: Transport = createMemoryTransport(faults, { lossy: true });
export const net: Transport = createNetTransport(faults);
