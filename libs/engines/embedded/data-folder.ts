import { chmodSync, closeSync, existsSync, fsyncSync, lstatSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Damaged } from '#libs/event-sourcing/errors';

export const FILES = { log: 'log.db', keys: 'keys.db', views: 'views.db' } as const;
const BESIDE = ['', '-wal', '-shm'];

export interface DataFolder {
  path(file: keyof typeof FILES): string;
  /** what was corrected, for the log of the process */
  warnings: string[];
  release(): void;
}

/**
 * Makes the data folder where it is missing, takes it for this process, and sees to its modes (folder 0700, files 0600).
 * The lock is one that the system lets go of when the process dies, however it dies.
 * @throws Error when another process holds it, when something in it is a symbolic link or another user's · Damaged when a file is missing
 */
export function lockDataDir(dir: string): DataFolder {
  const warnings: string[] = [];
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  own(dir, 0o700, warnings);
  const lockFile = join(dir, 'lock.db');
  make(lockFile, warnings);
  const lock = new DatabaseSync(lockFile, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new Error(`another process holds the data folder ${dir}: stop it first, or give this one another folder`, { cause });
  }
  try {
    const path = (file: keyof typeof FILES): string => join(dir, FILES[file]);
    const size = (file: keyof typeof FILES): number => (existsSync(path(file)) ? statSync(path(file)).size : 0);
    // files are made in this order, so a later one without the earlier means that one was taken away
    if (size('keys') > 0 && size('log') === 0) throw new Damaged(`${FILES.log} is missing or empty beside ${FILES.keys}: restore both from one backup`);
    if (size('views') > 0 && size('keys') === 0) throw new Damaged(`${FILES.keys} is missing or empty beside ${FILES.views}: without it nothing sealed can be read; restore it from the backup`);
    for (const file of Object.keys(FILES) as (keyof typeof FILES)[]) make(path(file), warnings);
    flushFolder(dir);
    return { path, warnings, release: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Makes an empty file with the right mode, which SQLite then hands on to the files beside it. */
function make(path: string, warnings: string[]): void {
  if (!lstatSync(path, { throwIfNoEntry: false })) closeSync(openSync(path, 'ax', 0o600));
  for (const suffix of BESIDE) if (lstatSync(path + suffix, { throwIfNoEntry: false })) own(path + suffix, 0o600, warnings);
}

/** A new file's name is on the disk only when its folder was flushed. */
function flushFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function own(path: string, mode: number, warnings: string[]): void {
  const found = lstatSync(path);
  if (found.isSymbolicLink()) throw new Error(`${path} is a symbolic link: the data folder holds plain files only`);
  const user = process.getuid?.();
  if (user !== undefined && found.uid !== user) throw new Error(`${path} belongs to another user (${found.uid}): change its owner, or start as that user`);
  if ((found.mode & 0o777 & ~mode) === 0) return;
  chmodSync(path, mode);
  warnings.push(`${path} had mode ${(found.mode & 0o777).toString(8)}: corrected to ${mode.toString(8)}`);
}
