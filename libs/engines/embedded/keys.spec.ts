import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Embedded, openEmbedded } from './embedded.js';

let dir: string;
let engine: Embedded;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'heliograph-'));
  engine = await openEmbedded({ dir });
});
afterEach(async () => { await engine.close(); rmSync(dir, { recursive: true }); });

const onDisk = (text: string): boolean => ['keys.db', 'keys.db-wal'].some((f) => existsSync(join(dir, f)) && readFileSync(join(dir, f)).includes(text));
const material = (i: number): string => `key-material-of-subject-${String(i).padStart(4, '0')}-`.padEnd(60, 'k');

describe('the key directory in a file', () => {
  it('leaves nothing of a forgotten or replaced key on the disk, and everything of the others', async () => {
    await engine.keys.claim(Array.from({ length: 300 }, (_, i) => ({ hash: `hash-of-${i}-`, id: `sub_${i}`, wrapped: Buffer.from(material(i)) })));
    for (const i of [0, 7, 150, 299]) expect(onDisk(material(i))).toBe(true);
    await engine.keys.forget(['sub_7', 'sub_150']);
    await engine.keys.rewrap([{ id: 'sub_299', wrapped: Buffer.from('new wrapping') }]);
    for (const gone of [material(7), material(150), material(299), 'hash-of-7-', 'hash-of-150-']) expect([gone, onDisk(gone)]).toEqual([gone, false]);
    for (const kept of [material(0), material(298), 'new wrapping', 'hash-of-8-']) expect([kept, onDisk(kept)]).toEqual([kept, true]);
  });

  it('keeps keys, forgotten ones and constants over a restart', async () => {
    await engine.keys.claim([{ hash: 'a', id: 'sub_a', wrapped: Buffer.from('x') }, { hash: 'period:messages:2026-01-02', id: 'per_1', wrapped: Buffer.from('y') }]);
    await engine.keys.forget(['per_1']);
    await engine.keys.constant('check', Buffer.from('first'));
    await engine.close();
    engine = await openEmbedded({ dir });
    expect(await engine.keys.find(['a'])).toEqual(['sub_a']);
    expect(await engine.keys.claim([{ hash: 'period:messages:2026-01-02', id: 'per_2', wrapped: Buffer.from('z') }])).toEqual(['forgotten']);
    expect(Buffer.from(await engine.keys.constant('check', Buffer.from('second'))).toString()).toBe('first');
  });

  it('finds what its indexes hold, what they do not hold yet, and what waited when it ended', async () => {
    const candidate = (i: number) => ({ hash: `hash-${(i * 7919) % 100_003}-`, id: `sub_${(i * 104_729) % 100_003}`, wrapped: Buffer.from(`key ${i}`) });
    for (let i = 0; i < 36_000; i += 2000) await engine.keys.claim(Array.from({ length: 2000 }, (_, k) => candidate(i + k)));
    const check = async (): Promise<void> => {
      for (const i of [0, 1, 9000, 17_000, 25_000, 33_000, 35_999]) {
        const { hash, id, wrapped } = candidate(i);
        expect(await engine.keys.find([hash])).toEqual([id]);
        expect(Buffer.from(((await engine.keys.keys([id])).get(id) as { wrapped: Uint8Array }).wrapped)).toEqual(wrapped);
        expect(await engine.keys.claim([{ hash, id: 'sub_rival', wrapped }])).toMatchObject([{ id }]);
        expect(await engine.keys.claim([{ hash: `more-${i}-`, id, wrapped: Buffer.from('other') }])).toMatchObject([{ id }]);
      }
      expect(await engine.keys.find(['hash-none', 'more-9000-'])).toEqual([null, candidate(9000).id]);
    };
    await check();
    await engine.close();
    engine = await openEmbedded({ dir });
    await check();
    await engine.keys.forget([candidate(9000).id, candidate(35_999).id]);
    for (const gone of ['more-9000-', candidate(9000).hash, candidate(35_999).hash]) expect([gone, await engine.keys.find([gone]), onDisk(gone)]).toEqual([gone, [null], false]);
    let listed = 0;
    for (let page = await engine.keys.list(null, 5000); page.length > 0; page = await engine.keys.list(page.at(-1)!.id, 5000)) listed += page.length;
    expect(listed).toBe(35_998);
  });

  it('takes over a file of the first version', async () => {
    await engine.close();
    rmSync(join(dir, 'keys.db'));
    const old = new DatabaseSync(join(dir, 'keys.db'));
    old.exec(`CREATE TABLE keys (id TEXT PRIMARY KEY, wrapped BLOB) STRICT, WITHOUT ROWID; CREATE TABLE hashes (hash TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX hashes_id ON hashes (id); CREATE TABLE constants (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT; PRAGMA user_version = 1;
      INSERT INTO keys VALUES ('sub_1', x'01'), ('sub_2', NULL), ('per_1', NULL); INSERT INTO hashes VALUES ('a', 'sub_1'), ('b', 'sub_1'), ('period:x', 'per_1');
      INSERT INTO constants VALUES ('check', x'07')`);
    old.close();
    engine = await openEmbedded({ dir });
    expect(await engine.keys.find(['a', 'b', 'c'])).toEqual(['sub_1', 'sub_1', null]);
    expect(await engine.keys.keys(['sub_1', 'sub_2'])).toMatchObject(new Map<string, unknown>([['sub_1', { id: 'sub_1' }], ['sub_2', 'forgotten']]));
    expect(await engine.keys.claim([{ hash: 'period:x', id: 'per_2', wrapped: Buffer.from('x') }])).toEqual(['forgotten']);
    expect(Buffer.from(await engine.keys.constant('check', Buffer.from('x')))).toEqual(Buffer.from([7]));
    await engine.keys.forget(['sub_1']);
    expect(await engine.keys.find(['a', 'b'])).toEqual([null, null]);
  });

  it('does not let one call that makes no sense spoil the others that go with it', async () => {
    const wrong = engine.keys.claim([{ hash: 'w', id: {} as string, wrapped: Buffer.from('x') }]);
    const right = engine.keys.claim([{ hash: 'r', id: 'sub_r', wrapped: Buffer.from('x') }]);
    await expect(wrong).rejects.toThrow();
    expect(await right).toMatchObject([{ id: 'sub_r' }]);
    expect(await engine.keys.find(['w', 'r'])).toEqual([null, 'sub_r']);
  });
});
