/** A server that goes away takes all connections with it in one turn: whoever used them must find it again, whatever the driver was at just then. */
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { connect } from 'node:net';
import { type MongoDB, openMongoDB } from '#libs/engines/mongodb/mongodb';
import { until } from '../../bench/ground.js';
import { lineTo, type Line } from '../../reliability/cluster/line.js';
import { OwnServer } from './mongodb-ground.js';

const DEADLINE_MS = 1_500, CALLERS = 20, PAUSE_MS = 10;
/** the driver has looked at the server, and might look again at once */
const LOAD_MS = 1_200;
/** longer than any distance that looks at a server keep */
const STOPPED_MS = 2_500;
/** by looking again; and by a client in the place of one that looks no more, which takes as long as a look may */
const FOUND_MS = 4_000, REPLACED_MS = 15_000;

let server: OwnServer, line: Line, engine: MongoDB;
let served = 0, ended = false;
let load: Promise<unknown>;
const pause = (): Promise<void> => new Promise((done) => { setTimeout(done, PAUSE_MS * Math.random()); });

beforeAll(async () => {
  server = await OwnServer.start();
  line = await lineTo(Number(new URL(server.url).port));
  engine = await openMongoDB({ url: `mongodb://127.0.0.1:${line.port}`, deadlineMs: DEADLINE_MS });
  await engine.readModels.define({ name: 'view@1', indexes: {} });
  load = Promise.all(Array.from({ length: CALLERS }, async (_, i) => {
    while (!ended) { await engine.readModels.get('view@1', `r${i}`).then(() => { served++; }, () => undefined); await pause(); }
  }));
}, 60_000);
afterAll(async () => {
  ended = true;
  await load;
  await engine?.close();
  await line?.close();
  await server?.stop();
}, 30_000);

async function killedAndBack(boundMs: number): Promise<void> {
  const from = performance.now();
  await until('there was load', () => Promise.resolve(performance.now() - from > LOAD_MS));
  server.kill();
  await server.restart();
  const before = served;
  await until('calls are served again', () => Promise.resolve(served >= before + CALLERS), { boundMs, pauseMs: 20 });
}

describe('mongodb killed under load', () => {
  it('is found again, each time', async () => {
    for (let round = 0; round < 4; round++) await killedAndBack(FOUND_MS);
  }, 120_000);

  it('is found again by a process that stood still at that moment', async () => {
    for (let round = 0; round < 2; round++) {
      // between the moment when all connections have ended and the one when they say so
      const beside = connect(line.port, '127.0.0.1');
      beside.on('error', () => undefined).resume().once('finish', () => { for (const from = performance.now(); performance.now() - from < STOPPED_MS;); });
      await killedAndBack(REPLACED_MS);
      beside.destroy();
    }
  }, 120_000);
});
