// One of the processes of `callgate serve --processes`. It ends when it has drained: at SIGTERM, or when who started it is gone.
import { RpcError } from '@callgate/core/errors';
import { inheritRendezvous } from '@callgate/core/transport';
import { createServer } from '../index.js';
import type { Order, Report } from './serve-messages.js';
import { addServices } from './serve-module.js';
import { listenAt } from './serve-one.js';

// Ctrl-C reaches all processes of a terminal; who started this one says what is to become of it.
process.on('SIGINT', () => undefined);
process.once('message', (order: Order) => void follow(order));

async function follow(order: Order): Promise<void> {
  try {
    const server = createServer();
    for (const [url, descriptor] of Object.entries(order.inherited)) inheritRendezvous(url, descriptor);
    const services = await addServices(order.module, server);
    if (order.do === 'list') {
      report({ says: 'services', services }, () => process.exit(0));
      return;
    }
    const leave = (): void => void server.drain({ timeoutMs: order.drainMs }).then(() => process.exit(0));
    server.drainOnSignals(['SIGTERM'], { timeoutMs: order.drainMs });
    // Once: the second signal is to do what it does by default.
    process.once('SIGTERM', leave);
    process.once('disconnect', leave);
    report({ says: 'listening', urls: await listenAt(server, order.urls) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    if (!RpcError.is(error)) console.error(error);
    report({ says: 'failed', why }, () => process.exit(1));
  }
}

function report(message: Report, then?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, then);
  else then?.();
}
