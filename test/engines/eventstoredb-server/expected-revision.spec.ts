import { describe, expect, it } from '@jest/globals';
import { judge, type Expected, type StreamState, type Verdict } from './expected-revision.js';

const EMPTY: StreamState = { last: -1, softDeleted: false, tombstoned: false, hasMetadata: false };
const IDS = ['a', 'b', 'c'];
const THREE: StreamState = { ...EMPTY, last: 2 };
const known = { idAt: (revision: number) => IDS[revision], recent: (id: string) => (IDS.includes(id) ? IDS.indexOf(id) : undefined) };

const write: Verdict = { kind: 'write' };
const repeat = (last: number): Verdict => ({ kind: 'repeat', last });
const wrong = (current: number): Verdict => ({ kind: 'wrong', current });
const deleted: Verdict = { kind: 'deleted' };

const CASES: [string, StreamState, Expected, string[], Verdict][] = [
  ['a new stream', EMPTY, 'no_stream', ['x'], write],
  ['the last revision', THREE, 2n, ['x'], write],
  ['a revision ahead', THREE, 3n, ['x'], wrong(2)],
  ['a revision ahead of nothing', EMPTY, 0n, ['x'], wrong(-1)],
  ['a revision behind', THREE, 1n, ['x'], wrong(2)],
  ['a repeat from the start', THREE, 'no_stream', ['a', 'b', 'c'], repeat(2)],
  ['a repeat with later events after it', THREE, 0n, ['b'], repeat(1)],
  ['a repeat of the first part only', THREE, 'no_stream', ['a'], repeat(0)],
  ['a repeat with one more', THREE, 'no_stream', ['a', 'b', 'c', 'x'], wrong(2)],
  ['a repeat in another order', THREE, 'no_stream', ['b', 'a'], wrong(2)],
  ['a repeat at another place', THREE, 0n, ['a'], wrong(2)],
  ['a repeat at the end is no repeat', THREE, 2n, ['c'], write],
  ['any, new', THREE, 'any', ['x'], write],
  ['any, again', THREE, 'any', ['b', 'c'], repeat(2)],
  ['any, half of it again', THREE, 'any', ['c', 'x'], wrong(2)],
  ['stream_exists where it does not', EMPTY, 'stream_exists', ['x'], wrong(-1)],
  ['stream_exists where it has metadata', { ...EMPTY, hasMetadata: true }, 'stream_exists', ['x'], write],
  ['stream_exists where it does', THREE, 'stream_exists', ['x'], write],
  ['stream_exists of a soft-deleted stream', { ...THREE, softDeleted: true }, 'stream_exists', ['x'], deleted],
  ['no_stream of a soft-deleted stream', { ...THREE, softDeleted: true }, 'no_stream', ['x'], write],
  ['a repeat in a soft-deleted stream', { ...THREE, softDeleted: true }, 'no_stream', ['a'], repeat(0)],
  ['the last revision of a soft-deleted stream', { ...THREE, softDeleted: true }, 2n, ['x'], write],
  ['a tombstone', { ...THREE, tombstoned: true }, 2n, ['x'], deleted],
  ['nothing, at the last revision', THREE, 2n, [], write],
  ['nothing, behind', THREE, 1n, [], wrong(2)],
];

describe('the expected revision', () => {
  it.each(CASES)('%s', (_, stream, expected, ids, verdict) => {
    expect(judge(stream, expected, ids, known)).toEqual(verdict);
  });
});
