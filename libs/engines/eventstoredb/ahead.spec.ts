import { describe, expect, it } from '@jest/globals';
import { Damaged, Unavailable } from '#libs/event-sourcing/errors';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { Ahead } from './ahead.js';

const HOLD = 30_000;
const at = (n: number): string => String(n).padStart(20, '0');

describe('a position after the end of the log', () => {
  const opened = () => {
    const clock = new TestClock();
    return { clock, ahead: new Ahead(clock, HOLD) };
  };

  it('is a wait at first, and damage once that has held', async () => {
    const { clock, ahead } = opened();
    for (let ms = 0; ms < HOLD; ms += 5_000) {
      expect(ahead.verdict(at(9), at(8))).toBeInstanceOf(Unavailable);
      await clock.advance(5_000);
    }
    expect(ahead.verdict(at(9), at(8))).toBeInstanceOf(Damaged);
    expect(ahead.verdict(at(9), at(8))!.message).toMatch(/before what was already seen of it \(a restored backup/);
    expect(ahead.verdict(at(8), null)).toBeInstanceOf(Unavailable); // another one has its own time
  });

  it('is forgotten once the log goes as far, and after a long while in which nobody asked', async () => {
    const { clock, ahead } = opened();
    ahead.verdict(at(9), at(8));
    await clock.advance(20_000);
    expect(ahead.verdict(at(9), at(9))).toBeNull();
    await clock.advance(20_000);
    expect(ahead.verdict(at(9), at(8))).toBeInstanceOf(Unavailable);
    await clock.advance(60_001);
    expect(ahead.verdict(at(9), at(8))).toBeInstanceOf(Unavailable);
  });
});
