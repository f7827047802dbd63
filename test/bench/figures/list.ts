import { grouped, type Figure } from '../ground.js';
import { preparedMessages, recipient } from '../prepared/sent-messages.js';
import { withServer } from '../server.js';
import { percentile, type Reading } from '../statistics.js';

const WARM_UP = 30;

export const list: Figure = {
  name: 'list',
  about: 'the first page (50) of GET /api/v1/messages over HTTP, one request at a time, warm server',
  async measure(ground) {
    const { messages, place } = preparedMessages(ground), requests = ground.quick ? 100 : 300;
    return withServer(ground, { called: 'list', place: await place }, async (server) => {
      const [user, admin] = [await server.token('bench'), await server.token('root', 'admin')];
      const asked: { what: string; token: string; path: (i: number) => string; rows: number }[] = [
        { what: 'owner', token: user, path: () => '/api/v1/messages', rows: 50 },
        { what: 'owner and status', token: user, path: () => '/api/v1/messages?status=sent', rows: 50 },
        { what: 'sender (one number)', token: admin, path: (i) => `/api/v1/messages?sender=${encodeURIComponent(recipient((i * 7) % Math.floor(messages / 10)))}`, rows: 10 },
        { what: 'administrator, all owners', token: admin, path: () => '/api/v1/messages', rows: 50 },
      ];
      const ms = asked.map((): number[] => []);
      ground.say(`list: ${asked.length} × ${requests} requests`);
      for (let i = -WARM_UP; i < requests; i++) {
        for (const [a, { what, token, path, rows }] of asked.entries()) {
          const reply = await server.get(path(i + WARM_UP), token);
          const seen = (reply.body['messages'] as unknown[] | undefined)?.length;
          if (reply.status !== 200 || seen !== rows) throw new Error(`${what}: ${reply.status}, ${seen} messages, ${rows} expected: ${reply.text.slice(0, 300)}`);
          if (i >= 0) ms[a]!.push(reply.ms);
        }
      }
      return asked.map(({ what }, a): Reading => ({
        figure: 'list', what: `first page at ${grouped(messages)} messages: ${what}`, unit: 'ms', samples: ms[a]!,
        beside: { 'p50 ms': percentile(ms[a]!, 0.5), 'p95 ms': percentile(ms[a]!, 0.95) }, aims: [{ of: 'p95 ms', atMost: 15 }],
      }));
    });
  },
};
