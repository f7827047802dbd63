import type { Row } from '#libs/event-sourcing/projection';

/** What a collection is in views.db: a table, one real column per field that an index names, partial indexes without tombstones. */
export interface Table { name: string; /** index → its fields, the row's id as last tie-breaker left out */ indexes: Record<string, readonly string[]> }
export type Bound = string | number | null | Uint8Array;

export const tableOf = (collection: string): string => `"t:${collection}"`;
export const indexOf = (collection: string, index: string): string => `"i:${collection}:${index}"`;
export const columnOf = (field: string): string => (field === 'id' ? 'id' : `"f_${field}"`);
/** The fields that have a column, in a fixed order. */
export const fieldsOf = (t: Table): string[] => [...new Set(Object.values(t.indexes).flat())].toSorted();

/** As stored and compared: null before numbers before texts before booleans, in byte order. */
export function boundOf(value: unknown, field: string): Bound {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0);
  throw new Error(`the indexed field ${field} holds neither text, number, boolean nor null`);
}

export const columnsOf = (fields: readonly string[], row: Row | null): Bound[] => fields.map((f) => (row === null ? null : boundOf(row[f], f)));
