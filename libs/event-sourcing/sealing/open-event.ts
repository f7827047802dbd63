import type { StoredEvent } from '../event.js';
import { looksSealed, type Sealed } from '../sealed.js';
import type { Sealer } from './sealer.js';

const walk = (value: unknown, found: Sealed<string>[]): void => {
  if (looksSealed(value)) found.push(value);
  else if (value !== null && typeof value === 'object') for (const v of Object.values(value)) walk(v, found);
};

const replaced = (value: unknown, opened: ReadonlyMap<unknown, string | null>): unknown => {
  if (looksSealed(value)) return opened.get(value) ?? null;
  if (Array.isArray(value)) return value.map((v) => replaced(v, opened));
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, replaced(v, opened)]));
  return value;
};

/** The events with every sealed value in the open (null: erased), for who may see them. One call to the key directory. */
export async function openEvents(sealer: Sealer, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
  const sealed: Sealed<string>[] = [];
  for (const e of events) walk(e.data, sealed);
  const values = await sealer.open(sealed);
  const opened = new Map<unknown, string | null>(sealed.map((s, i) => [s, values[i]!]));
  return events.map((e) => ({ ...e, data: replaced(e.data, opened) }));
}
