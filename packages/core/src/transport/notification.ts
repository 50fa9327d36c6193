/**
 * Links of notifications: what a mechanism carries that has no room for messages, such as signals. One message is
 *
 *   0        4        8   bytes, little-endian
 *   ┌────────┬────────┐
 *   │ place  │ value  │   place: in the link's `notifications`. value: 32 bits, 0 where the notification has none
 *   └────────┴────────┘
 *
 * Everything else is as with other links. A transport whose links are such says `delivery: 'coalesced'`.
 */
import type { Link } from './contract.js';

/** Bytes of every message of such a link. */
export const NOTIFICATION_BYTES = 8;
export const PLACE_AT = 0;
export const VALUE_AT = 4;

/** One kind of message, as both ends know it. */
export interface Notification {
  /** The method in words: `house.Bell/Ring`. */
  readonly path: string;
  /** Protobuf's name of the type that its 32 bits are: one of `VALUE_TYPES`. Undefined: no value. */
  readonly value: ValueType | undefined;
  /** What the service's definition chose for it, in the mechanism's own words: only its transport can read them. */
  readonly choice?: string | undefined;
}

/** The types of fields whose values fit into 32 bits. */
export const VALUE_TYPES = ['uint32', 'int32', 'sint32', 'fixed32', 'sfixed32', 'bool', 'enum', 'float'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

export interface NotificationLink extends Link {
  /** What the receiving end takes; the same list at both ends. */
  readonly notifications: readonly Notification[];
}
