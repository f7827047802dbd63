import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventLog, type Outcome } from './event-log.js';
import type { Expected } from './expected-revision.js';
import { decodeRecord, type Proposed } from './recorded.js';

let folder: string;
let log: EventLog;
const open = (cacheBytes?: number): EventLog => new EventLog(folder, () => 1_000, randomUUID, cacheBytes);

beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'event-log-')); });
afterEach(async () => {
  await log.close();
  rmSync(folder, { recursive: true });
});

const event = (text = ''): Proposed => ({ id: randomUUID(), type: 'T', contentType: 'application/json', data: Buffer.from(text), metadata: Buffer.alloc(0) });
const append = (stream: string, expected: Expected, ...events: Proposed[]): Promise<Outcome> => new Promise((done) => { log.append(stream, expected, events, done); });
const textOf = (entry: number): string => Buffer.from(decodeRecord(log.recordOf(entry)).data).toString();

describe('the event log', () => {
  it('reads from the file what it keeps in memory no longer', async () => {
    log = open(3_000);
    const texts = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(500)}`);
    for (const text of texts) await append('stream', 'any', event(text));
    await Promise.all(texts.map((text) => append('stream', 'any', event(text))));
    expect(log.stream('stream')!.entries.map(textOf)).toEqual([...texts, ...texts]);
  });

  it('shows nothing before it is durable, and judges by it all the same', async () => {
    log = open();
    const before = log.durable;
    const first = append('stream', 'no_stream', event());
    const second = append('stream', 0n, event());
    expect(log.durable).toBe(before);
    expect(await append('stream', 'no_stream', event())).toEqual({ kind: 'wrong', current: 1 });
    expect(await Promise.all([first, second])).toMatchObject([{ kind: 'written', revision: 0 }, { kind: 'written', revision: 1 }]);
    expect(log.durable).toBe(log.stream('stream')!.entries[1]! + 1);
  });

  it('knows after a restart what it knew: revisions, repeats, deletions, and that it is not new', async () => {
    log = open();
    const events = [event('a'), event('b')];
    const first = await append('stream', 'no_stream', ...events);
    await new Promise((done) => { log.softDelete('hidden', 'any', done); });
    await append('dead', 'any', event());
    await new Promise((done) => { log.tombstone('dead', 'any', done); });
    const { durable } = log;
    await log.close();
    log = open();
    expect(log.durable).toBe(durable);
    expect(await append('stream', 'no_stream', ...events)).toEqual(first);
    expect(await append('stream', 'any', ...events)).toEqual(first);
    expect(await append('stream', 0n, event())).toEqual({ kind: 'wrong', current: 1 });
    expect(await append('hidden', 'stream_exists', event())).toEqual({ kind: 'deleted' });
    expect(await append('dead', 'any', event())).toEqual({ kind: 'deleted' });
    expect(log.durable).toBe(durable);
    expect(log.stream('stream')!.entries.map(textOf)).toEqual(['a', 'b']);
  });

  it('appends nothing where nothing is sent, and says where the stream is', async () => {
    log = open();
    expect(await append('stream', 'no_stream')).toEqual({ kind: 'written', revision: null, position: null });
    await append('stream', 'no_stream', event());
    expect(await append('stream', 0n)).toEqual({ kind: 'written', revision: 0, position: null });
  });
});
