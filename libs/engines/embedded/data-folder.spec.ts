import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataDir } from './data-folder.js';
import { openEmbedded } from './embedded.js';

let root: string;
let dir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'heliograph-'));
  dir = join(root, 'data');
});
afterEach(() => rmSync(root, { recursive: true }));
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the data folder', () => {
  it('is made for its owner alone, with every file in it, also while it is in use', async () => {
    const { eventStore, warnings, close } = await openEmbedded({ dir });
    await eventStore.append('a-1', -1, [{ id: 'e', type: 'T', version: 1, data: {}, tags: { owner: 'o' }, metadata: { correlationId: 'c', causationId: 'c', principal: 'o', at: 'now' } }]);
    expect(mode(dir)).toBe('700');
    for (const file of ['log.db', 'log.db-wal', 'log.db-shm', 'keys.db', 'views.db', 'lock.db']) expect([file, mode(join(dir, file))]).toEqual([file, '600']);
    expect(warnings).toEqual([]);
    await close();
  });

  it('has its modes corrected, with a warning for each', () => {
    lockDataDir(dir).release();
    chmodSync(dir, 0o755);
    chmodSync(join(dir, 'log.db'), 0o644);
    const { warnings, release } = lockDataDir(dir);
    release();
    expect([mode(dir), mode(join(dir, 'log.db'))]).toEqual(['700', '600']);
    expect(warnings).toEqual([`${dir} had mode 755: corrected to 700`, `${join(dir, 'log.db')} had mode 644: corrected to 600`]);
  });

  it.each(['', 'lock.db', 'log.db', 'keys.db', 'views.db', 'log.db-wal'])('is refused as a symbolic link, and so is what is in it: "%s"', (name) => {
    const target = join(root, 'elsewhere');
    if (name === '') mkdirSync(target);
    else {
      lockDataDir(dir).release();
      if (existsSync(join(dir, name))) renameSync(join(dir, name), target);
    }
    symlinkSync(target, join(dir, name));
    expect(() => lockDataDir(dir)).toThrow('symbolic link');
    rmSync(join(dir, name));
    lockDataDir(dir).release();
  });

  it('is held by one opening at a time, and free again after closing', async () => {
    const first = await openEmbedded({ dir });
    await expect(openEmbedded({ dir })).rejects.toThrow('another process holds the data folder');
    await first.eventStore.head();
    await first.close();
    await (await openEmbedded({ dir })).close();
  });

  it('is held by one process at a time, and free again when that one was killed', async () => {
    lockDataDir(dir).release();
    const hold = `const { DatabaseSync } = require('node:sqlite'); const db = new DatabaseSync(process.argv[1]); db.exec('BEGIN EXCLUSIVE'); console.log('held'); setInterval(() => db.isOpen, 1000)`;
    const other = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', hold, join(dir, 'lock.db')], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(other.stdout, 'data');
      expect(() => lockDataDir(dir)).toThrow(`another process holds the data folder ${dir}`);
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
    lockDataDir(dir).release();
  });
});
