import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type CanActivate, Controller, type ExecutionContext, Get, type INestApplication, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Throttle } from '@nestjs/throttler';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Shared } from '#libs/event-sourcing/ports/shared';
import { HttpAdapter } from '#libs/platform/http/http-adapter';
import { listen, type Listening } from '#libs/platform/http/listeners';
import { exchange, type RawAnswer, request } from '#libs/platform/http/testing/raw-http';
import { LimitsGuard, Unlimited } from '#libs/platform/limits/limits.guard';

const clock = { ms: 0 };
const totals = new Map<string, number>();
/** Counters that a test empties itself; windows end with the clock, since their number is part of the key. */
const shared: Shared = {
  add: async (key, n) => {
    totals.set(key, (totals.get(key) ?? 0) + n);
    return { total: totals.get(key) ?? 0, resetMs: 0 };
  },
  lease: async () => true,
};

let handled = 0;
const who = (req: FastifyRequest): string | undefined => req.headers.authorization?.slice('Bearer '.length);

class SignIn implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const req = context.switchToHttp().getRequest<FastifyRequest>();
    if (req.url === '/health' || who(req) !== undefined) return true;
    throw new Refusal('unauthenticated');
  }
}

@Controller()
class Routes {
  @Get('thing')
  thing(): unknown {
    handled++;
    return {};
  }

  @Get('rare')
  @Throttle({ minute: { limit: 1 } })
  rare(): unknown {
    handled++;
    return {};
  }

  @Get('health')
  @Unlimited()
  health(): unknown {
    return {};
  }
}

let app: INestApplication;
let listening: Listening;
beforeEach(async () => {
  clock.ms = 1_000 * 3_600_000;
  totals.clear();
  handled = 0;
  const limits = new LimitsGuard({ shared, now: () => clock.ms, keyOf: who, limitsFor: (req) => (who(req) === 'vip' ? { minute: 100, hour: 100 } : { minute: 3, hour: 5 }) });
  const adapter = new HttpAdapter({ log: { error: () => {} }, requestIdPrefix: 'test-', refused: (req, reply) => limits.countRefused(req, reply) });
  @Module({ controllers: [Routes], providers: [{ provide: APP_GUARD, useClass: SignIn }, { provide: APP_GUARD, useValue: limits }] })
  class Root {}
  app = await NestFactory.create(Root, adapter, { bodyParser: false, logger: false });
  adapter.harden(app);
  await app.init();
  listening = await listen(adapter.getInstance(), { ports: [{ host: '127.0.0.1', port: 0 }], requestIdPrefix: 'test-' });
});
afterEach(async () => {
  await listening.close(1_000);
  await app.close();
});

const get = (path: string, token?: string, headers: string[] = []): Promise<RawAnswer> =>
  exchange(listening.ports[0]!.port, request(`GET ${path}`, [...(token === undefined ? [] : [`Authorization: Bearer ${token}`]), ...headers]));

describe('T86 rate limits', () => {
  it('T86 one more than the limit of a minute: 429 with every header; the next minute is open again', async () => {
    for (let i = 0; i < 3; i++) expect((await get('/thing', 'ann')).status).toBe(200);
    const answer = await get('/thing', 'ann');
    expect(answer.status).toBe(429);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'rate_limited', instance: '/thing' });
    expect(answer.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'x-ratelimit-limit': '3',
      'x-ratelimit-remaining': '0',
      'ratelimit-policy': '"minute";q=3;w=60, "hour";q=5;w=3600',
    });
    const seconds = Number(answer.headers['retry-after']);
    expect(answer.headers['ratelimit']).toBe(`"minute";r=0;t=${seconds}, "hour";r=1;t=3600`);
    expect(Number(answer.headers['x-ratelimit-reset'])).toBe(clock.ms / 1_000 + seconds);
    expect(handled).toBe(3);
    clock.ms += seconds * 1_000;
    expect((await get('/thing', 'ann')).status).toBe(200);
  });

  it('T86 says how much is left', async () => {
    const { headers } = await get('/thing', 'ann');
    expect(headers).toMatchObject({ 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': '2', 'x-ratelimit-reset': String(clock.ms / 1_000 + 60), ratelimit: '"minute";r=2;t=60, "hour";r=4;t=3600' });
    expect(headers).not.toHaveProperty('retry-after');
  });

  it('T86 the limit of an hour holds over minutes', async () => {
    for (let i = 0; i < 5; i++) {
      expect((await get('/thing', 'ann')).status).toBe(200);
      clock.ms += 120_000;
    }
    expect((await get('/thing', 'ann')).status).toBe(429);
  });

  it('T86 refused requests count too: knocking on keeps the door shut', async () => {
    for (let i = 0; i < 8; i++) await get('/thing', 'ann');
    expect([...totals].filter(([key]) => key.includes('/ann/')).map(([, total]) => total)).toEqual(expect.arrayContaining([8]));
  });

  it('T86 each principal for itself, and by its kind of credential', async () => {
    for (let i = 0; i < 4; i++) await get('/thing', 'ann');
    expect((await get('/thing', 'bob')).status).toBe(200);
    for (let i = 0; i < 20; i++) expect((await get('/thing', 'vip')).status).toBe(200);
  });

  it('T86 failed sign-ins and cheap 404s count against the address, forged headers do not help', async () => {
    expect((await get('/thing')).status).toBe(401);
    expect((await get('/nothing')).status).toBe(404);
    expect((await get('/thing', undefined, ['X-Forwarded-For: 192.0.2.9'])).status).toBe(401);
    const fourth = await get('/thing', undefined, ['X-RateLimit-Remaining: 99', 'Forwarded: for=192.0.2.9']);
    expect(fourth.status).toBe(429);
    expect(JSON.parse(fourth.body)).toMatchObject({ code: 'rate_limited' });
    expect(fourth.headers).toMatchObject({ 'retry-after': expect.stringMatching(/^[1-9]\d*$/), 'x-content-type-options': 'nosniff', 'x-request-id': expect.stringMatching(/^test-/) });
    expect((await get('/nothing')).status).toBe(429);
    expect((await get('/thing', 'ann')).status).toBe(200);
  });

  it('a route has its own limit beside the rest', async () => {
    expect((await get('/rare', 'ann')).status).toBe(200);
    expect((await get('/rare', 'ann')).status).toBe(429);
    expect((await get('/thing', 'ann')).status).toBe(200);
  });

  it('exempt routes are neither limited nor counted', async () => {
    for (let i = 0; i < 10; i++) {
      const answer = await get('/health');
      expect(answer.status).toBe(200);
      expect(answer.headers).not.toHaveProperty('x-ratelimit-limit');
    }
    expect(totals.size).toBe(0);
  });
});
