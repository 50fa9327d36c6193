/**
 * What a signalfd gives: struct signalfd_siginfo, in the machine's byte order, which is little-endian on all that Node
 * runs on. Source: signalfd(2), and sigaction(2) for the codes.
 *
 *   0       4       8      12      16      20             44      48                     128   bytes
 *   ┌───────┬───────┬───────┬───────┬───────┬──   ──┬───────┬───────┬───────────────────────┐
 *   │ signo │ errno │ code  │  pid  │  uid  │  …    │  int  │  …    │                       │
 *   └───────┴───────┴───────┴───────┴───────┴──   ──┴───────┴───────┴───────────────────────┘
 */
export const BYTES = 128;

/** `code` of sigqueue(3): pid, uid and value are what the sender's program wrote. */
export const QUEUED = -1;
/** `code` of tgkill(2): pid and uid are the kernel's. */
const THREAD_KILLED = -6;

export const signal = (batch: Buffer, at: number): number => batch.readUInt32LE(at);
export const code = (batch: Buffer, at: number): number => batch.readInt32LE(at + 8);
export const pid = (batch: Buffer, at: number): number => batch.readUInt32LE(at + 12);
export const uid = (batch: Buffer, at: number): number => batch.readUInt32LE(at + 16);
export const value = (batch: Buffer, at: number): number => batch.readUInt32LE(at + 44);

/** Whether pid and uid are the sender's own word: the kernel writes them itself only for kill(2) and tgkill(2). */
export const isClaimed = (found: number): boolean => found < 0 && found !== THREAD_KILLED;
