/** Questions and answers over links that lose, double and reorder: nothing is run twice, everything is answered. */
import { expect, it } from 'vitest';
import type { Link, Span } from '../../transport/contract.js';
import { inprocTransport, parseAddress } from '../../transport/index.js';
import { resolveLossyOptions } from '../../transport/lossy-options.js';
import { ENVELOPE_BYTES, Flag, Kind, NO_DEADLINE, writeEnvelope } from '../envelope.js';
import { type CalleeFaults, CalleeLink, CallerLink } from './index.js';
import { lossyLink, STORM, type Weather } from './testing/lossy-transport.js';

let names = 0;

interface Pair extends AsyncDisposable {
  readonly caller: CallerLink;
  readonly callee: CalleeLink;
}

async function pair(weather: Weather, faults: CalleeFaults = {}, options = {}): Promise<Pair> {
  const address = parseAddress(`inproc:lossy-${process.pid}-${++names}`);
  const resolved = resolveLossyOptions({ resendMs: 1, resendMostMs: 8, ...options });
  let accept!: (link: Link) => void;
  const accepted = new Promise<Link>((resolve) => {
    accept = resolve;
  });
  const listener = await inprocTransport.listen(address, {}, accept);
  const client = await inprocTransport.connect(address, {}, Number.POSITIVE_INFINITY);
  const caller = new CallerLink(lossyLink(client, weather), resolved, false);
  const callee = new CalleeLink(lossyLink(await accepted, { ...weather, seed: weather.seed + 1 }), resolved, faults);
  return {
    caller,
    callee,
    [Symbol.asyncDispose]: async () => {
      caller.abort();
      callee.abort();
      await listener.close();
    },
  };
}

function put(link: Link, kind: number, flags: number, callId: number, text: string): boolean {
  const payload = Buffer.from(text);
  const span = link.claim(ENVELOPE_BYTES + payload.length);
  if (span === null) return false;
  writeEnvelope(span.view, span.start, kind, flags, 0, payload.length, callId, 0, NO_DEADLINE);
  span.bytes.set(payload, span.start + ENVELOPE_BYTES);
  link.commit(ENVELOPE_BYTES + payload.length);
  link.flush();
  return true;
}

interface Heard {
  readonly kind: number;
  readonly status: number;
  readonly callId: number;
  readonly text: string;
}

/** Hands everything that comes to `on`, until the link ends. */
async function receiveAll(link: Link, on: (heard: Heard) => void): Promise<void> {
  while (!link.ended) {
    const span = link.receive();
    if (span === null) {
      await link.whenReadable(Number.POSITIVE_INFINITY);
      continue;
    }
    const { view, start, bytes, end } = span;
    const status = view.getUint8(start + 6);
    const text = bytes.toString('utf8', start + ENVELOPE_BYTES, end);
    const heard = { kind: view.getUint8(start + 3), status, callId: view.getUint32(start + 16, true), text };
    link.release();
    on(heard);
  }
}

interface Outcome {
  /** How often each was run. */
  readonly runs: ReadonlyMap<number, number>;
  /** How often each was answered, and with what. */
  readonly answers: ReadonlyMap<number, string[]>;
}

/** `calls` questions, some of them answered late, each answered with what it asked. */
async function exchange(weather: Weather, calls: number, faults: CalleeFaults = {}): Promise<Outcome> {
  await using both = await pair(weather, faults);
  const { caller, callee } = both;
  const runs = new Map<number, number>();
  const answers = new Map<number, string[]>();
  void receiveAll(callee, ({ kind, callId, text }) => {
    expect(kind).toBe(Kind.REQUEST);
    runs.set(callId, (runs.get(callId) ?? 0) + 1);
    const answer = (): boolean => callee.end === undefined && put(callee, Kind.REPLY, 0, callId, `${text}!`);
    if (callId % 10 === 0) setTimeout(answer, callId % 40);
    else answer();
  });
  let left = calls;
  let finished!: () => void;
  const done = new Promise<void>((resolve) => {
    finished = resolve;
  });
  void receiveAll(caller, ({ callId, text }) => {
    answers.set(callId, [...(answers.get(callId) ?? []), text]);
    if (--left <= 0) finished();
  });
  for (let callId = 1; callId <= calls; callId++) {
    while (!put(caller, Kind.REQUEST, 0, callId, `call ${callId}`)) {
      await caller.whenWritable(0, Number.POSITIVE_INFINITY);
    }
  }
  await done;
  return { runs, answers };
}

/** What is wrong with an outcome, as words. */
function wrongs({ runs, answers }: Outcome, calls: number): string[] {
  const found = new Set<string>();
  for (let callId = 1; callId <= calls; callId++) {
    if ((runs.get(callId) ?? 0) > 1) found.add('run twice');
    const texts = answers.get(callId) ?? [];
    if (texts.length !== 1) found.add(`answered ${texts.length} times`);
    else if (texts[0] !== `call ${callId}!`) found.add('not answered by its handler');
  }
  return [...found];
}

it.each([1, 2, 3])('answers each of 2000 questions once, run once, in a storm with seed %i', async (seed) => {
  expect(wrongs(await exchange({ ...STORM, seed }, 2000), 2000)).toEqual([]);
});

