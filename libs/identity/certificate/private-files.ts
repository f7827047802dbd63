import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, open, realpath, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';

/** What is wrong with a file or folder that must be private, as a sentence; the program does not start with it. */
export class NotPrivate extends Error {}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');

/** So much as any file here has; what is longer is not one of ours. */
const MOST_BYTES = 65_536;

/**
 * The bytes of a file; null where there is none.
 * @param isPrivate that nobody but the user who runs this may read or write it
 * @throws NotPrivate for a symbolic link, anything but a file, another user's file, and a private one with a wider mode than 0600
 */
export async function readOwn(path: string, isPrivate: boolean): Promise<Buffer | null> {
  let file;
  try {
    // Looked at through the open file, so that nothing can be put in its place between look and read; NONBLOCK for a pipe.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    if (codeOf(error) === 'ELOOP') throw new NotPrivate(`${path} is a symbolic link: put the file itself there`);
    if (codeOf(error) === 'EACCES') throw new NotPrivate(`${path} cannot be read by this user: chown it`);
    throw error;
  }
  try {
    const stat = await file.stat();
    const { mode, uid, size } = stat;
    if (!stat.isFile()) throw new NotPrivate(`${path} is not a file`);
    checkOwner(path, uid);
    if (isPrivate && (mode & 0o177) !== 0) throw new NotPrivate(`${path} has the mode ${octal(mode)}, others may read or change it: chmod 600 ${path}`);
    if (!isPrivate && (mode & 0o022) !== 0) throw new NotPrivate(`${path} has the mode ${octal(mode)}, others may change it: chmod 644 ${path}`);
    if (size > MOST_BYTES) throw new NotPrivate(`${path} is longer than ${MOST_BYTES} bytes: it is not what belongs there`);
    return await file.readFile();
  } finally { await file.close(); }
}

/** @returns false where it is missing. @throws NotPrivate for a symbolic link, another user's folder, and a mode wider than 0700 */
export async function checkFolder(path: string): Promise<boolean> {
  try {
    const stat = await lstat(path);
    if (stat.isSymbolicLink()) throw new NotPrivate(`${path} is a symbolic link: name the folder itself`);
    if (!stat.isDirectory()) throw new NotPrivate(`${path} is not a folder`);
    checkOwner(path, stat.uid);
    if ((stat.mode & 0o077) !== 0) throw new NotPrivate(`${path} has the mode ${octal(stat.mode)}, others may look into it: chmod 700 ${path}`);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function checkOwner(path: string, uid: number): void {
  const own = process.geteuid?.();
  if (own !== undefined && uid !== own) throw new NotPrivate(`${path} belongs to another user (uid ${uid}, this is ${own}): chown it`);
}

/** Writes a file that is not there yet, all of it or nothing, flushed. @returns false where it was there: then nothing was written. */
export async function writeNew(path: string, bytes: string | Buffer, mode: number): Promise<boolean> {
  const written = await writeBeside(path, bytes, mode);
  try {
    await link(written, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(written);
    await flushFolder(dirname(path));
  }
}

/** Puts new content in a file's place, all of it or nothing, flushed. */
export async function replace(path: string, bytes: string | Buffer, mode: number): Promise<void> {
  await rename(await writeBeside(path, bytes, mode), path);
  await flushFolder(dirname(path));
}

async function writeBeside(path: string, bytes: string | Buffer, mode: number): Promise<string> {
  const beside = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  const file = await open(beside, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally { await file.close(); }
  return beside;
}

/** Without it a new name may be gone after a power cut, though the file's content was flushed. */
export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try { await folder.sync(); } finally { await folder.close(); }
}

/** Whether a path lies in a folder or is it, links resolved; for what is not there yet, by what is there above it. */
export async function isInside(path: string, folder: string): Promise<boolean> {
  const [inner, outer] = await Promise.all([real(path), real(folder)]);
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}
async function real(path: string): Promise<string> {
  const full = resolve(path);
  try { return await realpath(full); } catch (error) {
    if (codeOf(error) !== 'ENOENT' || dirname(full) === full) throw error;
    return join(await real(dirname(full)), basename(full));
  }
}
