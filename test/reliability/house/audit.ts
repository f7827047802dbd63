/** What a data folder holds once its server is gone, held against what clients and gateways saw. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateOf } from '#libs/event-sourcing/decider';
import type { StoredEvent } from '#libs/event-sourcing/event';
import { openEmbedded } from '#libs/engines/embedded/embedded';
import { DUE_WORK, rowOf } from '#libs/event-sourcing/running/due-work';
import { EventRegistry } from '#libs/event-sourcing/running/event-registry';
import type { Engine } from '#libs/event-sourcing/running/kernel';
import { Keyring } from '#libs/event-sourcing/sealing/keyring';
import { Sealer } from '#libs/event-sourcing/sealing/sealer';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import type { Row } from '#libs/event-sourcing/projection';
import { SUBJECTS } from '#apps/standalone/subjects';
import type { Call } from './gateway.js';
import type { Wish } from './sender.js';

export interface Life { id: string; events: StoredEvent[] }
export interface Found {
  /** every event, by position */
  log: StoredEvent[];
  messages: Map<string, Life>;
  /** rows that are not what the log says, by view; empty when all are */
  wrongRows: string[];
}

/** Reads the whole folder: the log, folded once more, and every row beside it. Changes nothing that a server would not. */
export async function read(data: string, secrets = join(data, '../secrets')): Promise<Found> {
  const engine = await openEmbedded({ dir: data });
  try { return await held(engine, readFileSync(join(secrets, 'master.key'))); } finally { await engine.close(); }
}

/** The same for engines that are open. */
export async function held(engine: Engine, masterKey: Uint8Array): Promise<Found> {
  const registry = new EventRegistry(SUBJECTS.deciders, new Sealer(await Keyring.open(engine.keys, masterKey)));
  const log: StoredEvent[] = [], folded: StoredEvent[] = [];
  const head = await engine.eventStore.head();
  for (let at: string | null = null; head !== null && (at === null || at < head);) {
    const batch = await engine.eventStore.readAll(at, [], 2_000);
    for (const e of batch.events) log.push(registry.known(e));
    folded.push(...await registry.folded(batch.events));
    at = batch.position;
  }
  const streams = new Map<string, StoredEvent[]>();
  for (const e of log) { const of = streams.get(e.stream); if (of) of.push(e); else streams.set(e.stream, [e]); }
  const messages = new Map([...streams].filter(([stream]) => stream.startsWith('message-')).map(([stream, events]) => [stream.slice(8), { id: stream.slice(8), events }]));
  const wrongRows = [...await wrongViews(engine, folded), ...await wrongDueWork(engine, streams)];
  return { log, messages, wrongRows };
}

const PAGE = 500;
const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (v: unknown): unknown => (Array.isArray(v) ? v.map(sorted) : v !== null && typeof v === 'object' ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, x]) => [k, sorted(x)])) : v);

/** Each view against the fold of the log by its own pure function. */
async function wrongViews(engine: Engine, log: readonly StoredEvent[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const p of SUBJECTS.projections) {
    const folded = new Map<string, { position: string; row: Row | null }>();
    for (const e of log) {
      if (!p.follows.some((category) => e.stream.startsWith(`${category}-`))) continue;
      for (const id of p.keys(e as never)) folded.set(id, { position: e.position, row: p.fold((folded.get(id)?.row ?? null) as never, e as never, id) as Row | null });
    }
    const collection = collectionOf(p);
    await engine.readModels.define({ name: collection, indexes: p.indexes as Record<string, string[]> });
    const ids = [...folded.keys()];
    for (let i = 0; i < ids.length; i += PAGE) {
      const some = ids.slice(i, i + PAGE);
      const rows = await engine.readModels.getMany(collection, some);
      for (const id of some) {
        const [is, ought] = [rows.get(id), folded.get(id)!];
        if (is?.position !== ought.position || !same(is.row, ought.row)) wrong.push(`${p.name}/${id}: ${JSON.stringify(is)} in place of ${JSON.stringify(ought)}`);
      }
    }
    const [rows, ought] = [await engine.readModels.count(collection, {}), [...folded.values()].filter((f) => f.row !== null).length];
    if (rows !== ought) wrong.push(`${p.name} has ${rows} rows in place of ${ought}`);
    const checkpoint = await engine.readModels.checkpoint(collection);
    if ((checkpoint ?? '') < (log.at(-1)?.position ?? '')) wrong.push(`${p.name} has seen ${checkpoint} of ${log.at(-1)?.position}`);
  }
  return wrong;
}

