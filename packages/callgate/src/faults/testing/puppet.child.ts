/** A process or a worker thread of its own for tests: does what it is told by messages, and ends with its parent. */
import { parentPort } from 'node:worker_threads';
import { type CommandName, makeCommands } from './commands.js';
import { tell } from './told.js';

const say = (message: unknown): void => {
  if (parentPort === null) process.send?.(message);
  else parentPort.postMessage(message);
};
const commands = makeCommands((event, about) => say({ event, about }));

const obey = ({ id, name, args }: { id: number; name: CommandName; args: never[] }): void => {
  const command = commands[name] as (...all: never[]) => unknown;
  // `.then`, so that what is thrown at once is told as well.
  Promise.resolve()
    .then(() => command.apply(commands, args))
    .then(
      (value) => say({ id, value }),
      (error) => say({ id, error: tell(error) }),
    );
};

if (parentPort === null) process.on('message', obey).on('disconnect', () => process.exit());
else parentPort.on('message', obey);
