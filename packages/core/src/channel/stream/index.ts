export { deferStream } from './deferred-stream.js';
export { type OpenStream, RpcStream } from './rpc-stream.js';
export {
  type ObservableLike,
  type OpenSource,
  type Overflow,
  openSource,
  type PacedSource,
  type StreamSource,
  withOverflow,
} from './sources.js';
export { StreamReceiver, undecodableItem } from './stream-receiver.js';
export { Step, StreamPump, StreamSender, trySendRequestEnd } from './stream-sender.js';
export { type ResolvedWindowOptions, resolveWindowOptions, type StreamWindow, type WindowOptions } from './window.js';
