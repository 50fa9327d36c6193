import type { Subject } from '../subject.js';
import { childIpc } from './child-ipc.js';
import { fifo } from './fifo.js';
import { grpcJs } from './grpc-js.js';
import { inproc } from './inproc.js';
import { messagePort } from './message-port.js';
import { mq } from './mq.js';
import { pipe } from './pipe.js';
import { shm } from './shm.js';
import { shmNamed } from './shm-named.js';
import { shmSimple } from './shm-simple.js';
import { tcp } from './tcp.js';
import { tls } from './tls.js';
import { udp } from './udp.js';
import { unix } from './unix.js';

/** All subjects, in the order of the table. A comparison's two sides stand close together, and so run close in time. */
export const subjects: readonly Subject[] = [
  ...shm,
  ...shmNamed,
  childIpc,
  grpcJs,
  ...unix,
  ...tcp,
  ...tls,
  ...udp,
  ...pipe,
  ...fifo,
  ...shmSimple,
  ...mq,
  ...inproc,
  messagePort,
];

/** @throws Error that lists what there is, when there is no such subject */
export function subjectNamed(name: string): Subject {
  const found = subjects.find((subject) => subject.name === name);
  if (found) return found;
  throw new Error(`no subject "${name}": there are ${subjects.map((subject) => subject.name).join(', ')}`);
}
