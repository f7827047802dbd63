import type { DatabaseSync } from 'node:sqlite';
import { openFile, settle } from '#libs/engines/embedded/durable-file';
import { KEYS_SCHEMA, KEYS_VERSION, type KeysTables, openKeys } from '#libs/engines/embedded/keys-tables';
import { answer, isDisk, serve } from '#libs/engines/embedded/serve';
import type { KeyRecord } from '#libs/event-sourcing/ports/keys';

export type KeysRequest =
  /** `texts`: per candidate hash, id, and the wrapped key as latin1: what is copied to a thread at least cost */
  | { op: 'claim'; texts: readonly string[] } | { op: 'find'; hashes: readonly string[] } | { op: 'keys'; ids: readonly string[] }
  | { op: 'forget'; ids: readonly string[] } | { op: 'rewrap'; records: readonly KeyRecord[] }
  | { op: 'list'; after: string | null; limit: number } | { op: 'constant'; name: string; value: Uint8Array };
/** Per candidate: null when it is the one that now stands. */
export type Claimed = (KeyRecord | 'forgotten' | null)[];

function perform(t: KeysTables, r: KeysRequest): unknown {
  switch (r.op) {
    case 'claim': {
      const claimed: Claimed = [];
      for (let i = 0; i < r.texts.length; i += 3) claimed.push(t.claim(r.texts[i]!, r.texts[i + 1]!, r.texts[i + 2]!));
      return claimed;
    }
    case 'find': return r.hashes.map((h) => t.find(h));
    case 'keys': return new Map(r.ids.flatMap((id) => {
      const found = t.key(id);
      return found ? [[id, found] as const] : [];
    }));
    case 'forget': t.forget(r.ids); return null;
    case 'rewrap': for (const { id, wrapped } of r.records) t.rewrap(id, wrapped); return null;
    case 'list': return t.list(r.after ?? '', r.limit);
    case 'constant': return t.constant(r.name, r.value);
  }
}

/** All calls that waited are one transaction and one flush. When it fails all are unavailable, and the file is opened and settled anew. */
export function keyDirectory(open: () => DatabaseSync) {
  let db: DatabaseSync | null = null;
  let tables: KeysTables | null = null;
  const ready = (): { db: DatabaseSync; t: KeysTables } => {
    db ??= open();
    tables ??= openKeys(db);
    return { db, t: tables };
  };
  const close = (): void => {
    const d = db;
    db = null;
    tables = null;
    d?.close();
  };
  return {
    ready,
    close,
    run(requests: KeysRequest[]): unknown[] {
      try {
        const { db: d, t } = ready();
        d.exec('BEGIN IMMEDIATE');
        const answers = requests.map((r) => ({ value: perform(t, r) }));
        t.beforeCommit();
        d.exec('COMMIT');
        t.afterCommit();
        // the key material stands in the write-ahead log until that is emptied: only then is it destroyed
        if (requests.some((r) => r.op === 'forget' || r.op === 'rewrap')) settle(d);
        return answers;
      } catch (error) {
        try { close(); } catch { /* it is given up either way */ }
        // one call's fault is not the others'
        if (requests.length > 1 && !isDisk(error)) return requests.flatMap((r) => this.run([r]));
        return requests.map(() => answer(() => { throw error; }));
      }
    },
  };
}

serve<{ path: string }>('keys.thread', ({ path }) => {
  const keys = keyDirectory(() => openFile({ path, synchronous: 'FULL', cacheKib: 4096, version: KEYS_VERSION, schema: KEYS_SCHEMA, secureDelete: true }));
  keys.ready();
  return { ready: null, run: (requests) => keys.run(requests as KeysRequest[]), close: keys.close };
});