/** The rows of what is still to do, against `next` of every stream's state. */
async function wrongDueWork(engine: Engine, streams: ReadonlyMap<string, readonly StoredEvent[]>): Promise<string[]> {
  const ought = new Map<string, unknown>();
  for (const p of SUBJECTS.processes) {
    for (const [stream, events] of streams) {
      if (!stream.startsWith(`${p.of.stream}-`)) continue;
      const due = p.next(stateOf(p.of as never, events as never) as never, stream.slice(p.of.stream.length + 1));
      if (due) ought.set(stream, rowOf(due));
    }
  }
  await engine.readModels.define(DUE_WORK);
  const is = new Map<string, unknown>();
  for (let after: string[] | undefined; ;) {
    const page = await engine.readModels.find<{ dueAt: string }>(DUE_WORK.name, { where: {}, sort: { by: ['dueAt', 'id'] }, ...(after ? { after } : {}), limit: PAGE });
    for (const { id, row } of page) is.set(id, row);
    if (page.length < PAGE) break;
    after = [page.at(-1)!.row.dueAt, page.at(-1)!.id];
  }
  return [...new Set([...is.keys(), ...ought.keys()])].filter((stream) => !same(is.get(stream) ?? null, ought.get(stream) ?? null))
    .map((stream) => `due work of ${stream}: ${JSON.stringify(is.get(stream))} in place of ${JSON.stringify(ought.get(stream))}`);
}

/** Every acknowledged wish is there exactly once; answers those that are not. */
export const lost = ({ messages }: Found, wishes: readonly Wish[]): string[] => {
  const acknowledged = wishes.filter((w) => w.id !== null);
  const ids = new Set(acknowledged.map((w) => w.id));
  return [
    ...acknowledged.filter((w) => messages.get(w.id!)?.events.filter((e) => e.type === 'MessageAccepted').length !== 1).map((w) => `${w.id} (${w.key}) is not there once`),
    ...(ids.size === acknowledged.length ? [] : [`${acknowledged.length} acknowledged wishes share ${ids.size} ids`]),
  ];
};

const nOf = (e: StoredEvent): number => (e.data as { n: number }).n;
const OUTCOMES = new Set(['AttemptSent', 'AttemptFailed', 'AttemptUnknown', 'AttemptNotMade']);
/** The life as the gateway's calls must agree with it; answers each disagreement. `said` tells how the gateway meant a call: `yes`, or `no` (not carried out). */
export function unlawfulCalls({ messages }: Found, calls: readonly Call[], said: (call: Call) => 'yes' | 'no' = () => 'yes'): string[] {
  const wrong: string[] = [];
  const seen = new Map<string, Call>();
  for (const call of calls) {
    if (seen.has(call.key)) wrong.push(`${call.key} was called twice`);
    seen.set(call.key, call);
    const [id, n] = [call.key.slice(0, call.key.lastIndexOf('/')), Number(call.key.slice(call.key.lastIndexOf('/') + 1))];
    const started = messages.get(id)?.events.find((e) => e.type === 'AttemptStarted' && nOf(e) === n);
    if (!started) wrong.push(`${call.key} was called without its record`);
    else if (Date.parse((started.data as { startedAt: string }).startedAt) > call.at) wrong.push(`${call.key} was called before it was recorded`);
  }
  for (const { id, events } of messages.values()) {
    events.forEach((e, at) => {
      if (e.type !== 'AttemptStarted' || nOf(e) === 1) return;
      const before = nOf(e) - 1;
      const outcome = events.slice(0, at).find((o) => OUTCOMES.has(o.type) && nOf(o) === before)?.type;
      const call = seen.get(`${id}/${before}`);
      if (!outcome) wrong.push(`${id}/${nOf(e)} was begun while ${before} was under way`);
      else if (call && said(call) === 'yes' && outcome !== 'AttemptUnknown') wrong.push(`${id}/${nOf(e)} was begun after ${outcome}, though the gateway had taken ${before}`);
      else if (outcome === 'AttemptSent') wrong.push(`${id}/${nOf(e)} was begun though ${before} was sent`);
    });
    // a late word may come after `unknown`; else an attempt ends once
    for (const n of new Set(events.filter((e) => e.type === 'AttemptStarted').map(nOf))) {
      const ends = events.filter((e) => OUTCOMES.has(e.type) && nOf(e) === n);
      if (events.filter((e) => e.type === 'AttemptStarted' && nOf(e) === n).length !== 1) wrong.push(`${id}/${n} was begun twice`);
      if (ends.filter((e) => !(e.data as { late?: boolean }).late).length > 1) wrong.push(`${id}/${n} ended twice`);
    }
  }
  return wrong;
}

/** How often each outcome stands in the log. */
export const counts = (found: Found): Record<string, number> => {
  const by: Record<string, number> = {};
  for (const e of found.log) if (e.stream.startsWith('message-')) by[e.type] = (by[e.type] ?? 0) + 1;
  return by;
};
