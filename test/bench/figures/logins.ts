import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { allAnswered, CONNECTIONS, DUE_LATER } from '../ceiling/ceilings.js';
import type { Figure } from '../ground.js';
import { load, type LoadReport } from '../load/tools.js';
import { withServer } from '../server.js';
import { median } from '../statistics.js';

const PARALLEL = 64;
const PASSWORD = 'Correct-horse-7';

/** Posts JSON from an address of its own, as the proxy in front says. @throws Error for another answer */
function post(port: number, agent: Agent, path: string, from: number, body: object, expected: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { host: `localhost:${port}`, 'content-type': 'application/json', 'x-forwarded-for': `198.51.100.${from + 1}` };
    request({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (answer) => {
      text(answer).then((whole) => { if (answer.statusCode !== expected) throw new Error(`${path} was answered ${answer.statusCode}: ${whole.slice(0, 300)}`); }).then(resolve, reject);
    }).once('error', reject).end(JSON.stringify(body));
  });
}

export const logins: Figure = {
  name: 'logins',
  about: `p99 of accepts while ${PARALLEL} people sign in at once, again and again, against the same without them`,
  async measure(ground) {
    const accounts = ground.quick ? 4 : PARALLEL, seconds = ground.quick ? 1 : 4;
    // nothing is sent, so the gateway is never called; but there must be one
    const env = { GATEWAY_SMS_URL: 'http://127.0.0.1:9/gateway/gateway.jsp', EGRESS_ALLOW: '127.0.0.1:9', TRUSTED_PROXIES: '127.0.0.1' };
    const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
    try {
      return await withServer(ground, { called: 'logins', env }, async (server) => {
        const headers = [`Authorization: Bearer ${await server.token('bench')}`];
        await Promise.all(Array.from({ length: accounts }, (_, i) => post(server.port, agent, '/auth/signup', i, { username: `person${i}`, password: PASSWORD, full_name: `Person ${i}` }, 201)));
        const accepts = async (warmUp = 200): Promise<LoadReport> => allAnswered(await load({ port: server.port, body: DUE_LATER, headers, connections: CONNECTIONS, seconds, warmUp, ...ground.fresh() }).report, 202);
        /** Everybody signs in, and in again, while the work goes on; answers how often that was. */
        const beside = async (work: () => Promise<LoadReport>): Promise<{ report: LoadReport; signedIn: number }> => {
          let ending = false, signedIn = 0;
          const people = Promise.all(Array.from({ length: PARALLEL }, async (_, i) => {
            for (; !ending; signedIn++) await post(server.port, agent, '/auth/login', i, { username: `person${i % accounts}`, password: PASSWORD }, 200);
          }));
          people.catch(() => undefined); // told below
          let report: LoadReport;
          try { report = await work(); } finally { ending = true; await people; }
          return { report, signedIn };
        };
        const alone: LoadReport[] = [], together: LoadReport[] = [], perSecond: number[] = [];
        await accepts(1_000);
        const repeats = ground.quick ? 1 : ground.repeats;
        for (let i = 0; i < repeats; i++) {
          ground.say(`logins ${i + 1}/${repeats}`);
          alone.push(await accepts());
          const began = performance.now();
          const { report, signedIn } = await beside(accepts);
          together.push(report);
          perSecond.push(signedIn * 1000 / (performance.now() - began));
        }
        return [{
          figure: 'logins', what: `p99 of accepts, ${PARALLEL} people signing in at once; ratio to p99 without them`, unit: 'ms', samples: together.map((r) => r.p99), ceilings: alone.map((r) => r.p99),
          beside: { 'logins/s': median(perSecond), 'accepts/s': median(together.map((r) => r.rate)), 'accepts/s without': median(alone.map((r) => r.rate)) }, aims: [{ of: 'ratio', atMost: 2 }],
        }];
      });
    } finally { agent.destroy(); }
  },
};
