import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { closeSync, copyFileSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogFile } from './log-file.js';

let folder: string;
let path: string;
let opened: LogFile[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-file-'));
  path = join(folder, 'events.log');
  opened = [];
});
afterEach(async () => {
  for (const file of opened) await file.close();
  rmSync(folder, { recursive: true });
});

/** Opens it; answers what was found. */
function open(at = path): { file: LogFile; found: [number, string][] } {
  const found: [number, string][] = [];
  const file = new LogFile(at, (position, record) => found.push([position, record.toString()]));
  opened.push(file);
  return { file, found };
}
const append = (file: LogFile, ...records: string[]): Promise<number> => {
  const position = file.next;
  return new Promise((resolve) => { file.append(records.map((r) => Buffer.from(r)), () => resolve(position)); });
};
/** The file as a crash at this moment would leave it, with something done to it. */
function crashed(spoil: (fd: number) => void): string {
  const copy = join(folder, `crashed-${opened.length}.log`);
  copyFileSync(path, copy);
  const fd = openSync(copy, 'r+');
  try { spoil(fd); } finally { closeSync(fd); }
  return copy;
}

describe('the log file', () => {
  it('has what was answered, in order and at the places that were told, also where nobody closed it', async () => {
    const { file, found } = open();
    expect(found).toEqual([]);
    const first = await append(file, 'one', 'two');
    const [second, third] = await Promise.all([append(file, 'three'), append(file, 'four')]);
    expect(open(crashed(() => undefined)).found).toEqual([[first, 'one'], [first + 7, 'two'], [second, 'three'], [third, 'four']]);
    expect(file.record(second!, 5).toString()).toBe('three');
  });

  it('drops a torn frame whole, and what stands behind it never comes back', async () => {
    const { file } = open();
    const first = await append(file, 'one');
    const torn = await append(file, 'two', 'three');
    await append(file, 'four');
    const copy = crashed((fd) => writeSync(fd, Buffer.from('X'), 0, 1, torn + 5));
    const again = open(copy);
    expect(again.found).toEqual([[first, 'one']]);
    expect(await append(again.file, 'TWO', 'THREE')).toBe(torn);
    expect(open(copy).found.map(([, text]) => text)).toEqual(['one', 'TWO', 'THREE']);
  });

  it('begins after the last whole frame when the file ends in the middle of one', async () => {
    const { file } = open();
    const first = await append(file, 'one');
    const cut = await append(file, 'two');
    expect(open(crashed((fd) => ftruncateSync(fd, cut + 5))).found).toEqual([[first, 'one']]);
  });

  it('grows past the space that it has', async () => {
    const { file } = open();
    const big = 'x'.repeat(1_000_000);
    await Promise.all(Array.from({ length: 20 }, () => append(file, big)));
    const last = await append(file, 'last');
    const { found } = open(crashed(() => undefined));
    expect(found).toHaveLength(21);
    expect(found.slice(0, 20).every(([, text]) => text === big)).toBe(true);
    expect(found[20]).toEqual([last, 'last']);
  });

  it('refuses a file that is something else', () => {
    writeFileSync(path, 'something else');
    expect(() => new LogFile(path, () => undefined)).toThrow('is not a log of this server');
  });
});
