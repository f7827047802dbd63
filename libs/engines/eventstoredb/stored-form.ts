import { hash } from 'node:crypto';
import type { AllStreamRecordedEvent, BinaryEventData, RecordedEvent } from '@eventstore/db-client';
import { MAX_APPEND_BYTES, decode, encode } from '#libs/event-sourcing/canonical';
import { Damaged, TooLarge } from '#libs/event-sourcing/errors';
import type { NewEvent, Position, StoredEvent } from '#libs/event-sourcing/event';
import { positionOf } from './position.js';

/**
 * What stands in EventStoreDB's metadata, as JSON: our `meta` as it is, the checksum, and the event's id where that is not
 * a UUID (EventStoreDB's own id is then derived from it). The data are the canonical bytes, stored as they are: written
 * as EventStoreDB's JSON they would be parsed and written again by the client at each read and append.
 */
interface Wrapped { meta: unknown; sum: string; id?: string }

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const text = new TextEncoder();

/** The same id always becomes the same UUID: a repeat is known by it. */
function uuidOf(id: string): string {
  if (UUID.test(id)) return id;
  const h = hash('sha256', id, 'hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-8${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

export interface Prepared { events: BinaryEventData[]; bytes: number }

/**
 * The events of one append as EventStoreDB takes them.
 * @throws TooLarge over 1 MiB as EventStoreDB counts it · Refusal, Error as `encode` · TypeError for what JSON cannot hold (a BigInt)
 */
export function prepare(stream: string, expected: number, events: readonly NewEvent[]): Prepared {
  if (events.length === 0) throw new Error('an append holds at least one event');
  if (!Number.isSafeInteger(expected) || expected < -1) throw new Error(`not a revision: ${expected}`);
  let bytes = 0;
  const prepared = events.map((e, i): BinaryEventData => {
    const { data, meta, sum } = encode(stream, expected + 1 + i, e);
    const id = uuidOf(e.id);
    // byte arrays, not Buffers: the client turns a Buffer in metadata into JSON
    const event = {
      id, contentType: 'application/octet-stream' as const, type: e.type, data: text.encode(data),
      metadata: text.encode(`{"meta":${meta},"sum":"${sum}"${id === e.id ? '' : `,"id":${JSON.stringify(e.id)}`}}`),
    };
    bytes += event.data.length + event.metadata.length + 2 * e.type.length;
    return event;
  });
  if (bytes > MAX_APPEND_BYTES) throw new TooLarge(bytes, MAX_APPEND_BYTES);
  return { events: prepared, bytes };
}

export type Recorded = RecordedEvent | AllStreamRecordedEvent;

/**
 * @param stream what the event's stream is called by us
 * @throws Damaged, naming the position, when what is read is not what was written there, or not by this program
 */
export function opened(event: Recorded, stream: string): StoredEvent {
  const position = whereIs(event);
  const { type, metadata } = event;
  const revision = Number(event.revision);
  const wrapped = metadata as Partial<Wrapped> | undefined;
  if (!(event.data instanceof Uint8Array) || typeof wrapped?.sum !== 'string' || wrapped.meta === undefined) {
    throw new Damaged(`event ${revision} of ${stream} is not an event of this program, or damaged`, position);
  }
  const id = wrapped.id ?? event.id;
  if (uuidOf(id) !== event.id) throw new Damaged(`event ${revision} of ${stream} is damaged`, position);
  return decode({ position, stream, revision, id, type, data: textOf(event.data), meta: JSON.stringify(wrapped.meta), sum: wrapped.sum });
}

/** About how much memory it takes, in bytes. */
export const sizeOf = (event: Recorded): number => (event.data instanceof Uint8Array ? event.data.length : 0) + 500;

/** @throws Damaged when the server gave no position */
export function whereIs(event: Recorded): Position {
  if (!event.position) throw new Damaged(`event ${event.revision} of ${event.streamId} came without its position`);
  return positionOf(event.position);
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
