import { createUdpTransport } from '../transport.js';

export const transport = createUdpTransport({ error: new Error('There is no addon in this test.') });
