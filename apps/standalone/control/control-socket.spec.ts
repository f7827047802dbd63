import { expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { TestClock } from '#libs/event-sourcing/testing/test-clock';
import { openControlSocket } from './control-socket.js';
import type { Parts } from './operation.js';

/** more than the system keeps for whoever does not read */
const LONG = 'x'.repeat(8_000_000);

it('whoever has stopped reading holds up the end for one second, and whoever reads is answered', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'heliograph-control-'));
  const clock = new TestClock();
  let asked = 0;
  let answer = (): void => {};
  const answering = new Promise<void>((go) => { answer = go; });
  const control = await openControlSocket({ configuration: { dataDir }, clock } as unknown as Parts, async () => { asked++; await answering; return LONG; });
  const asking = () => { const socket = createConnection(control.path); socket.write('{"operation":"x","given":{}}\n'); return socket; };
  try {
    const [stalled, reader] = [asking().pause(), asking()];
    const read = text(reader);
    while (asked < 2) await new Promise((later) => { setImmediate(later); });
    let ended = false;
    const closing = control.close().then(() => { ended = true; });
    answer();
    expect(JSON.parse(await read)).toEqual({ result: LONG });
    await clock.advance(999);
    expect(ended).toBe(false);
    await clock.advance(1);
    await closing;
    stalled.resume();
    await once(stalled, 'close');
  } finally { rmSync(dataDir, { recursive: true, force: true }); }
}, 5_000);
