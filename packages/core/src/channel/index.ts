export { defaultDirection, directionProblem, opposite } from '../transport/directions.js';
export { turn, turnIsDue } from '../transport/turn.js';
export { type BeginOptions, begin, greets, noStreams, notifies } from './begin.js';
export {
  BLOCKED_KEY,
  type BlockedThread,
  decodeBlocked,
  encodeBlocked,
  findBlocked,
  noteServed,
  thisThread,
  threadIdentity,
} from './blocked-threads.js';
export type { Callbacks, MakeCallbacks, Offer, Offering } from './both-ways.js';
export { Channel } from './channel.js';
export {
  currentCall,
  type FollowedCall,
  followCall,
  noteThread,
  type ParentCall,
  propagates,
  runFor,
  runForNobody,
  servesHere,
} from './current-call.js';
export { Deadlines } from './deadlines.js';
export { ENVELOPE_BYTES, type Envelope, Flag, Kind, NO_DEADLINE, spendTime, timeLeft } from './envelope.js';
export { decodeFailure, encodeFailure } from './failure-payload.js';
export { closeUnsent, decodeReceived } from './handle-fields.js';
export { closeAll, NO_HANDLES, takeOver } from './handles.js';
export { encodeHello, type Hello, type MethodEntry, methodPath, parseHello } from './hello.js';
export {
  chain,
  type InterceptedCall,
  type InterceptedContext,
  type Interceptor,
  interceptorError,
  interceptorsOf,
  type NextInterceptor,
} from './interceptor.js';
export { type ChannelEnd, type ChannelLife, Life, type PeerDeathListener } from './life.js';
export { type Loans, releaseLoan } from './loans.js';
export { callingLink, servingLink } from './lossy/index.js';
export { isShared, meetingPlaceOf } from './meeting-place.js';
export { addUnchecked, freezeMetadata, Metadata, type MetadataInit, reservedOf } from './metadata.js';
export { DEFAULT_METADATA_BYTES, encodeMetadata, type MetadataParts, NO_METADATA } from './metadata-block.js';
export { describeMethodId, methodIdOf } from './method-id.js';
export { type NotificationMethod, notificationsOf } from './notifications.js';
export { type CallObserver, observeCall } from './observe-call.js';
export { atLeast, badOption, booleanOf, bytesOf, functionOf, millisecondsOf, unknownOption } from './option-checks.js';
export { Outbox } from './outbox.js';
export { EMPTY_PAYLOAD, RAW_PAYLOAD } from './payloads.js';
export { blockWithAttempts, previousAttempts } from './previous-attempts.js';
export { receiveAvailable, receiveLoop, receiveRest, receiveUntil } from './receive-loop.js';
export * from './relay/index.js';
export type { ReplySink, RequestSink } from './sinks.js';
export * from './stream/index.js';
export { type Phases, parseTimeout, resolveTimeout, type Timeout, type TimeoutPolicy } from './timeout.js';
export { deadlinePassed, driveAsync, driveSync } from './waits.js';
