import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { patience, WholeHouse } from './whole-house.js';

let house: WholeHouse;
beforeAll(async () => { house = await WholeHouse.open(); });
afterAll(() => house.close());

it('a house in which nothing has happened yet starts a second time', async () => {
  const followed = (): boolean => ['message-log', 'due-work'].every((name) => house.house.kernel.statuses.get(name)?.position != null);
  await until('the followers have heard that there is nothing', followed);
  await house.stop();
  await house.start();
  await until('the followers have heard it again', followed);
  expect([...house.house.kernel.statuses.values()].filter((s) => s.stopped)).toEqual([]);
  // as whoever waits for it asks: a server that took long to say that it is there is not ready for that moment
  let said = '';
  const ready = async (): Promise<boolean> => {
    const reply = await fetch(`http://127.0.0.1:${house.house.listening.ports[0]!.port}/ready`);
    said = await reply.text();
    return reply.status === 200;
  };
  await until('it is ready', ready, patience(2_000)).catch((error: unknown) => { throw new Error(`${String(error)}: ${said}`); });
});
