/** What an append expects of its stream: the revision of its last event, or one of three words. */
export type Expected = bigint | 'no_stream' | 'any' | 'stream_exists';

export interface StreamState {
  /** revision of the last event, -1 when there is none; it outlives a soft deletion */
  last: number;
  /** soft deleted: its events are hidden, and a new life goes on counting */
  softDeleted: boolean;
  tombstoned: boolean;
  /** whether it has a metadata stream: enough for `stream_exists` */
  hasMetadata: boolean;
}

export type Verdict =
  | { kind: 'write' }
  /** the same events are there already: answered as the first time */
  | { kind: 'repeat'; last: number }
  | { kind: 'wrong'; current: number }
  | { kind: 'deleted' };

export interface Known {
  /** id of the event at a revision of this stream */
  idAt(revision: number): string | undefined;
  /** revision of an event of this stream that was appended lately */
  recent(id: string): number | undefined;
}

/**
 * What EventStoreDB does with an append (its `IndexWriter.CheckCommit`): a repeat is recognised by the ids that stand at the
 * places where they would have been written, also when later events follow; for `any`, by what was appended lately.
 * A part of a repeat, or one with other events after it, is a wrong revision.
 */
export function judge(stream: StreamState, expected: Expected, ids: readonly string[], known: Known): Verdict {
  if (stream.tombstoned) return { kind: 'deleted' };
  if (expected === 'stream_exists') {
    if (stream.softDeleted) return { kind: 'deleted' };
    if (stream.last < 0 && !stream.hasMetadata) return { kind: 'wrong', current: -1 };
  }
  if (expected === 'any' || expected === 'stream_exists') return judgeLoosely(stream, ids, known);
  const revision = expected === 'no_stream' ? -1 : Number(expected);
  if (revision > stream.last) return { kind: 'wrong', current: stream.last };
  if (revision === stream.last) return { kind: 'write' };
  for (const [i, id] of ids.entries()) {
    if (known.idAt(revision + 1 + i) === id) continue;
    if (i === 0 && expected === 'no_stream' && stream.softDeleted) return { kind: 'write' };
    return { kind: 'wrong', current: stream.last };
  }
  return ids.length === 0 ? { kind: 'wrong', current: stream.last } : { kind: 'repeat', last: revision + ids.length };
}

function judgeLoosely(stream: StreamState, ids: readonly string[], known: Known): Verdict {
  let last = -1;
  for (const [i, id] of ids.entries()) {
    const revision = known.recent(id);
    if (revision === undefined) return i === 0 ? { kind: 'write' } : { kind: 'wrong', current: stream.last };
    last = revision;
  }
  return last < 0 ? { kind: 'write' } : { kind: 'repeat', last };
}
