/** What a metadata key's value is: bytes for a key that ends in `-bin`, text for any other. */
export type MetadataValue<K extends string = string> = string extends K
  ? string | Uint8Array
  : K extends `${string}-bin`
    ? Uint8Array
    : string;

/** Metadata to be read. Throws INVALID_ARGUMENT (BAD_METADATA) when asked for a key that none could have, such as `X-Id`. */
export interface MetadataView extends Iterable<readonly [key: string, value: string | Uint8Array]> {
  /** The key's value, the first of several; undefined when it has none. */
  get<K extends string>(key: K): MetadataValue<K> | undefined;
  /** All values of the key, in the order in which they were added. */
  getAll<K extends string>(key: K): readonly MetadataValue<K>[];
  has(key: string): boolean;
  /** How many values there are, of all keys together. */
  readonly size: number;
}
