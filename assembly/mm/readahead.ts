/**
 * What a reader of a file reads ahead: windows that grow up to the device's readahead, each with a marked page on which the next one is asked for
 * while this one is still being read (mm/readahead.c ondemand_readahead, get_init_ra_size, get_next_ra_size, page_cache_ra_unbounded).
 *
 * Simplified: a window is one request, whatever of it is cached already; reads longer than a window do not lengthen it; traces of other readers in
 * the page cache are not looked for.
 */
import { Region } from './folio';
import { mm } from './mm';
import { Phase } from './phase';
import { Pattern, TaskMm, View } from './task_mm';

/** No page of the window is marked. */
const NO_MARK: u32 = u32.MAX_VALUE;

/** A page is missing (page_cache_sync_ra), or is the marked one (`marked`, page_cache_async_ra): what is read with it, of which `wanted` pages are asked for. */
export function readAhead(m: TaskMm, view: View, page: u32, wanted: u32, marked: bool): void {
  // Random readers have said so (POSIX_FADV_RANDOM): they get what they ask for.
  if (view.pattern != Pattern.SEQUENTIAL) readWindow(m, view.region, page, wanted, 0);
  else if (marked || page == 0 || isExpected(view, page) || wanted > mm.readahead || follows(view, page))
    ondemand(m, view, page, wanted);
  else readWindow(m, view.region, page, wanted, 0);
}

/** The page comes right behind what was read last. */
function follows(view: View, page: u32): bool {
  return page - view.raPrev <= 1;
}

/** It is where the next window was to be asked for, or where it begins. */
function isExpected(view: View, page: u32): bool {
  return (
    view.raSize != 0 &&
    page != 0 &&
    (page == view.raStart + view.raSize - view.raAsync || page == view.raStart + view.raSize)
  );
}

function ondemand(m: TaskMm, view: View, page: u32, wanted: u32): void {
  const most = mm.readahead;
  if (isExpected(view, page)) {
    view.raStart += view.raSize;
    view.raSize = nextSize(view.raSize, most);
    view.raAsync = view.raSize;
  } else {
    view.raStart = page;
    view.raSize = firstSize(wanted, most);
    view.raAsync = view.raSize > wanted ? view.raSize - wanted : view.raSize;
  }
  // The page would hit its own window's marker: the next window is read with it.
  if (page == view.raStart && view.raSize == view.raAsync) {
    const next = nextSize(view.raSize, most);
    if (view.raSize + next <= most) {
      view.raAsync = next;
      view.raSize += next;
    } else {
      view.raSize = most;
      view.raAsync = most >> 1;
    }
  }
  readWindow(m, view.region, view.raStart, view.raSize, view.raAsync);
}

function firstSize(wanted: u32, most: u32): u32 {
  const size: u32 = wanted <= 1 ? 1 : 1 << (32 - clz(wanted - 1));
  if (size <= most / 32) return size * 4;
  return size <= most / 4 ? size * 2 : most;
}

function nextSize(size: u32, most: u32): u32 {
  if (size < most / 16) return size * 4;
  return size <= most / 2 ? size * 2 : most;
}

/** The window did not bring the page that is read: it is read alone (filemap_create_folio). */
export function readAlone(m: TaskMm, region: Region, page: u32): void {
  readWindow(m, region, page, 1, 0);
}

/** Asks for pages of a region, as far as it goes; the first of the last `ahead` ones is marked. */
function readWindow(m: TaskMm, region: Region, first: u32, pages: u32, ahead: u32): void {
  m.raNext = first;
  m.raLeft = first < region.pages ? min(pages, region.pages - first) : 0;
  m.raMark = ahead != 0 ? first + pages - ahead : NO_MARK;
  m.phase = Phase.READAHEAD;
}
