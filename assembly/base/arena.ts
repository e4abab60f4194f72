/**
 * The arena: all records of a simulation, laid out once at set-up and never freed.
 *
 * Records are `@unmanaged` classes, so they cost what a C struct costs and the code still reads like the kernel's. The stub
 * runtime's heap is a bump allocator over fresh, zeroed memory, which is all an arena needs; nothing allocates after set-up, and
 * `memory.size` is therefore constant while a simulation runs.
 */

const CACHE_LINE: usize = 64;
const WASM_PAGE: usize = 65536;
/** A mebibyte. */
const SLACK_PAGES: usize = 16;

/** Bytes from one record of an array to the next: no record straddles more cache lines than it must. */
export function strideOf<T>(): usize {
  if (offsetof<T>() <= CACHE_LINE / 2) return CACHE_LINE / 2;
  return (offsetof<T>() + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
}

/** Zeroed space for `count` records of T, side by side; returns the address of the first. */
export function allocateArray<T>(count: usize): usize {
  return allocateBytes(strideOf<T>() * count);
}

/** Zeroed space for one record of T. */
export function allocate<T>(): T {
  return changetype<T>(allocateBytes(strideOf<T>()));
}

/** Where the last request's space ends. */
let end: usize = 0;

/** Zeroed space of any size, on a cache line of its own; a request of nothing still yields a valid address. */
export function allocateBytes(bytes: usize): usize {
  const space = bytes + CACHE_LINE;
  growFor(space);
  const address = heap.alloc(space);
  end = address + space;
  return (address + CACHE_LINE - 1) & ~(CACHE_LINE - 1);
}

/** Makes the memory as large as a request needs, and a little larger: left to itself the runtime doubles it. */
function growFor(space: usize): void {
  const needed = end + space + CACHE_LINE;
  const size = <usize>memory.size() * WASM_PAGE;
  if (needed > size) memory.grow(<i32>((needed - size) / WASM_PAGE + SLACK_PAGES));
}

/** The record with this index in an array of T. */
export function at<T>(base: usize, index: u32): T {
  return changetype<T>(base + strideOf<T>() * index);
}
