/** Ways in which the reference transport can be made wrong, each of which the suite must notice. */
export type Fault =
  /** Every 50th message is lost. */
  | 'drops a message'
  /** Every 50th message overtakes the one before it. */
  | 'reorders'
  /** Every 50th message comes twice. */
  | 'doubles a message'
  /** One byte of large messages changes. */
  | 'damages a message'
  /** Every 50th message comes without its second half. */
  | 'cuts a message'
  /** What is sent on one link comes out of another. */
  | 'mixes its links up'
  /** A message's room is used again before its release. */
  | 'reuses a held span'
  | 'accepts a message over the limit'
  | 'sends the wrong way'
  | 'lies about its direction'
  | 'is never full'
  /** Says that there is room when there is none. */
  | 'lies about room'
  | 'ignores deadlines'
  | 'gives up before the deadline'
  | 'cuts long deadlines to 32 bits'
  | 'ignores signals'
  | 'keeps its abort listeners'
  | 'keeps its timers'
  | 'blocks the event loop'
  /** Says `ended` while messages wait. */
  | 'ends before it is drained'
  /** The second abort or close replaces the first end. */
  | 'settles twice'
  | 'faults after the end'
  /** Close drops what the peer has not taken. */
  | 'drops on close'
  | 'hides an abort'
  /** Close waits for a reader for ever. */
  | 'ignores the deadline of close'
  | 'ends all links with one'
  | 'takes an address in use'
  | 'keeps its address'
  | 'ends its links with the listener'
  | 'leaks a descriptor'
  | 'leaves a file behind'
  | 'claims to know more than it can'
  | 'ignores rules'
  | 'ignores wrong options'
  /** Of handles: */
  | 'accepts handles in silence'
  | 'leaves handles with their giver'
  | 'hands handles over with the message before'
  | 'keeps handles that nobody took'
  | 'keeps handles that nobody received'
  /** Of a thread that blocks: */
  | 'hangs in waitReadable'
  | 'takes sent for taken'
  | 'never sees what is taken'
  | 'wakes for nothing'
  | 'drops in closeSync'
  | 'waits in connectSync for ever'
  | 'makes credentials up'
  | 'admits everybody'
  /** Of a peer in another process: */
  | 'takes death for an orderly end'
  | 'notices death late'
  | 'takes silence for death'
  | 'delivers half a message of the dead'
  | 'never lets the process end';

export type Faults = ReadonlySet<Fault>;
