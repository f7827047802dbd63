import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collectionOf } from '#libs/event-sourcing/running/projecting';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { Room } from '#libs/event-sourcing/testing/rooms';
import { session } from '#libs/identity/session/session.decider';
import { signin } from '#libs/identity/signin/signin.decider';
import { signInLog } from './sign-in-log.projection.js';
import { lastSignIn, listSessions, listSignIns } from './sign-in-log.reader.js';

const at = (s: number): string => new Date(Date.parse('2030-01-01T00:00:00.000Z') + s * 1_000).toISOString();
const start = (id: string, owner: string, s: number, epoch = 0) =>
  happened(session, `session-${id}`, 0, 'SessionStarted', { owner, epoch, how: 'password', address: '192.0.2.1', userAgent: null, startedAt: at(s), expiresAt: at(10_000) });
const refresh = (id: string, s: number) => happened(session, `session-${id}`, 1, 'SessionRefreshed', { n: 1, at: at(s) });
/** A decider's seal of an end asks its state whose it is; here it is plain. */
const end = (id: string, s: number) => ({ ...happened(signin, `session-${id}`, 2, 'SessionEnded', { reason: 'logout', address: null, at: at(s) }) });
const refuse = (id: string, entries: [string | null, 'unknown' | 'password', number][]) =>
  happened(signin, `signin-${id}`, 0, 'SigninsRefused', { entries: entries.map(([user, reason, s]) => ({ user, reason, address: '192.0.2.7', userAgent: 'spec', at: at(s) })), at: at(9) });

const EVENTS = [start('a', 'usr_1', 1), start('b', 'usr_1', 2), start('old', 'usr_1', 3, -1), start('c', 'usr_2', 4), refuse('x', [['usr_1', 'password', 5], [null, 'unknown', 6]]), refresh('a', 7), end('b', 8)];

describe('sign-in-log', () => {
  it('has a row for each try', () => {
    const rows = projected(signInLog, EVENTS);
    expect([...rows.keys()]).toEqual(['a', 'b', 'old', 'c', 'x.0', 'x.1']);
    expect(rows.get('a')).toMatchObject({ user: 'usr_1', at: at(1), granted: true, refusal: null, live: true, usedAt: at(7), end: null });
    expect(rows.get('b')).toMatchObject({ live: false, endedAt: at(8), end: 'logout' });
    expect(rows.get('x.0')).toMatchObject({ user: 'usr_1', at: at(5), granted: false, refusal: 'password', live: false, how: null });
    expect(rows.get('x.1')).toMatchObject({ user: null, refusal: 'unknown' });
  });
  it('does not invent a session that was never started', () => expect(() => projected(signInLog, [end('z', 1)])).toThrow('before SessionStarted'));

  describe('read', () => {
    let room: Room;
    beforeAll(async () => {
      room = await Room.open();
      await room.engine.readModels.define({ name: collectionOf(signInLog), indexes: signInLog.indexes });
      await room.engine.readModels.apply(collectionOf(signInLog), [...projected(signInLog, EVENTS)].map(([id, row]) => ({ id, position: '0000000000000001', row })), '0000000000000001');
    });
    afterAll(() => room.close());
    const ids = ({ signIns }: { signIns: { id: string }[] }): string[] => signIns.map(({ id }) => id);

    it("a user's own, newest first, page by page; everybody's", async () => {
      const views = room.engine.readModels;
      const first = await listSignIns(views, 'usr_1', 3);
      expect([ids(first), first.next]).toEqual([['x.0', 'old', 'b'], [at(2), 'b']]);
      const second = await listSignIns(views, 'usr_1', 3, first.next!);
      expect([ids(second), second.next]).toEqual([['a'], null]);
      expect(ids(await listSignIns(views, null, 10))).toEqual(['x.1', 'x.0', 'c', 'old', 'b', 'a']);
      expect(ids(await listSignIns(views, 'usr_9', 10))).toEqual([]);
    });
    it('the last that was granted', async () => {
      expect(await lastSignIn(room.engine.readModels, 'usr_1')).toBe(at(3));
      expect(await lastSignIn(room.engine.readModels, 'usr_9')).toBeNull();
    });
    it('sessions that nobody ended, one by one or all together, last used first', async () => {
      const views = room.engine.readModels;
      expect(ids(await listSessions(views, { user: 'usr_1', epoch: 0, usedSince: at(0) }, 10))).toEqual(['a']);
      expect(ids(await listSessions(views, { user: 'usr_1', epoch: 0, usedSince: at(8) }, 10))).toEqual([]);
      expect(ids(await listSessions(views, { user: 'usr_1', epoch: -1, usedSince: at(0) }, 10))).toEqual(['old']);
    });
  });
});
