import { expect, test } from 'vitest';
import { parse } from './syscalls.js';

test('the counts of strace -c are read with and without errors', () => {
  const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 84.14    0.000122           1       104        12 futex
 15.86    0.000023           3         7           epoll_pwait
------ ----------- ----------- --------- --------- ----------------
100.00    0.000145           1       111        12 total
`;
  expect(parse(text)).toEqual([
    ['futex', 104],
    ['epoll_pwait', 7],
  ]);
});
