// What `callgate serve` is given in tests: the book is where a variable says.
import type { Server } from '../../index.js';
import { Shift, shiftHandlers } from '../../resilience/testing/shift.js';

export default (server: Server): void => {
  server.add(Shift, shiftHandlers(process.env.TEST_BOOK ?? ''));
};
