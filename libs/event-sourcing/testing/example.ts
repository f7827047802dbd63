import { decider, StreamCommand } from '../decider.js';
import { Refusal } from '../errors.js';
import { processOf } from '../process.js';
import { projection } from '../projection.js';
import { subjectOf, type Sealed, type Sensitive } from '../sealed.js';
import type { LaneSettings } from '../running/scheduler.js';

/** The kernel's example: parcels that are taken, carried by a van and handed over. All kernel specs use it. */
export type ParcelEvents = {
  /** Taken: `to` is the receiver's number, `note` is the receiver's too. */
  ParcelTaken: { owner: string; to: Sensitive<string>; note: Sensitive<string> | null; van: string; dueAt: string; until: string | null; takenAt: string };
  /** The claim of tour `n`. */
  TourStarted: { n: number; startedAt: string };
  TourEnded: { n: number; good: boolean; van: string; dueAt: string };
  /** Seen on its way: a stream that grows. */
  ParcelSeen: { place: string };
  NoteLeft: { text: Sensitive<string>; fingerprint: string };
  ParcelLost: { at: string };
};

export class TakeParcel extends StreamCommand<{ owner: string; to: string; note?: string; van?: string; dueAt?: string; until?: string }> {}
/** Refused for whoever comes second. Give it `exclusive`. */
export class StartTour extends StreamCommand<{ n: number }> {}
export class EndTour extends StreamCommand<{ n: number; good: boolean; dueAt?: string }> {}
export class SeeParcel extends StreamCommand<{ place: string }> {}
/** The text belongs to the receiver, whose id the state knows. */
export class LeaveNote extends StreamCommand<{ text: string }> {}
export class LoseParcel extends StreamCommand<object> {}

export interface Parcel {
  status: 'new' | 'waiting' | 'touring' | 'delivered' | 'lost';
  owner: string;
  to: Sealed<string> | null;
  note: Sealed<string> | null;
  van: string;
  dueAt: string;
  until: string | null;
  takenAt: string;
  tours: number;
  startedAt: string;
  seen: number;
}

const initial: Parcel = { status: 'new', owner: '', to: null, note: null, van: '', dueAt: '', until: null, takenAt: '', tours: 0, startedAt: '', seen: 0 };

export const parcel = decider<Parcel, ParcelEvents>()({
  stream: 'parcel',
  snapshotVersion: 1,
  initial,
  commands: { TakeParcel, StartTour, EndTour, SeeParcel, LeaveNote, LoseParcel },
  decide: {
    TakeParcel: (p, { owner, to, note = null, van = 'red', dueAt, until = null }, now) =>
      (p.status === 'new' ? [{ type: 'ParcelTaken', data: { owner, to, note, van, dueAt: dueAt ?? now, until, takenAt: now } }] : []),
    StartTour(p, { n }, now) {
      if (p.status !== 'waiting' || n !== p.tours + 1) throw new Refusal('conflict', 'This tour is taken.');
      return [{ type: 'TourStarted', data: { n, startedAt: now } }];
    },
    EndTour: (p, { n, good, dueAt = '' }) => (p.status === 'touring' && n === p.tours ? [{ type: 'TourEnded', data: { n, good, van: p.van, dueAt } }] : []),
    SeeParcel: (_p, { place }) => [{ type: 'ParcelSeen', data: { place } }],
    LeaveNote: (_p, { text }) => [{ type: 'NoteLeft', data: { text, fingerprint: text } }],
    LoseParcel: (p, _data, at) => (p.status === 'lost' ? [] : [{ type: 'ParcelLost', data: { at } }]),
  },
  seal: {
    ParcelTaken: (data, by) => {
      const whose = { kind: 'number', value: data.to } as const;
      return { ...data, to: by.seal('to', data.to, whose), note: by.seal('note', data.note, whose) };
    },
    NoteLeft(data, by, p) {
      const whose = { id: (p.to && subjectOf(p.to)) ?? 'nobody' };
      return { text: by.seal('text', data.text, whose), fingerprint: by.fingerprint(data.fingerprint, whose) };
    },
  },
  period: (p, e) => ({ category: 'parcels', day: (e.type === 'ParcelTaken' ? e.data.takenAt : p.takenAt).slice(0, 10) }),
  evolve: {
    ParcelTaken: (p, e) => ({ ...p, status: 'waiting', owner: e.owner, to: e.to, note: e.note, van: e.van, dueAt: e.dueAt, until: e.until, takenAt: e.takenAt }),
    TourStarted: (p, e) => ({ ...p, status: 'touring', tours: e.n, startedAt: e.startedAt }),
    TourEnded: (p, e) => ({ ...p, status: e.good ? 'delivered' : 'waiting', dueAt: e.dueAt }),
    ParcelSeen: (p) => ({ ...p, seen: p.seen + 1 }),
    NoteLeft: (p, e) => ({ ...p, note: e.text }),
    ParcelLost: (p) => ({ ...p, status: 'lost' }),
  },
  tags: (p) => ({ owner: p.owner, acceptedAt: p.takenAt, ...(p.to && subjectOf(p.to) ? { subjects: [subjectOf(p.to)!] } : {}) }),
});

export const TOURS = 'tours';
export const TOUR_CHECKS = 'tour-checks';

export const touring = processOf({
  name: 'touring',
  of: parcel,
  next(p, id) {
    if (p.status === 'touring') return { topic: TOUR_CHECKS, lane: '', id: `${id}/${p.tours}/check`, dueAt: new Date(Date.parse(p.startedAt) + 60_000).toISOString(), holds: p.van };
    if (p.status === 'waiting') return { topic: TOURS, lane: p.van, id: `${id}/${p.tours + 1}`, dueAt: p.dueAt, ...(p.until ? { until: p.until } : {}) };
    return null;
  },
  health: ({ type, data }) => (type === 'TourEnded' ? { lane: (data as ParcelEvents['TourEnded']).van, good: (data as ParcelEvents['TourEnded']).good } : null),
});

export type ParcelRow = { owner: string; status: string; to: Sealed<string>; note: Sealed<string> | null; tours: number; seen: string[] };

/** One row per parcel; a lost one disappears. A place called `cliff` is one that the fold cannot take. */
export const parcels = projection<ParcelEvents, ParcelRow>({
  name: 'parcels',
  version: 1,
  follows: ['parcel'],
  indexes: { byOwner: ['owner'], byStatus: ['status'] },
  keys: (e) => [e.stream.slice('parcel-'.length)],
  fold(row, e) {
    if (e.type === 'ParcelTaken') return { owner: e.data.owner, status: 'waiting', to: e.data.to, note: e.data.note, tours: 0, seen: [] };
    if (!row) throw new Error(`${e.type} before ParcelTaken`);
    switch (e.type) {
      case 'TourStarted': return { ...row, status: 'touring', tours: e.data.n };
      case 'TourEnded': return { ...row, status: e.data.good ? 'delivered' : 'waiting' };
      case 'ParcelSeen': if (e.data.place === 'cliff') throw new Error('fell off the cliff'); return { ...row, seen: [...row.seen, e.data.place] };
      case 'NoteLeft': return { ...row, note: e.data.text };
      case 'ParcelLost': return null;
    }
  },
});

/** A lane that holds nothing back. */
export const OPEN_LANE: LaneSettings = { rate: 1e6, concurrency: 1e6, circuit: { failures: 1e9, windowMs: 1, windowCalls: 1e9, windowShare: 2, probeMs: 1 } };
