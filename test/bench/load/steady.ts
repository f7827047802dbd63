/** Requests at a steady pace, whether or not those before them are answered: as clients who know nothing of each other send them. */
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface SteadyOptions {
  port: number;
  token: string;
  /** of request i */
  body(i: number): string;
  /** so many a second, for so long */
  perSecond: number;
  seconds: number;
  /** called at each acknowledgement, with the id that was answered */
  acknowledged(i: number, id: string): void;
}

/** How late each request left, and how long its answer took, in ms; answers per second, the last one waited for. @throws Error for another answer than 202 */
export async function steady({ port, token, body, perSecond, seconds, acknowledged }: SteadyOptions): Promise<{ late: number[]; took: number[]; rate: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  const late: number[] = [], took: number[] = [], answers: Promise<void>[] = [];
  const run = `${process.pid}-${Math.round(performance.now())}`;
  const send = (i: number, began = performance.now()): Promise<void> => new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': `steady-${run}-${i}` };
    const asking = request({ host: '127.0.0.1', port, path: '/api/v1/messages', method: 'POST', agent, headers }, (answer) => {
      text(answer).then((whole) => {
        if (answer.statusCode !== 202) throw new Error(`request ${i} was answered ${answer.statusCode}: ${whole.slice(0, 300)}`);
        took.push(performance.now() - began);
        acknowledged(i, (JSON.parse(whole) as { id: string }).id);
      }).then(resolve, reject);
    });
    // the server ended an idle connection just as it was taken again: the same key makes it safe to ask once more
    asking.once('error', (error: NodeJS.ErrnoException) => { if (asking.reusedSocket && error.code === 'ECONNRESET') send(i, began).then(resolve, reject); else reject(error); });
    asking.end(body(i));
  });
  const began = performance.now(), all = Math.round(perSecond * seconds);
  const due = (i: number): number => began + (i * 1000) / perSecond;
  try {
    for (let i = 0; i < all;) {
      for (; i < all && due(i) <= performance.now(); i++) {
        late.push(performance.now() - due(i));
        const answer = send(i);
        answer.catch(() => undefined); // told below
        answers.push(answer);
      }
      await new Promise((resolve) => { setTimeout(resolve, 1); });
    }
    await Promise.all(answers);
    return { late, took, rate: (all * 1000) / (performance.now() - began) };
  } finally { agent.destroy(); }
}
