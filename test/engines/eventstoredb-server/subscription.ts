import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { randomUUID } from 'node:crypto';
import type { EventLog } from './event-log.js';
import type { Node } from './node.js';
import type { Reader } from './reader.js';
import { eventResponse, nameOf } from './recorded.js';
import { filterOf, type Matches } from './selection.js';

/** What EventStoreDB looks at before it may tell a checkpoint, unless the client says otherwise. */
const SEARCH_WINDOW = 32;

/**
 * Follows $all or a stream: what is there, then what comes. Whoever filters is told a checkpoint after each so many events
 * that were looked at (the client's interval times its window), and nothing while nothing comes.
 */
export function follow(node: Node, reader: Reader, options: ReadReq.Options): void {
  const { log } = node;
  const matches = matchesOf(log, options);
  const filter = options.getFilter();
  const interval = filter ? filter.getCheckpointintervalmultiplier() * (filter.hasMax() ? filter.getMax() : SEARCH_WINDOW) : Infinity;
  let next = startOf(log, options);
  let looked = 0;
  let caughtUp = false;
  let pumping = false;

  const pump = async (): Promise<void> => {
    if (pumping) return;
    pumping = true;
    while (next < log.durable && !reader.gone) {
      const entry = next++;
      let more = true;
      if (matches(entry)) more = reader.sendEvent(eventResponse(log.recordOf(entry), log.positionOf(entry)));
      if (++looked >= interval) {
        looked = 0;
        more = reader.send(checkpoint(log.positionOf(entry))) && more;
      }
      if (!more) await reader.drained();
    }
    if (!caughtUp && !reader.gone) {
      caughtUp = true;
      reader.send(response((r) => r.setCaughtUp(new streams.ReadResp.CaughtUp())));
    }
    pumping = false;
  };
  const end = (): void => reader.end();
  const stop = log.follow(() => void pump());
  node.followers.add(end);
  reader.onGone(() => {
    stop();
    node.followers.delete(end);
  });
  reader.send(response((r) => r.setConfirmation(confirmation())));
  void pump();
}

function matchesOf(log: EventLog, options: ReadReq.Options): Matches {
  if (options.hasAll()) return filterOf(log, options.getFilter());
  const name = nameOf(options.getStream()?.getStreamIdentifier());
  return (entry) => log.streamOf(entry) === name;
}

/** After the event that the client names, which it has seen. */
function startOf(log: EventLog, options: ReadReq.Options): number {
  const all = options.getAll();
  if (all) {
    if (all.hasEnd()) return log.durable;
    return all.hasPosition() ? log.entryAt(Number(all.getPosition()!.getCommitPosition()) + 1) : 0;
  }
  const asked = options.getStream()!;
  const entries = log.stream(nameOf(asked.getStreamIdentifier()))?.entries ?? [];
  if (asked.hasEnd()) return log.durable;
  if (asked.hasStart() || entries.length === 0) return 0;
  const seen = Math.min(Number(asked.getRevision()), entries.length - 1);
  return Math.min(entries[seen]! + 1, log.durable);
}

function response(fill: (response: ReadResp) => void): Buffer {
  const message = new streams.ReadResp();
  fill(message);
  return Buffer.from(message.serializeBinary());
}

function confirmation(): ReadResp.SubscriptionConfirmation {
  const message = new streams.ReadResp.SubscriptionConfirmation();
  message.setSubscriptionId(randomUUID());
  return message;
}

const checkpoint = (position: number): Buffer => response((r) => {
  const message = new streams.ReadResp.Checkpoint();
  message.setCommitPosition(String(position));
  message.setPreparePosition(String(position));
  r.setCheckpoint(message);
});
