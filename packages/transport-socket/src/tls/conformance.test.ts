import { afterAll, describe, it } from 'vitest';
import { testTls } from './testing/contract.js';

// Below the ports that the system gives out by itself, and apart from those of tcp: and of another run at the same time.
testTls({ describe, it, afterAll }, 4000 + (process.pid % 40) * 100, 'rest');
