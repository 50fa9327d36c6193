import type { Capabilities, Link, Span, Transport } from '../../../transport/contract.js';
import { inprocTransport } from '../../../transport/inproc/index.js';

/** How badly messages fare, in per cent each; the same seed, the same fate. */
export interface Weather {
  readonly seed: number;
  readonly lost: number;
  readonly doubled: number;
  /** Held back until others have overtaken it. */
  readonly late: number;
}

export const STORM: Weather = { seed: 1, lost: 20, doubled: 15, late: 15 };

/** `inproc:`, made to lose, double and reorder what each link sends. */
export function lossyTransport(weather: Weather): Transport {
  const { seed, ...odds } = weather;
  let links = 0;
  const wrap = (link: Link): Link => lossyLink(link, { seed: seed + ++links * 7919, ...odds });
  const capabilities: Capabilities = { ...inprocTransport.capabilities, delivery: 'lossy' };
  return {
    scheme: 'inproc',
    capabilities,
    validateOptions: () => [],
    connect: async (...args) => wrap(await inprocTransport.connect(args[0], {}, args[2], args[3])),
    connectSync: (address, _options, deadline) => wrap(inprocTransport.connectSync(address, {}, deadline)),
    listen: (address, _options, onLink, onError) =>
      inprocTransport.listen(address, {}, (link) => onLink(wrap(link)), onError),
  };
}

/** A link on which what is committed may be lost, come twice, or come late. */
export function lossyLink(link: Link, { seed, lost, doubled, late }: Weather): Link {
  let state = seed;
  const dice = (): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % 100;
  };
  const held: Buffer[] = [];
  let claimed: Span | undefined;
  const send = (bytes: Buffer): void => {
    // A full link loses messages, too.
    const span = link.claim(bytes.length);
    if (span === null) return;
    bytes.copy(span.bytes, span.start);
    link.commit(bytes.length);
  };
  const overrides: Partial<Link> = {
    claim(bytes) {
      const span = link.claim(bytes);
      if (span === null) return null;
      const { start, end } = span;
      claimed = { bytes: span.bytes, view: span.view, start, end };
      return span;
    },
    commit(length) {
      const { bytes, start } = claimed!;
      const copy = Buffer.from(bytes.subarray(start, start + length));
      const fate = dice();
      if (fate < lost) {
        link.abandon();
      } else if (fate < lost + late) {
        link.abandon();
        held.push(copy);
        if (held.length < 3) return;
      } else {
        link.commit(length);
        if (fate < lost + late + doubled) send(copy);
      }
      // What is held back comes at last, the last first.
      if (dice() < 30) while (held.length > 0) send(held.pop()!);
    },
  };
  return new Proxy(link, {
    get(_, key) {
      if (key in overrides) return overrides[key as keyof Link];
      const member: unknown = Reflect.get(link, key, link);
      return typeof member === 'function' ? member.bind(link) : member;
    },
  });
}
