import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { compiler, controlText, powerCutEnv } from './shim.js';

const here = join(process.cwd(), 'test/reliability/power-cut');
const children: ChildProcess[] = [];
const folders: string[] = [];

/** A folder with a data folder and its shadow in it. */
function disk() {
  const root = mkdtempSync(join(tmpdir(), 'power-cut-'));
  folders.push(root);
  const [dir, shadow, control] = [join(root, 'data'), join(root, 'shadow'), join(root, 'control')];
  mkdirSync(dir);
  return { dir, shadow, control };
}

/** Starts the writer; each line that it prints is something acknowledged. Kills it without warning at the n-th. */
async function acknowledgedUntilCut(program: string, args: string[], env: Record<string, string>, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(here, program), ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const ended = once(child, 'close');
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    said.push(line);
    if (said.length === lines) child.kill('SIGKILL');
  }
  await ended;
  return said;
}

const rowsIn = (file: string): Set<number> => {
  if (!existsSync(file)) return new Set();
  const db = new DatabaseSync(file);
  try {
    expect(db.prepare('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' });
    return new Set(db.prepare('select n from rows').all().map((row) => Number(row['n'])));
  } finally {
    db.close();
  }
};

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

(compiler() ? describe : describe.skip)('the power-cut shim (needs gcc)', () => {
  const write = async (synchronous: string) => {
    const { dir, shadow } = disk();
    const acknowledged = await acknowledgedUntilCut('sqlite-writer.mjs', [join(dir, 'a.db'), synchronous], powerCutEnv(dir, shadow), 300);
    const wasWritten = rowsIn(join(dir, 'a.db'));
    const isDurable = rowsIn(join(shadow, 'a.db'));
    const lost = (kept: Set<number>) => acknowledged.map(Number).filter((n) => !kept.has(n)).length;
    return { acknowledged: acknowledged.length, lostByKill: lost(wasWritten), lostByPowerCut: lost(isDurable) };
  };

  it('keeps every row that SQLite acknowledged with synchronous=FULL, and loses some of those with NORMAL', async () => {
    const [full, normal] = [await write('FULL'), await write('NORMAL')];
    expect(full).toMatchObject({ lostByKill: 0, lostByPowerCut: 0 });
    expect(full.acknowledged).toBeGreaterThanOrEqual(300);
    expect(normal.lostByKill).toBe(0);
    expect(normal.lostByPowerCut).toBeGreaterThan(0);
  });

  it('makes a flush fail on request, once, while the program runs', async () => {
    const { dir, shadow, control } = disk();
    writeFileSync(control, controlText({ failFsync: { part: 'a.db-wal', first: 5, count: 1 } }));
    const said = await acknowledgedUntilCut('sqlite-writer.mjs', [join(dir, 'a.db'), 'FULL'], powerCutEnv(dir, shadow, control), 50);
    const refused = said.filter((line) => line.startsWith('refused'));
    expect(refused).toHaveLength(1);
    const durable = rowsIn(join(shadow, 'a.db'));
    expect(said.filter((line) => /^\d+$/.test(line)).filter((n) => !durable.has(Number(n)))).toEqual([]);
  });

  it('makes a full disk on request', async () => {
    const { dir, shadow, control } = disk();
    writeFileSync(control, controlText({ failWrite: { part: 'a.db-wal', first: 20, count: 2 } }));
    const said = await acknowledgedUntilCut('sqlite-writer.mjs', [join(dir, 'a.db'), 'FULL'], powerCutEnv(dir, shadow, control), 50);
    expect(said.filter((line) => line.startsWith('refused')).length).toBeGreaterThan(0);
    const durable = rowsIn(join(shadow, 'a.db'));
    expect(said.filter((line) => /^\d+$/.test(line)).filter((n) => !durable.has(Number(n)))).toEqual([]);
  });

  it('knows files written, cut, renamed and removed by node:fs', async () => {
    const { dir, shadow } = disk();
    const said = await acknowledgedUntilCut('file-writer.mjs', [dir], powerCutEnv(dir, shadow), 1);
    expect(said).toEqual(['written']);
    const text = (name: string) => (existsSync(join(shadow, name)) ? readFileSync(join(shadow, name), 'utf8') : null);
    expect({ flushed: text('flushed'), dirty: text('dirty'), half: text('half'), cut: text('cut'), moved: text('deep/moved'), removed: text('removed') })
      .toEqual({ flushed: 'all of it', dirty: '', half: 'first', cut: 'ab', moved: 'moved', removed: null });
    expect(readFileSync(join(dir, 'dirty'), 'utf8')).toBe('never flushed');
  });
});