it('needs no second sending where nothing is lost', async () => {
  expect(wrongs(await exchange({ seed: 1, lost: 0, doubled: 0, late: 0 }, 500), 500)).toEqual([]);
});

/** Hands on what is committed `ms` later, whole and in order: a long way. Counts what was sent. */
function slowLink(link: Link, ms: number): { readonly link: Link; sent: number } {
  const way = { link, sent: 0 };
  let claimed: Span | undefined;
  const overrides: Partial<Link> = {
    claim(bytes) {
      const memory = Buffer.alloc(bytes);
      claimed = { bytes: memory, view: new DataView(memory.buffer, memory.byteOffset, bytes), start: 0, end: bytes };
      return claimed;
    },
    commit(length) {
      const { bytes } = claimed!;
      way.sent++;
      setTimeout(() => {
        const span = link.end === undefined ? link.claim(length) : null;
        if (span === null) return;
        bytes.copy(span.bytes, span.start, 0, length);
        link.commit(length);
        link.flush();
      }, ms);
    },
  };
  way.link = new Proxy(link, {
    get(_, key) {
      if (key in overrides) return overrides[key as keyof Link];
      const member: unknown = Reflect.get(link, key, link);
      return typeof member === 'function' ? member.bind(link) : member;
    },
  });
  return way;
}

it('learns how long the way is, and then asks once for what it asked twice', async () => {
  const address = parseAddress(`inproc:lossy-${process.pid}-${++names}`);
  let accept!: (link: Link) => void;
  const accepted = new Promise<Link>((resolve) => {
    accept = resolve;
  });
  const listener = await inprocTransport.listen(address, {}, accept);
  const way = slowLink(await inprocTransport.connect(address, {}, Number.POSITIVE_INFINITY), 40);
  const caller = new CallerLink(way.link, resolveLossyOptions({ resendMs: 5 }), false);
  const callee = new CalleeLink(await accepted, resolveLossyOptions({}));
  void receiveAll(callee, ({ callId, text }) => void put(callee, Kind.REPLY, 0, callId, text));
  const sentFor: number[] = [];
  let answered = (): void => undefined;
  void receiveAll(caller, () => answered());
  for (let callId = 1; callId <= 12; callId++) {
    const before = way.sent;
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    put(caller, Kind.REQUEST, 0, callId, 'far');
    await answer;
    sentFor.push(way.sent - before);
  }
  caller.abort();
  callee.abort();
  await listener.close();
  expect(sentFor[0]).toBeGreaterThan(1);
  expect(sentFor.slice(4)).toContain(1);
});

it('would notice a callee that forgets what it was asked', async () => {
  expect(wrongs(await exchange(STORM, 500, { forgetsDuplicates: true }), 500)).toContain('run twice');
});

it('would notice a callee that forgets its answers', async () => {
  expect(wrongs(await exchange(STORM, 500, { forgetsReplies: true }), 500)).toContain('not answered by its handler');
});

it('brings one-way messages that nobody waits for, and says when they have come', async () => {
  await using both = await pair(STORM);
  const { caller, callee } = both;
  const seen = new Map<number, number>();
  void receiveAll(callee, ({ callId }) => void seen.set(callId, (seen.get(callId) ?? 0) + 1));
  void receiveAll(caller, () => expect.fail('nobody should hear of it'));
  for (let callId = 1; callId <= 300; callId++) {
    while (!put(caller, Kind.REQUEST, Flag.ONEWAY, callId, 'note'))
      await caller.whenWritable(0, Number.POSITIVE_INFINITY);
  }
  await caller.close(performance.now() + 10_000);
  expect([...seen.values()]).toEqual(new Array(300).fill(1));
});

it('gives up a call that its caller has forgotten, and its callee hears of it', async () => {
  await using both = await pair({ seed: 1, lost: 0, doubled: 0, late: 0 });
  const { caller, callee } = both;
  const heard: number[] = [];
  let wake = (): void => undefined;
  void receiveAll(callee, ({ kind }) => {
    heard.push(kind);
    wake();
  });
  void receiveAll(caller, () => undefined);
  put(caller, Kind.REQUEST, 0, 7, 'slow');
  caller.giveUp(7);
  put(caller, Kind.CANCEL, 0, 7, '');
  while (heard.length < 2) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  expect(heard).toEqual([Kind.REQUEST, Kind.CANCEL]);
});

it('takes no more calls than may go unanswered, and goes on when one is answered', async () => {
  await using both = await pair(
    { seed: 1, lost: 0, doubled: 0, late: 0 },
    {},
    { unansweredCalls: 2, resendMs: 1000, resendMostMs: 1000 },
  );
  const { caller, callee } = both;
  for (const callId of [1, 2]) expect(put(caller, Kind.REQUEST, 0, callId, 'call')).toBe(true);
  expect(put(caller, Kind.REQUEST, 0, 3, 'call')).toBe(false);
  const room = caller.whenWritable(0, Number.POSITIVE_INFINITY);
  void receiveAll(caller, () => undefined);
  void receiveAll(callee, ({ callId }) => void put(callee, Kind.REPLY, 0, callId, 'answer'));
  expect(await room).toBe(true);
  expect(put(caller, Kind.REQUEST, 0, 3, 'call')).toBe(true);
});
