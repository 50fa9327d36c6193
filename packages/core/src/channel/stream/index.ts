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
export { Step, StreamPump, StreamSender } from './stream-sender.js';
export { LARGEST_WINDOW, type StreamWindow } from './window.js';
