/** A cluster under a light load, what is asked of it while something is wrong, and what must hold of it afterwards. */
import { expect } from '@jest/globals';
import { until } from '../../bench/ground.js';
import { counts, lost, unlawfulCalls, type Found } from '../house/audit.js';
import { gatewaysAt, notingGateway, type NotingGateway } from '../house/gateway.js';
import type { Sender } from '../house/sender.js';
import { built } from '../house/server.js';
import { Cluster, type Member, type Part, type ServerName } from './cluster.js';
import { steadyLoad, type SteadyLoad } from './steady-load.js';

/** What a process says fails when this server cannot be had. */
const FAILS: Record<ServerName, RegExp> = { eventstoredb: /^(log|live)$/, mongodb: /^(views|keys|shared)$/, kafka: /^work queue/ };
const GATEWAY = { deadlineMs: 2_000 };
const TAKES_MS = 5;
/** messages that are followed from their acknowledgement to the gateway */
const FOLLOWED = 30;

export class UnderLoad {
  readonly #called = new Set<string>();
  readonly #times: string[] = [];

  private constructor(readonly gateway: NotingGateway, readonly cluster: Cluster, readonly senders: readonly Sender[], readonly admin: Sender, readonly load: SteadyLoad) {
    const note = (key: string): void => { this.#called.add(key.slice(0, key.lastIndexOf('/'))); };
    for (const call of gateway.calls) note(call.key);
    gateway.onCall = ({ key }) => note(key);
  }

  /** @param name of the messages' owner · @param parts how many processes of each · @param over settings of the gateways over the usual · @param loops clients at each API */
  static async open(name: string, parts: Record<Part, number>, over: object = {}, loops = 2): Promise<UnderLoad> {
    built();
    const gateway = await notingGateway();
    gateway.takes = () => TAKES_MS;
    let cluster: Cluster | null = null, load: SteadyLoad | null = null;
    try {
      cluster = await Cluster.open(gatewaysAt(gateway.url, { ...GATEWAY, ...over }), parts);
      const secret = await cluster.token(name);
      const admin = cluster.bearer(await cluster.token(`${name}-reader`, 'admin'));
      const senders = cluster.of('api').map((_, api) => cluster!.bearer(secret, api));
      load = steadyLoad(senders, loops);
      if (loops > 0) await load.goesOn(FOLLOWED);
      return new UnderLoad(gateway, cluster, senders, admin, load);
    } catch (error) {
      load?.abandon();
      await cluster?.close();
      await gateway.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    console.log(this.#times.join('; '));
    this.load.abandon();
    for (const s of [...this.senders, this.admin]) s.close();
    await this.cluster.close();
    await this.gateway.close();
  }

  /** Does it, and keeps how long it took for the report. */
  async timed<T>(what: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try { return await work(); } finally { this.#times.push(`${what} ${((performance.now() - began) / 1000).toFixed(1)} s`); }
  }

  /** What this process says fails, in /ready. */
  async #failing(member: Member): Promise<string[]> {
    const ready = await this.cluster.asked(member, '/ready');
    return ready?.status === 503 ? (JSON.parse(ready.text) as { failing: { part: string }[] }).failing.map((f) => f.part) : [];
  }

  /** Some process says in /ready and in /metrics that what this server does for it fails. */
  says(server: ServerName): Promise<void> { return this.saysOf(FAILS[server], `that ${server} fails`); }

  /** The same of these parts. */
  async saysOf(failing: RegExp, what: string, boundMs = 30_000): Promise<void> {
    const parts = (text: string): string[] => [...text.matchAll(/^heliograph_failing\{part="([^"]+)"\} 1$/gm)].map((m) => m[1]!);
    await until(`some process says ${what}`, async () => {
      for (const member of this.cluster.members) {
        if (!(await this.#failing(member)).some((part) => failing.test(part))) continue;
        const metrics = await this.cluster.asked(member, '/metrics');
        if (metrics?.status === 200 && parts(metrics.text).some((part) => failing.test(part))) return true;
      }
      return false;
    }, { boundMs, pauseMs: 100 });
  }

  /** What is acknowledged from now on also reaches the gateway. @throws Error with what every process says of itself */
  async goesOn(boundMs = 60_000): Promise<void> {
    try { await this.reach(await this.load.goesOn(FOLLOWED, boundMs), boundMs); }
    catch (error) { throw new Error(`${String(error)}\n${await this.#told()}`, { cause: error }); }
  }
  /** These messages come to the gateway. */
  reach(ids: readonly string[], boundMs = 60_000): Promise<void> {
    return until(`${ids.length} acknowledged messages are at the gateway`, () => Promise.resolve(ids.every((id) => this.#called.has(id))), { boundMs, pauseMs: 20 });
  }

  /** What every process says of itself, for whoever looks for the reason of a failure. */
  async #told(): Promise<string> {
    const told = await Promise.all(this.cluster.members.map(async (member) => {
      const [ready, metrics] = await Promise.all([this.cluster.asked(member, '/ready'), this.cluster.asked(member, '/metrics')]);
      const lanes = metrics?.text.split('\n').filter((line) => /^heliograph_(lane|follower_(stopped|silent)|parked).* [^0]/.test(line)).join('\n');
      return `${member.name}: ${ready?.text ?? 'no answer'}\n${lanes ?? ''}\n${member.said()}`;
    }));
    return `refused ${JSON.stringify([...this.load.refused])}\n${told.join('\n')}`;
  }

  /** Ends the load. Nothing acknowledged is lost, nothing was sent twice unmarked, the views are the fold of the log; answers what is in it. */
  async holds(boundMs = 60_000): Promise<Found> {
    await this.timed('all acknowledged', () => this.load.end());
    const open = async (status: string): Promise<number> => {
      const page = await this.admin.ask('GET', `/api/v1/messages?status=${status}&limit=1`);
      expect([status, page.status, page.status === 200 ? '' : page.text]).toEqual([status, 200, '']);
      return (page.body['messages'] as unknown[]).length;
    };
    await this.timed('all sent', () => until('all is sent', async () => (await open('queued')) + (await open('sending')) + (await open('retrying')) === 0, { boundMs, pauseMs: 200 }));
    let found = await this.cluster.audit();
    await until('the views have caught up', async () => found.wrongRows.length === 0 || (found = await this.cluster.audit()).wrongRows.length === 0, { boundMs: 20_000, pauseMs: 500 }).catch(() => undefined);
    const { load, gateway } = this, by = counts(found);
    console.log(`${load.wishes.length} acknowledged, ${gateway.calls.length} calls: ${by['AttemptSent']} sent, ${by['AttemptUnknown'] ?? 0} unknown, ${by['AttemptNotMade'] ?? 0} not made; refused meanwhile ${JSON.stringify([...load.refused])}`);
    expect(lost(found, load.wishes)).toEqual([]);
    expect(found.messages.size).toBe(load.wishes.length);
    expect(unlawfulCalls(found, gateway.calls)).toEqual([]);
    expect(found.wrongRows).toEqual([]);
    expect([...found.messages.values()].filter(({ events }) => !events.some((e) => e.type === 'AttemptSent')).map((m) => m.id)).toEqual([]);
    return found;
  }
}
