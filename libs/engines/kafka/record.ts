import { TooLarge } from '#libs/event-sourcing/errors';
import type { Job } from '#libs/event-sourcing/ports/work-queue';

/** A record as it is sent. */
export interface Outgoing { topic: string; key: Buffer | null; value: Buffer; headers?: Record<string, string> }
/** A record as it was found. */
export interface Found { key: Buffer | null; value: Buffer | null }

/** These names and this shape lie in Kafka while a deployment goes on: a change is a new version, which the older program parks. */
const VERSION = 1;
const MOST_BYTES = 4_096;
const PARKED_BYTES = 16_384;

/** The job as a record; the stream is the key, so that the jobs of one stream stay in one partition. */
export function encode(job: Job, topic: string): Outgoing {
  const value = Buffer.from(JSON.stringify({ v: VERSION, stream: job.stream, id: job.id, lane: job.lane }));
  if (value.length > MOST_BYTES) throw new TooLarge(value.length, MOST_BYTES);
  return { topic, key: Buffer.from(job.stream), value };
}

const isText = (v: unknown): v is string => typeof v === 'string' && v.isWellFormed();

/** The job that a record holds, or why it holds none: whoever can write to the topic is trusted no more than a request is. */
export function decode(found: Found, topic: string): Job | { reason: string } {
  if (found.value === null) return { reason: 'no value' };
  if (found.value.length > MOST_BYTES) return { reason: `${found.value.length} bytes, over ${MOST_BYTES}` };
  let read: Partial<Record<'v' | 'stream' | 'id' | 'lane', unknown>>;
  try {
    read = Object(JSON.parse(found.value.toString('utf8')));
  } catch {
    return { reason: 'not JSON' };
  }
  if (read.v !== VERSION) return { reason: `not version ${VERSION}` };
  const { stream, id, lane } = read;
  if (!isText(stream) || !isText(id) || !isText(lane) || stream === '' || id === '') return { reason: 'not a job' };
  const job = { topic, stream, id, lane };
  const ours = encode(job, topic);
  if (!ours.value.equals(found.value)) return { reason: 'not as it is written here' }; // more fields, a field twice, broken characters
  if (!found.key || !ours.key!.equals(found.key)) return { reason: 'the key is not the stream' };
  return job;
}

/** What is kept of a record that holds no job: its beginning, where it lay and why. */
export function parked(found: Found, from: { topic: string; partition: number; offset: string }, reason: string, topic: string): Outgoing {
  const value = found.value ?? Buffer.alloc(0);
  const headers = { reason, topic: from.topic, partition: String(from.partition), offset: from.offset, bytes: String(value.length) };
  return { topic, key: found.key?.subarray(0, MOST_BYTES) ?? null, value: value.subarray(0, PARKED_BYTES), headers };
}
