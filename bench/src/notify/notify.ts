import { join } from 'node:path';
import { compilerIsThere, runBare } from '../bare.js';
import type { Children } from '../children.js';
import type { Timing } from '../timing.js';

export interface NotifyJob {
  readonly url: string;
  readonly mode: 'sync' | 'async';
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

/** What the receiver counted. */
export interface Received {
  readonly received: number;
  readonly sent: number;
  readonly inOrder: boolean;
}

/** One way of sending notifications. */
export interface NotifyRow extends Timing {
  readonly subject: string;
  readonly about: string;
}

/** One-way calls over signals, awaited and blocking, and bare signals in C. Throws when one was lost or out of order. */
export async function measureNotify(
  children: Children,
  lengths: Pick<NotifyJob, 'seconds' | 'warmUpSeconds'>,
): Promise<NotifyRow[]> {
  const rows: NotifyRow[] = [];
  for (const mode of ['async', 'sync'] as const) {
    const url = `signal:${join(children.dir, `bell-${mode}`)}`;
    const receiver = children.startModule(new URL('server-main.js', import.meta.url), { url });
    await receiver.nextLine();
    const job: NotifyJob = { url, mode, ...lengths };
    const sender = children.startModule(new URL('client-main.js', import.meta.url), job);
    const timing = JSON.parse(await sender.nextLine()) as Timing;
    const counted = JSON.parse(await receiver.nextLine()) as Received;
    await sender.gone;
    await receiver.stop();
    if (counted.received !== counted.sent || !counted.inOrder) {
      throw new Error(`signal, ${mode}: of ${counted.sent} notifications ${counted.received} came, or out of order`);
    }
    const about = mode === 'async' ? 'awaited: the kernel has it' : 'blocking: the receiver has taken it';
    rows.push({ ...timing, subject: `signal, ${mode}`, about });
  }
  if (!compilerIsThere()) return rows;
  const bare = await runBare(children, { mechanism: 'signal', requestBytes: 0, replyBytes: 0, ...lengths });
  const { cpuUsPerCall: _cpu, rssMiB: _rss, ...timing } = bare;
  rows.push({ ...timing, subject: 'bare-signal', about: 'C: sigqueue, sigwaitinfo' });
  return rows;
}
