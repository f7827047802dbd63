import type { Position } from '#libs/event-sourcing/event';

/** A place in EventStoreDB's log. */
export interface Place { commit: bigint; prepare: bigint }

const WIDTH = 20; // digits of 2^64
const FORM = /^(\d{20})-(\d{20})$/;

const digits = (n: bigint): string => n.toString().padStart(WIDTH, '0');

/** Commit and prepare position in fixed width, so that the text's order is the log's. */
export function positionOf({ commit, prepare }: Place): Position {
  const text = digits(commit);
  return commit === prepare ? `${text}-${text}` : `${text}-${digits(prepare)}`;
}

/** Before everything: what an empty log was seen up to. */
export const ORIGIN: Position = positionOf({ commit: 0n, prepare: 0n });

/** @throws Error for a text of another engine */
export function placeOf(position: Position): Place {
  const match = FORM.exec(position);
  if (!match) throw new Error(`not a position of this log: ${position}`);
  return { commit: BigInt(match[1]!), prepare: BigInt(match[2]!) };
}

/** Answers that stand for "nowhere" (-1 as an unsigned number) are no places. */
export const isPlace = (p: Place | undefined): p is Place => p !== undefined && p.commit < 2n ** 63n && p.prepare < 2n ** 63n;
