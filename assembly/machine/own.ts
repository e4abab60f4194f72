/** Where the parts lie of what each simulated kernel has for itself (machine/kernels.ts). */

/** Begin of each part, from OWN on: all but the last are a few words. */
export namespace Part {
  export const MACHINE: usize = 0;
  export const MASKS: usize = 256;
  export const TOPOLOGY: usize = 320;
  export const BALANCE: usize = 352;
  export const GROUPS: usize = 384;
  export const CLASSES: usize = 400;
  export const TUNABLES: usize = 432;
}

export const OWN_BYTES: usize = 768;

const CACHE_LINE: i32 = 64;
/** Before it lies what is the whole simulation's. */
export const SHARED_BYTES: usize = 128;
export const SHARED: usize = memory.data(<i32>(SHARED_BYTES + OWN_BYTES), CACHE_LINE);
export const OWN: usize = SHARED + SHARED_BYTES;
