/** `sabotaged.js?module=<URL>&name=<export>&fault=drops+in+closeSync` exports any transport with that fault. */
import type { Transport } from '../../transport/contract.js';
import { loadTransport } from '../peer/self.js';
import type { Fault } from './faults.js';
import { sabotage } from './sabotage.js';

const { searchParams } = new URL(import.meta.url);
const right = await loadTransport({ url: searchParams.get('module') ?? '', name: searchParams.get('name') ?? '' });

export const transport: Transport = sabotage(right, searchParams.getAll('fault') as Fault[]);
