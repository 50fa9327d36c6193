/** What users get where the native addon cannot be loaded. */
import { createUnixTransport } from '../transport.js';

export const transport = createUnixTransport({ error: new Error('the addon is left out on purpose') });
