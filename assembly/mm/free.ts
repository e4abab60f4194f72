/** Giving pages back: a folio that is on no list goes to the allocator, its charge with it. */
import { dropFolio, Folio } from './folio';
import { uncharge } from './memcg';
import { freePages } from './page_alloc';
import { zoneAt } from './zone';

/** Frees a folio that is on no list and in no slot. */
export function freeFolio(cpu: u32, folio: Folio): void {
  uncharge(folio.group, folio.pages);
  freePages(zoneAt(folio.zone), cpu, folio.pages);
  dropFolio(folio);
}
