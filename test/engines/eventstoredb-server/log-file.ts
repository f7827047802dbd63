import { closeSync, constants, fstatSync, ftruncateSync, fsyncSync, openSync, readSync, write, writeSync, writev } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';

/** Who made the file, and the shape of its frames. */
const HEADER = Buffer.from('eventlog', 'latin1');
const FRAME_BYTES = 8;
const LENGTH_BYTES = 4;
const MAX_FLUSH_BYTES = 8 * 1024 * 1024;
/** The file is longer than its frames: a write into what is there already needs no change of the file system's own records, so it is flushed sooner. */
const SPARE = Buffer.alloc(8 * 1024 * 1024);

interface Waiting { frame: Buffer; done: () => void }

/**
 * An append-only file of frames, each with a checksum and one or more records in it: all or none of a frame is there after a crash.
 * A record's position is its offset in the file, as in EventStoreDB.
 */
export class LogFile {
  /** a write through it returns when it is on the disk */
  readonly #fd: number;
  /** for what need not be flushed */
  readonly #spareFd: number;
  #end = HEADER.length;
  #size: number;
  #growing = false;
  /** a flush waits for it */
  #short = false;
  #flushed = HEADER.length;
  #waiting: Waiting[] = [];
  #flushing = false;
  #whenIdle: (() => void)[] = [];

  /** @param found every record that is there, in order */
  constructor(path: string, found: (position: number, record: Buffer) => void) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600);
    this.#spareFd = openSync(path, 'r+');
    const { size } = fstatSync(this.#fd);
    if (size < HEADER.length) {
      writeSync(this.#fd, HEADER, 0, HEADER.length, 0);
      syncFolder(dirname(path));
    } else if (!this.read(0, HEADER.length).equals(HEADER)) throw new Error(`${path} is not a log of this server`);
    for (let body = this.#frameAt(this.#end, size); body !== null; body = this.#frameAt(this.#end, size)) {
      for (let at = 0; at < body.length;) {
        const length = body.readUInt32LE(at);
        found(this.#end + FRAME_BYTES + at, body.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
        at += LENGTH_BYTES + length;
      }
      this.#end += FRAME_BYTES + body.length;
    }
    // what follows the last whole frame was never acknowledged, and must not come back behind a later one
    if (size > this.#end) ftruncateSync(this.#fd, this.#end);
    writeSync(this.#spareFd, SPARE, 0, SPARE.length, this.#end);
    fsyncSync(this.#spareFd);
    this.#size = this.#end + SPARE.length;
    this.#flushed = this.#end;
  }

  /** Where the first record of the next frame will stand. */
  get next(): number { return this.#end + FRAME_BYTES; }

  /** How many bytes a record takes in its frame. */
  static sizeOf(record: Uint8Array): number { return LENGTH_BYTES + record.length; }

  /** `done` is called once the frame is on the disk. Frames that wait share one flush. */
  append(records: readonly Uint8Array[], done: () => void): void {
    let bytes = 0;
    for (const record of records) bytes += LogFile.sizeOf(record);
    const frame = Buffer.allocUnsafe(FRAME_BYTES + bytes);
    let at = FRAME_BYTES;
    for (const record of records) {
      at = frame.writeUInt32LE(record.length, at);
      frame.set(record, at);
      at += record.length;
    }
    frame.writeUInt32LE(bytes, 0);
    frame.writeUInt32LE(crc32(frame.subarray(FRAME_BYTES)), 4);
    this.#end += frame.length;
    this.#waiting.push({ frame, done });
    if (this.#flushing) return;
    this.#flushing = true;
    // after this round of I/O: what came in with it shares the flush
    setImmediate(() => this.#flush());
  }

  /** The record that stands there; it must be flushed or at least written. */
  record(position: number, length: number): Buffer { return this.read(position + LENGTH_BYTES, length); }

  read(offset: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let got = 0;
    while (got < length) {
      const n = readSync(this.#fd, bytes, got, length - got, offset + got);
      if (n === 0) throw new Error(`the log ends at ${offset + got}, ${length - got} bytes too early`);
      got += n;
    }
    return bytes;
  }

  /** Resolves when everything that was appended is on the disk. */
  async close(): Promise<void> {
    if (this.#flushing || this.#growing) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    closeSync(this.#fd);
    closeSync(this.#spareFd);
  }

  #flush(): void {
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length && bytes < MAX_FLUSH_BYTES) bytes += this.#waiting[count++]!.frame.length;
    const offset = this.#flushed;
    if (offset + bytes > this.#size) {
      this.#short = true;
      return this.#grow();
    }
    const batch = this.#waiting.splice(0, count);
    this.#write(batch.map((w) => w.frame), offset, bytes, () => {
      this.#flushed = offset + bytes;
      for (const { done } of batch) done();
      if (this.#size - this.#flushed < SPARE.length / 2) this.#grow();
      if (this.#waiting.length > 0) return this.#flush();
      this.#flushing = false;
      this.#tellIdle();
    });
  }

  /** Frames wait where it is not done in time: they are written only into what is there. */
  #grow(): void {
    if (this.#growing) return;
    this.#growing = true;
    const from = this.#size;
    write(this.#spareFd, SPARE, 0, SPARE.length, from, (error) => {
      if (error) fail(error);
      this.#size = from + SPARE.length;
      this.#growing = false;
      if (!this.#short) return this.#tellIdle();
      this.#short = false;
      this.#flush();
    });
  }

  #tellIdle(): void {
    if (!this.#flushing && !this.#growing) for (const idle of this.#whenIdle.splice(0)) idle();
  }

  #write(frames: Buffer[], offset: number, bytes: number, done: () => void): void {
    writev(this.#fd, frames, offset, (error, written) => {
      // a failed flush may have lost pages that no later flush brings back: nothing more may be acknowledged
      if (error) fail(error);
      if (written === bytes) return done();
      const rest = Buffer.concat(frames).subarray(written);
      this.#write([rest], offset + written, rest.length, done);
    });
  }

  /** The whole frame at an offset, or null at the end and where a crash left a torn one. */
  #frameAt(offset: number, size: number): Buffer | null {
    if (offset + FRAME_BYTES > size) return null;
    const head = this.read(offset, FRAME_BYTES);
    const length = head.readUInt32LE(0);
    if (length === 0 || offset + FRAME_BYTES + length > size) return null;
    const body = this.read(offset + FRAME_BYTES, length);
    return crc32(body) === head.readUInt32LE(4) ? body : null;
  }
}

function fail(error: Error): never {
  console.error(`the log cannot be written: ${error.message}`);
  process.exit(1);
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try { fsyncSync(fd); } finally { closeSync(fd); }
}
