import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unavailable } from '../errors.js';
import type { ReadModels } from '../ports/read-models.js';
import { parcel, TakeParcel, type ParcelRow } from '../testing/example.js';
import { by, Room } from '../testing/rooms.js';
import { settle, TestClock } from '../testing/test-clock.js';
import { systemClock } from './clock.js';
import { statusOf } from './following.js';
import { Seeing } from './seeing.js';

const VIEW = { follower: 'v', collection: 'v@1' };
const noViews = { checkpoint: () => Promise.resolve(null) } as unknown as ReadModels;
function rig(views: ReadModels = noViews) {
  const clock = new TestClock(), status = statusOf('v');
  return { clock, status, seeing: new Seeing(new Map([['v', status]]), views, clock) };
}
async function outcome<T>(promise: Promise<T>): Promise<T | 'waits'> {
  await settle();
  return Promise.race([promise, Promise.resolve('waits' as const)]);
}

describe('seeing one\'s own writes', () => {
  let room: Room;
  beforeAll(async () => { room = await Room.open(); });
  afterAll(() => room.close());

  it('holds on the real engine: a list after a write has it', async () => {
    const kernel = await room.kernel({ clock: systemClock });
    kernel.startFollowers();
    for (let i = 0; i < 50; i++) {
      await kernel.commands.execute(parcel, new TakeParcel(`w${i}`, { owner: 'o1', to: '+4915100000001' }, by(`w${i}`)));
      expect(await kernel.seeing.upTo({ follower: 'parcels', collection: 'parcels@1' }, 'someone')).toBe(true);
      expect(await room.engine.readModels.get<ParcelRow>('parcels@1', `w${i}`)).toMatchObject({ row: { owner: 'o1' } });
    }
  });

  it('waits for nothing when there is nothing to wait for', async () => {
    const { seeing } = rig();
    expect(await outcome(seeing.upTo(VIEW, 'who'))).toBe(true);
    seeing.appended('another', '7');
    expect(await outcome(seeing.upTo(VIEW, 'who'))).toBe(true);
  });

  it('waits for the later of the own write and the position asked for', async () => {
    for (const [own, asked, needed] of [['7', undefined, '7'], ['7', '5', '7'], ['5', '7', '7'], [undefined, '7', '7']] as const) {
      const { seeing, status, clock } = rig();
      if (own) seeing.appended('who', own);
      const seen = seeing.upTo(VIEW, 'who', asked);
      status.position = '6';
      await clock.advance(50);
      expect(await outcome(seen)).toBe('waits');
      status.position = needed;
      await clock.advance(5);
      expect(await outcome(seen)).toBe(true);
    }
  });

  it('ends at 250 ms with what is there, by the monotonic clock', async () => {
    const { seeing, clock } = rig();
    seeing.appended('who', '7');
    const seen = seeing.upTo(VIEW, 'who');
    clock.step(3_600_000);
    await clock.advance(245);
    expect(await outcome(seen)).toBe('waits');
    await clock.advance(5);
    expect(await outcome(seen)).toBe(false);
  });

  it('asks the checkpoint of a view that another process follows', async () => {
    let at: string | null = null;
    const { seeing, clock } = rig({ checkpoint: () => Promise.resolve(at) } as unknown as ReadModels);
    const seen = seeing.upTo({ follower: 'elsewhere', collection: 'e@1' }, 'who', '7');
    await clock.advance(20);
    expect(await outcome(seen)).toBe('waits');
    at = '8';
    await clock.advance(5);
    expect(await outcome(seen)).toBe(true);
  });

  it('forgets the oldest of very many principals', async () => {
    const { seeing } = rig();
    for (let i = 0; i <= 10_000; i++) seeing.appended(`p${i}`, '7');
    expect(await outcome(seeing.upTo(VIEW, 'p0'))).toBe(true);
    expect(await outcome(seeing.upTo(VIEW, 'p10000'))).toBe('waits');
  });

  it('without a bound waits until it is seen, or the process ends', async () => {
    const { seeing, status, clock } = rig();
    const stop = new AbortController();
    const [seen, ended] = [seeing.until(VIEW, '7', stop.signal), seeing.until(VIEW, '9', stop.signal)];
    const why = ended.catch((error: unknown) => error);
    await clock.advance(60_000);
    status.position = '7';
    await clock.advance(5);
    expect(await outcome(seen)).toBeUndefined();
    stop.abort();
    expect(await why).toBeInstanceOf(Unavailable);
  });
});
