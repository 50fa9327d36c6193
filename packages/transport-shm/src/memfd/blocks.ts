import type { BlockMemory, Handle, MappedBlock } from '@callgate/core/transport';
import type { Fd, NativeAddon } from '@callgate/native';

/** Blocks in memory files that have no name, sealed as that of the rings is (memfd_create(2)). */
export class MemfdBlocks implements BlockMemory {
  readonly #addon: NativeAddon;

  constructor(addon: NativeAddon) {
    this.#addon = addon;
  }

  make(bytes: number): { readonly block: MappedBlock; readonly handle: Handle } {
    const handle = this.#addon.createMemfd('callgate-block', bytes);
    try {
      return { block: this.#addon.mapMemfd(handle, bytes), handle };
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  map(handle: Handle, bytes: number): MappedBlock {
    // What came over the socket is the addon's own; it verifies seals and size.
    return this.#addon.mapMemfd(handle as Fd, bytes);
  }
}
