import { describe, expect, it } from '@jest/globals';
import { withProgress } from './progress.js';
import type { Terminal } from './terminal.js';

/** What is drawn for four reports, a second apart, of work that is to take ten. */
async function drawn(over: Partial<Terminal>): Promise<string[]> {
  const err: string[] = [];
  const t: Terminal = { out: () => undefined, err: (text) => { err.push(text); }, env: {}, tty: true, colour: false, ascii: false, width: 100, ...over };
  let now = 0;
  await withProgress(t, 'Rebuilding message-log', (progress) => {
    for (let done = 1; done <= 4; done++) {
      now += 1_000;
      progress({ done: done * 1_000, of: 10_000, unit: 'events' });
    }
    return Promise.resolve();
  }, () => now);
  return err;
}

describe('a progress bar', () => {
  it('says what, how far, how fast and how long still, and is wiped at the end', async () => {
    const lines = await drawn({});
    expect(lines).toHaveLength(5);
    expect(lines[3]).toBe('\rRebuilding message-log  [##########..............]  40 %  4,000 events  1,000 events/s  6 s left\u001b[K');
    expect(lines[4]).toBe('\r\u001b[K');
  });
  it('is cut to the terminal, and to 80 columns where that does not know its own', async () => {
    expect((await drawn({ width: 30 }))[0]).toBe('\rRebuilding message-log  [##..\u001b[K');
    expect((await drawn({ width: 0 }))[0]).toHaveLength(1 + 79 + 3);
  });
  it('is not drawn where nobody looks', async () => expect(await drawn({ tty: false })).toEqual([]));
});
