import type { Deadline, Link, Transport } from '../../transport/contract.js';
import type { Fault, Faults } from './faults.js';

const never = Number.POSITIVE_INFINITY;

/** A right transport whose links and methods are bent, for faults that the plain references are too plain to have. */
export function sabotage(transport: Transport, list: readonly Fault[]): Transport {
  const faults: Faults = new Set(list);
  if (faults.size === 0) return transport;
  const bend = (link: Link): Link => withOverrides(link, linkOverrides(link, faults));
  return withOverrides(transport, {
    connect: async (address, options, deadline, signal) =>
      bend(await transport.connect(address, options, deadline, signal)),
    connectSync(address, options, deadline) {
      const until = faults.has('waits in connectSync for ever') ? never : deadline;
      for (;;) {
        try {
          return bend(transport.connectSync(address, options, until));
        } catch (error) {
          if (until !== never) throw error;
        }
      }
    },
    listen(address, options, onLink, onError) {
      const { allow, ...others } = options;
      const rule = allow === undefined || faults.has('admits everybody') ? {} : { allow };
      return transport.listen(address, { ...others, ...rule }, (link) => onLink(bend(link)), onError);
    },
  });
}

function linkOverrides(link: Link, faults: Faults): Partial<Link> {
  const overrides: { -readonly [K in keyof Link]?: Link[K] } = {};
  if (faults.has('hangs in waitReadable')) overrides.waitReadable = () => link.waitReadable(never);
  if (faults.has('wakes for nothing')) {
    overrides.waitReadable = (deadline: Deadline) => link.waitReadable(Math.min(deadline, 0)) || deadline === never;
  }
  if (faults.has('takes sent for taken')) overrides.waitTaken = () => true;
  if (faults.has('never sees what is taken')) {
    overrides.waitTaken = (deadline: Deadline) => link.waitReadable(deadline) && false;
  }
  if (faults.has('drops in closeSync')) overrides.closeSync = () => link.abort();
  if (faults.has('makes credentials up')) {
    overrides.peer = { ...link.peer, credentials: { pid: 1, uid: 0, gid: 0 } };
  }
  return overrides;
}

/** The target with some members replaced. Its methods run on itself, since a proxy has no private fields. */
function withOverrides<T extends object>(target: T, overrides: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      if (key in overrides) return overrides[key as keyof T];
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}
