/** What users get where the native addon cannot be loaded. */
import { createTcpTransport } from '../transport.js';

export const transport = createTcpTransport({ error: new Error('the addon is left out on purpose') });
