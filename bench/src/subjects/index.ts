import type { Subject } from '../subject.js';
import { childIpc } from './child-ipc.js';
import { connect } from './connect.js';
import { fifo } from './fifo.js';
import { grpcJs } from './grpc-js.js';
import { http1 } from './http1.js';
import { inproc } from './inproc.js';
import { messagePort } from './message-port.js';
import { mq } from './mq.js';
import { nativePeers } from './native-peers.js';
import { net } from './net.js';
import { nodeIpcSubject } from './node-ipc.js';
import { pipe } from './pipe.js';
import { shm } from './shm.js';
import { shmNamed } from './shm-named.js';
import { shmSimple } from './shm-simple.js';
import { tcp } from './tcp.js';
import { tls } from './tls.js';
import { udp } from './udp.js';
import { unix } from './unix.js';
import { zeromq } from './zeromq.js';

/** All subjects, in the order of the table. A comparison's two sides stand close together, and so run close in time. */
export const subjects: readonly Subject[] = [
  ...shm,
  ...shmNamed,
  ...childIpc,
  grpcJs,
  ...nativePeers,
  connect,
  net,
  zeromq,
  http1,
  nodeIpcSubject,
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
