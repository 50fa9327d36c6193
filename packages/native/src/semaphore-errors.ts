/** What goes wrong with semaphores, in words. */
import { hexKey, inWords, kernelLimits, kernelObjects, octal, posixObject } from './system-v.js';

/** What went wrong with a POSIX semaphore. */
export function posixInWords(error: unknown, name: string): unknown {
  const owner = posixObject(`sem.${name.slice(1)}`);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return inWords(error, name, `there is no such semaphore: /dev/shm/sem.${name.slice(1)} does not exist`);
    case 'EEXIST':
      return inWords(error, name, `there is one already, made by uid ${owner?.uid}`);
    case 'EACCES':
      if (owner === undefined) return error;
      return inWords(
        error,
        name,
        `it belongs to uid ${owner.uid} and has mode ${octal(owner.mode)}; this process has uid ${process.geteuid!()}`,
      );
    case 'ENOSPC':
      return inWords(error, name, 'there is no room in /dev/shm, not even for a semaphore');
    default:
      return error;
  }
}

/** What went wrong with a System V set, for those who get one by the addon themselves, too. */
export function setInWords(error: unknown, key: number): unknown {
  const subject = hexKey(key);
  const found = key === 0 ? undefined : kernelObjects('sem').find((set) => set.key === key);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return inWords(error, subject, 'no set of semaphores has this key');
    case 'EEXIST':
      return inWords(error, subject, `a set has this key already, made by uid ${found?.uid}`);
    case 'EACCES':
      if (found === undefined) return error;
      return inWords(
        error,
        subject,
        `a set of uid ${found.uid} has this key, with mode ${octal(found.mode)}; this process has uid ${process.geteuid!()}`,
      );
    case 'ENOSPC': {
      const [, semmns = 0, , semmni = 0] = kernelLimits('sem');
      const many = kernelObjects('sem').length;
      const clear = 'remove those that nobody needs (ipcs -s, ipcrm -s ID) or raise the limit';
      return inWords(
        error,
        subject,
        many >= semmni
          ? `all ${semmni} sets that the system allows (semmni of kernel.sem) are there; ${clear}`
          : `all ${semmns} semaphores that the system allows (semmns of kernel.sem) are there; ${clear}`,
      );
    }
    default:
      return error;
  }
}
