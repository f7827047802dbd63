import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { judge, type Expected, type Known, type StreamState, type Verdict } from './expected-revision.js';
import { LogFile } from './log-file.js';
import { decodeRecord, encodeRecord, type Proposed, type RecordHead } from './recorded.js';

export interface Stream extends StreamState {
  name: string;
  /** where its events stand in the log's order: `entries[revision]` */
  entries: number[];
  /** revisions before it are hidden */
  truncateBefore: number;
}

/** Where the last event of an append stands; both null when nothing was appended. */
export interface Written { revision: number | null; position: number | null }
export type Outcome = ({ kind: 'written' } & Written) | Exclude<Verdict, { kind: 'write' | 'repeat' }>;

const RECENT_EVENTS = 16_384;
const CACHE_BYTES = 64 * 1024 * 1024;
const METADATA = '$$';
const TOMBSTONE_REVISION = 9_223_372_036_854_775_807n;
/** the metadata that a soft deletion writes */
const DELETED = `{"$tb":${TOMBSTONE_REVISION}}`;

/**
 * The log and its index, which lives in memory and is made from the file on start. An append is judged at once, against what
 * was appended before it, durable or not; it is answered and can be read once it is durable.
 */
export class EventLog {
  readonly #file: LogFile;
  readonly #streams = new Map<string, Stream>();
  readonly #positions: number[] = [];
  readonly #lengths: number[] = [];
  readonly #ids: string[] = [];
  readonly #types: string[] = [];
  readonly #owners: Stream[] = [];
  readonly #recent = new Map<string, { stream: Stream; revision: number }>();
  /** ids in the map by when they came, written round */
  readonly #recentIds: string[] = [];
  #nextRecent = 0;
  /** records of the newest entries: what followers ask for next */
  readonly #cache = new Map<number, Uint8Array>();
  #cached = 0;
  #oldestCached = 0;
  #durable = 0;
  readonly #followers = new Set<() => void>();

