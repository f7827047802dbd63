import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { EventLog } from './event-log.js';

export type Matches = (entry: number) => boolean;

/** What a filter lets through: by the beginning of names, or by a regular expression. */
export function filterOf(log: EventLog, filter: ReadReq.Options.FilterOptions | undefined): Matches {
  const expression = filter?.getStreamIdentifier() ?? filter?.getEventType();
  if (!filter || !expression) return () => true;
  const text = filter.hasStreamIdentifier() ? (entry: number) => log.streamOf(entry) : (entry: number) => log.typeOf(entry);
  if (expression.getRegex() !== '') {
    const regex = new RegExp(expression.getRegex(), 'u');
    return (entry) => regex.test(text(entry));
  }
  const prefixes = expression.getPrefixList();
  return (entry) => prefixes.some((prefix) => text(entry).startsWith(prefix));
}

/** The entries that a read that ends is answered with; null for a stream that is not there. */
export function selectionOf(log: EventLog, options: ReadReq.Options): Iterable<number> | null {
  const forwards = options.getReadDirection() === streams.ReadReq.Options.ReadDirection.FORWARDS;
  const count = Number(options.getCount());
  if (options.hasAll()) return take(allOf(log, options.getAll()!, forwards), filterOf(log, options.getFilter()), count);
  const asked = options.getStream()!;
  const name = Buffer.from(asked.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString('utf8');
  const stream = log.stream(name);
  if (!stream || stream.softDeleted) return null;
  const durable = (revision: number): boolean => stream.entries[revision]! < log.durable;
  let last = stream.last;
  while (last >= 0 && !durable(last)) last--;
  if (last < 0) return null;
  const from = asked.hasStart() ? 0 : asked.hasEnd() ? (forwards ? Infinity : last) : Number(asked.getRevision());
  return take(entriesOf(stream.entries, Math.min(from, last + 1), stream.truncateBefore, last, forwards), () => true, count);
}

function* take(entries: Iterable<number>, matches: Matches, count: number): Iterable<number> {
  let left = count;
  if (left <= 0) return;
  for (const entry of entries) {
    if (!matches(entry)) continue;
    yield entry;
    if (--left === 0) return;
  }
}

function* entriesOf(entries: readonly number[], from: number, first: number, last: number, forwards: boolean): Iterable<number> {
  if (forwards) for (let r = Math.max(from, first); r <= last; r++) yield entries[r]!;
  else for (let r = Math.min(from, last); r >= first; r--) yield entries[r]!;
}

/** Forwards from a position with the event that stands there, backwards without it. */
function* allOf(log: EventLog, all: ReadReq.Options.AllOptions, forwards: boolean): Iterable<number> {
  const end = log.durable;
  const at = all.hasPosition() ? log.entryAt(Number(all.getPosition()!.getCommitPosition())) : all.hasEnd() ? end : 0;
  if (forwards) for (let entry = at; entry < end; entry++) yield entry;
  else for (let entry = at - 1; entry >= 0; entry--) yield entry;
}
