/** Messages through all parts of a cluster, to a gateway that counts them. */
import { allAnswered, CONNECTIONS, DUE_NOW } from '../ceiling/ceilings.js';
import { until, type Ground } from '../ground.js';
import { load, type LoadReport, type Sink } from '../load/tools.js';
import { EVENTS_EACH } from '../prepared/sent-messages.js';
import { exactly } from '../sent.js';
import { followed, type Server } from '../server.js';

/** How Heliograph is told of the gateway. */
export const towards = (upstream: Sink): Record<string, string> => {
  const at = `127.0.0.1:${upstream.port}`;
  return { GATEWAY_SMS_URL: `http://${at}/gateway/gateway.jsp`, EGRESS_ALLOW: at };
};

export interface Sending {
  /** Sends so many and waits until the view has taken all of it. @throws Error when one was lost or sent twice */
  send(messages: number): Promise<{ seconds: number; report: LoadReport }>;
  /** sent in all */
  total(): number;
}

/** @param followers the process, or each of them, that follows the log: the view is up to date once one of them has taken everything */
export function sending(ground: Ground, { api, token, followers, upstream }: { api: Server; token: string; followers: readonly Server[]; upstream: Sink }): Sending {
  let total = 0;
  const taken = async (): Promise<number> => Math.max(...await Promise.all(followers.map((server) => followed(server, 'message-log'))));
  return {
    total: () => total,
    async send(messages) {
      const before = await taken(), began = performance.now();
      const report = allAnswered(await load({ port: api.port, body: DUE_NOW, headers: [`Authorization: Bearer ${token}`], requests: messages, connections: CONNECTIONS, ...ground.fresh() }).report, 202);
      await until('the view takes everything', async () => await taken() >= before + EVENTS_EACH * messages);
      const seconds = (performance.now() - began) / 1000;
      total += messages;
      await exactly(total, upstream);
      return { seconds, report };
    },
  };
}
