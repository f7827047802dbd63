import { deepStrictEqual, fail } from 'node:assert';
import type { AnyDecider, Decider, CommandClass } from '../decider.js';
import { stateOf } from '../decider.js';
import { Refusal } from '../errors.js';
import type { Catalogue, EventOf, StoredEvent, Tags } from '../event.js';
import type { Process, Due } from '../process.js';
import type { Projection, Row } from '../projection.js';
import { headerText, sealedOf, type Seal, type Subject } from '../sealed.js';

const METADATA = { correlationId: 'c', causationId: 'c', principal: 'p', at: '2030-01-01T00:00:00.000Z' };

/** A sealing that anybody can read: tests compare events and rows, not ciphertext. */
export const readableSeal = (type = 'Test', revision = 0, stream = 'test-1'): Seal => ({
  seal: ((field: string, value: string | null, subject: Subject) => value === null ? null
    : sealedOf(headerText({ subject: 'id' in subject ? subject.id : `sub_${subject.value}`, category: 'test', day: '2030-01-01', field, type, revision, stream }), Buffer.from(value).toString('base64url'))) as Seal['seal'],
  fingerprint: (value) => `fingerprint:${value}`,
});

/** What a decided (plain) event looks like once stored. */
export const storedAs = (d: AnyDecider, event: { type: string; data: unknown }, revision = 0, stream = `${d.stream}-1`, state: unknown = d.initial): { type: string; data: unknown } => {
  const seal = d.seal?.[event.type];
  return seal ? { type: event.type, data: seal(event.data as never, readableSeal(event.type, revision, stream), state as never, stream.slice(d.stream.length + 1)) } : event;
};

/** The state after plain events. */
export const stateAfter = <S>(d: Decider<S, any, any>, past: readonly { type: string; data: unknown }[], id = '1'): S =>
  past.reduce<S>((state, e, i) => stateOf(d as AnyDecider, [{ ...storedAs(d, e, i, `${d.stream}-${id}`, state), revision: i, metadata: METADATA }] as never, state as never) as S, d.initial);

/**
 * given(events).when(command, now).then(exactly these events) · .thenNothing() · .thenRefused(code).
 * Past and expected events are plain; the past is sealed readably before it is folded.
 */
export const given = <S, E extends Catalogue, C extends Record<string, CommandClass>>(d: Decider<S, E, C>, ...past: EventOf<E, 'plain'>[]) => ({
  when: (command: InstanceType<C[keyof C]>, now: string) => {
    const decide = (): EventOf<E, 'plain'>[] =>
      (d.decide as Record<string, (s: S, data: unknown, now: string, id: string) => EventOf<E, 'plain'>[]>)[command.constructor.name]!(stateAfter(d, past, command.id), command.data, now, command.id);
    return {
      then: (...expected: EventOf<E, 'plain'>[]) => deepStrictEqual(decide(), expected),
      thenNothing: () => deepStrictEqual(decide(), []),
      thenRefused: (code: string) => {
        let events;
        try { events = decide(); } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          return deepStrictEqual(error.code, code);
        }
        return fail(`expected the refusal ${code}, got ${JSON.stringify(events)}`);
      },
    };
  },
  /** What a process would do next. */
  next: (p: Process<Decider<S, E, C>>, id = '1') => ({ is: (expected: Due | null) => deepStrictEqual(p.next(stateAfter(d, past, id) as never, id), expected) }),
});

/** An event as a projection sees it (searchable fields in the open), for its spec. */
export const happened = (d: AnyDecider, stream: string, revision: number, type: string, data: unknown, tags: Tags = { owner: 'o1' }): StoredEvent => ({
  type, data: { ...(storedAs(d, { type, data }, revision, stream).data as object), ...Object.fromEntries((d.searchable?.[type] ?? []).map((f) => [f, (data as Record<string, unknown>)[f as string]])) },
  id: `${stream}@${revision}`, version: d.versions?.[type] ?? 1, stream, revision, position: String(revision + 1).padStart(16, '0'), tags,
  metadata: METADATA,
});

/** Folds events into rows as the projector does, without any store. */
export const projected = <E extends Catalogue, R extends Row>(p: Projection<E, R>, events: readonly StoredEvent[]): Map<string, R | null> => {
  const rows = new Map<string, R | null>();
  for (const e of events) for (const id of p.keys(e as never)) rows.set(id, p.fold(rows.get(id) ?? null, e as never, id));
  return rows;
};