  constructor(folder: string, readonly now: () => number, readonly newId: () => string, readonly cacheBytes = CACHE_BYTES) {
    mkdirSync(folder, { recursive: true });
    this.#file = new LogFile(join(folder, 'events.log'), (position, bytes) => void this.#index(position, bytes.length, decodeRecord(bytes)));
    this.#durable = this.#oldestCached = this.#positions.length;
    // a new node of EventStoreDB has system events in $all too: who reads it must pass over them
    if (this.#durable === 0) this.append('$$$stats-127.0.0.1:2113', 'no_stream', [this.#metadata('{"$maxAge":86400}')], () => undefined);
  }

  /** How many entries are durable: entries below it can be read. */
  get durable(): number { return this.#durable; }

  stream(name: string): Stream | undefined { return this.#streams.get(name); }

  /** `done` is called once the events are durable, or at once when nothing is to be written. */
  append(name: string, expected: Expected, events: readonly Proposed[], done: (outcome: Outcome) => void): void {
    const stream = this.#streamFor(name);
    const verdict = judge(stream, expected, events.map((e) => e.id), this.#known(stream));
    if (verdict.kind === 'wrong' || verdict.kind === 'deleted') return done(verdict);
    if (verdict.kind === 'repeat') {
      const entry = stream.entries[verdict.last]!;
      return this.#whenDurable(entry, () => done({ kind: 'written', revision: verdict.last, position: this.#positions[entry]! }));
    }
    if (events.length === 0) return done({ kind: 'written', revision: stream.last < 0 ? null : stream.last, position: null });
    const revived = stream.softDeleted ? [{ stream: this.#streamFor(METADATA + name), events: [this.#metadata(`{"$tb":${stream.last + 1}}`)] }] : [];
    const entry = this.#write([...revived, { stream, events }], () => done({ kind: 'written', revision, position: this.#positions[entry]! }));
    const revision = stream.last;
  }

  /** Hides the stream's events until somebody appends again. */
  softDelete(name: string, expected: Expected, done: (outcome: Outcome) => void): void {
    const stream = this.#streamFor(name);
    const verdict = judge(stream, expected, [], this.#known(stream));
    if (verdict.kind === 'deleted') return done(verdict);
    if (verdict.kind === 'wrong') return done(verdict);
    const entry = this.#write([{ stream: this.#streamFor(METADATA + name), events: [this.#metadata(DELETED)] }], () => done({ kind: 'written', revision: null, position: this.#positions[entry]! }));
  }

  /** Deletes the stream for ever: every later append is refused. */
  tombstone(name: string, expected: Expected, done: (outcome: Outcome) => void): void {
    const stream = this.#streamFor(name);
    const verdict = judge(stream, expected, [], this.#known(stream));
    if (verdict.kind === 'deleted' || verdict.kind === 'wrong') return done(verdict);
    const event = { ...this.#metadata(''), type: '$streamDeleted', contentType: 'application/octet-stream' };
    const entry = this.#write([{ stream, events: [event], revision: TOMBSTONE_REVISION }], () => done({ kind: 'written', revision: null, position: this.#positions[entry]! }));
  }

  /** First entry at or after a position. */
  entryAt(position: number): number {
    let low = 0;
    let high = this.#durable;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#positions[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  positionOf(entry: number): number { return this.#positions[entry]!; }
  streamOf(entry: number): string { return this.#owners[entry]!.name; }
  typeOf(entry: number): string { return this.#types[entry]!; }
  recordOf(entry: number): Uint8Array {
    return this.#cache.get(entry) ?? this.#file.record(this.#positions[entry]!, this.#lengths[entry]!);
  }

  /** Calls back whenever more has become durable; answers how to stop. */
  follow(more: () => void): () => void {
    this.#followers.add(more);
    return () => void this.#followers.delete(more);
  }

  close(): Promise<void> { return this.#file.close(); }

  #known(stream: Stream): Known {
    return {
      idAt: (revision) => this.#ids[stream.entries[revision] ?? -1],
      recent: (id) => {
        const there = this.#recent.get(id);
        return there?.stream === stream ? there.revision : undefined;
      },
    };
  }

  /** One frame, so all or none; answers the last entry. */
  #write(parts: readonly { stream: Stream; events: readonly Proposed[]; revision?: bigint }[], done: () => void): number {
    const at = this.now();
    const records: Uint8Array[] = [];
    let position = this.#file.next;
    for (const { stream, events, revision } of parts) {
      for (const event of events) {
        const number = revision ?? BigInt(stream.last + 1);
        const record = encodeRecord(event, stream.name, number, position, at);
        this.#keep(this.#index(position, record.length, { id: event.id, stream: stream.name, type: event.type, revision: number, data: event.data }), record);
        records.push(record);
        position += LogFile.sizeOf(record);
      }
    }
    const entry = this.#positions.length - 1;
    this.#file.append(records, () => {
      this.#durable = entry + 1;
      done();
      for (const more of this.#followers) more();
    });
    return entry;
  }

  #whenDurable(entry: number, done: () => void): void {
    if (entry < this.#durable) return done();
    const stop = this.follow(() => {
      if (entry >= this.#durable) return;
      stop();
      done();
    });
  }

  #keep(entry: number, record: Uint8Array): void {
    this.#cache.set(entry, record);
    this.#cached += record.length;
    // what is not durable yet cannot be read from the file
    for (; this.#cached > this.cacheBytes && this.#oldestCached < this.#durable; this.#oldestCached++) {
      this.#cached -= this.#cache.get(this.#oldestCached)?.length ?? 0;
      this.#cache.delete(this.#oldestCached);
    }
  }

  #remember(id: string, stream: Stream): void {
    const forgotten = this.#recentIds[this.#nextRecent];
    if (forgotten !== undefined) this.#recent.delete(forgotten);
    this.#recentIds[this.#nextRecent] = id;
    this.#nextRecent = (this.#nextRecent + 1) % RECENT_EVENTS;
    this.#recent.set(id, { stream, revision: stream.last });
  }

  #index(position: number, length: number, head: RecordHead): number {
    const stream = this.#streamFor(head.stream);
    const entry = this.#positions.push(position) - 1;
    this.#lengths.push(length);
    this.#ids.push(head.id);
    this.#types.push(head.type);
    this.#owners.push(stream);
    if (head.revision === TOMBSTONE_REVISION) {
      stream.tombstoned = true;
      return entry;
    }
    stream.last = stream.entries.push(entry) - 1;
    this.#remember(head.id, stream);
    if (head.stream.startsWith(METADATA)) this.#applyMetadata(this.#streamFor(head.stream.slice(METADATA.length)), head.data);
    return entry;
  }

  #applyMetadata(stream: Stream, data: Uint8Array): void {
    stream.hasMetadata = true;
    const { $tb = 0 } = JSON.parse(Buffer.from(data).toString('utf8')) as { $tb?: number };
    stream.softDeleted = $tb >= Number(TOMBSTONE_REVISION);
    stream.truncateBefore = $tb;
  }

  #metadata(json: string): Proposed {
    return { id: this.newId(), type: '$metadata', contentType: 'application/json', data: Buffer.from(json), metadata: Buffer.alloc(0) };
  }

  #streamFor(name: string): Stream {
    let stream = this.#streams.get(name);
    if (!stream) this.#streams.set(name, stream = { name, last: -1, softDeleted: false, tombstoned: false, hasMetadata: false, truncateBefore: 0, entries: [] });
    return stream;
  }
}
