import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  it('does not let one call that makes no sense spoil the others that go with it', async () => {
    const wrong = engine.keys.claim([{ hash: 'w', id: {} as string, wrapped: Buffer.from('x') }]);
    const right = engine.keys.claim([{ hash: 'r', id: 'sub_r', wrapped: Buffer.from('x') }]);
    await expect(wrong).rejects.toThrow();
    expect(await right).toMatchObject([{ id: 'sub_r' }]);
    expect(await engine.keys.find(['w', 'r'])).toEqual([null, 'sub_r']);
  });
});
