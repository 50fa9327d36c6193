/** Who is at the other end. Credentials are the kernel's word, never the wire's. */
export interface Peer {
  /** The URL of the other end, as far as it has one. */
  readonly address: string;
  /** Whether the address names this one peer, or a mailbox that it shares with others. @default 'direct' */
  readonly addressing?: 'direct' | 'mailbox';
  readonly credentials?: Credentials;
  /** What the other end has proved to hold the key of; there only when it was verified. */
  readonly certificate?: PeerCertificate;
}

/** A verified X.509 certificate. Source: RFC 5280. */
export interface PeerCertificate {
  /** Whose it is, such as `CN=geo, O=Example`. */
  readonly subject: string;
  /** Who vouches for that. */
  readonly issuer: string;
  /** The names and addresses that it is for, such as `DNS:geo.example, IP Address:10.0.0.7`; empty for none. */
  readonly names: string;
  /** SHA-256 of the certificate, as `AB:CD:…`. */
  readonly fingerprint256: string;
}

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  /** Undefined where the mechanism tells none: a signal's sender. */
  readonly gid?: number;
  /**
   * True: the sender's own word, which the kernel passed on without looking at it, as with queued signals. Good for
   * finding somebody, not for trusting him; transports that know no better say `credentials: false`.
   */
  readonly claimed?: boolean;
}

/** Which peers may connect: all stated conditions must hold. Empty lists refuse everybody. */
export interface AllowRule {
  readonly uid?: number | readonly number[];
  readonly gid?: number | readonly number[];
}
