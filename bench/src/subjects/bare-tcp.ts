import type { ProgramSubject } from '../subject.js';

/** Two processes of native/bare.c that block in read(2) and write(2): the least that a call over TCP can cost. */
export const bareTcp: ProgramSubject = {
  name: 'bare-tcp',
  kind: 'bare',
  about: 'C: two processes block on a TCP connection',
  mechanism: 'tcp',
};
