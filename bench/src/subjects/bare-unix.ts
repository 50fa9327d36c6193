import type { ProgramSubject } from '../subject.js';

/** Two processes of native/bare.c that block in read(2) and write(2): the least that a call over a Unix socket can cost. */
export const bareUnix: ProgramSubject = {
  name: 'bare-unix',
  kind: 'bare',
  about: 'C: two processes block on a Unix stream socket',
  mechanism: 'unix',
};
