/** What the process of `callgate serve --processes` and those that it starts tell each other. */

/** To a process, once: what it is to do. */
export interface Order {
  /** `list`: tell the names of the module's services, and end. */
  readonly do: 'list' | 'serve';
  readonly module: string;
  /** Where to listen; none: where the configuration says. */
  readonly urls: readonly string[];
  readonly drainMs: number;
  /** Descriptors of what is bound already, by URL. */
  readonly inherited: Readonly<Record<string, number>>;
}

export type Report =
  | { readonly says: 'services'; readonly services: readonly string[] }
  | { readonly says: 'listening'; readonly urls: readonly string[] }
  | { readonly says: 'failed'; readonly why: string };
