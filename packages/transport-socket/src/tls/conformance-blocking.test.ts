import { afterAll, describe, it } from 'vitest';
import { testTls } from './testing/contract.js';

// As in conformance.test.ts, and apart from it.
testTls({ describe, it, afterAll }, 9000 + (process.pid % 40) * 25, 'blocking');
