// Serves shifts at a URL, until it is told to go: SIGTERM.
import { createServer } from '../../index.js';
import { Shift, shiftHandlers } from './shift.js';

const [url = '', book = ''] = process.argv.slice(2);
const server = createServer({ onError: (error) => process.stderr.write(`${error.message}\n`) });
server.add(Shift, shiftHandlers(book));
server.drainOnSignals();
// A predecessor may be about to give the name up.
for (let listens = false; !listens; ) {
  try {
    await server.listen(url);
    listens = true;
  } catch (error) {
    if ((error as { reason?: string }).reason !== 'ADDRESS_IN_USE') throw error;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
process.stdout.write('listening\n');
