/** Giving pages back: a folio that is on no list goes to the allocator, its charge with it. */
import { dropFolio, Folio } from './folio';
import { uncharge } from './memcg';
import { freePage } from './page_alloc';
import { zoneAt } from './zone';

/** Frees a folio that is on no list and in no slot. */
export function freeFolio(cpu: u32, folio: Folio): void {
  uncharge(folio.group, folio.pages);
  release(cpu, folio);
}

/** The same without its charge: whoever frees many of them uncharges once. */
export function release(cpu: u32, folio: Folio): void {
  const zone = zoneAt(folio.zone);
  for (let i: u32 = 0; i < folio.pages; i++) freePage(zone, cpu);
  dropFolio(folio);
}
