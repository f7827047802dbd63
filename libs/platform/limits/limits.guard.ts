import { type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { SkipThrottle, ThrottlerGuard } from '@nestjs/throttler';
import { THROTTLER_LIMIT, THROTTLER_SKIP } from '@nestjs/throttler/dist/throttler.constants.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { addressKey } from './address.js';
import { type CountersSettings, SharedCounters } from './shared-counters.js';
import type { Allowance } from './sliding-window.js';

/** Requests taken in a minute and in an hour. */
export interface Limits {
  minute: number;
  hour: number;
}

export interface LimitsSettings extends CountersSettings {
  /** who is counted, `undefined` for nobody known: then the address is */
  keyOf: (request: FastifyRequest) => string | undefined;
  /** what this kind of credential may; asked at each request, so a changed setting holds at once */
  limitsFor: (request: FastifyRequest) => Limits;
}

const WINDOWS = { minute: 60_000, hour: 3_600_000 } as const;
type WindowName = keyof typeof WINDOWS;

/** For routes that are never limited: `/health`, `/ready`, `/metrics`, `/docs`. */
export const Unlimited = (): MethodDecorator & ClassDecorator => SkipThrottle({ minute: true, hour: true });

/** What a route says of itself with the throttler's decorators; read once. */
interface Plan {
  unlimited: boolean;
  /** limits of its own, counted for this route alone */
  own: { name: string; limits: Partial<Limits> } | undefined;
}

/**
 * The throttler's guard, counting per principal, else per address, over all routes together; `@Throttle({ minute: { limit: 5 } })` gives a
 * route limits of its own beside them. Register it after the guard that signs requests in. The throttler's own `canActivate` reads
 * ten pieces of metadata and hashes two keys for each request, so it is replaced; decorators and storage are the throttler's.
 */
@Injectable()
export class LimitsGuard extends ThrottlerGuard {
  readonly #counters: SharedCounters;
  readonly #settings: LimitsSettings;
  readonly #plans = new WeakMap<Function, Plan>();
  readonly #policies = new Map<string, string>();

  constructor(settings: LimitsSettings) {
    const counters = new SharedCounters(settings);
    super({ throttlers: Object.entries(WINDOWS).map(([name, ttl]) => ({ name, ttl, limit: 0 })) }, counters, new Reflector());
    this.#counters = counters;
    this.#settings = settings;
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    // who keeps the socket open counts each frame before it comes here, also those that nobody takes
    if (context.getType() === 'ws') return true;
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    request.limitsCounted = true;
    const plan = this.#planOf(context.getHandler(), context.getClass());
    if (plan.unlimited) return true;
    const key = this.#settings.keyOf(request) ?? `address/${addressKey(request.ip)}`;
    const reply = http.getResponse<FastifyReply>();
    await this.#count(key, this.#settings.limitsFor(request), reply);
    if (plan.own !== undefined) await this.#countOwn(`${plan.own.name}/${key}`, plan.own.limits);
    return true;
  }

  /**
   * Counts a request that was refused before this guard saw it (no such route, not signed in, not readable) against its address.
   * Rejects with `rate_limited` when the address has had its share: then that is the answer. For HttpAdapter's `refused`.
   */
  async countRefused(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    request.limitsCounted = true;
    await this.#count(`address/${addressKey(request.ip)}`, this.#settings.limitsFor(request), reply);
  }

  /** Counts one more against the same share, of what is no request: ms to wait, 0 when it is within it. @throws Unavailable */
  async take(key: string, limits: Limits): Promise<number> {
    const [minute, hour] = await this.#both(key, limits);
    return Math.max(minute.retryMs, hour.retryMs);
  }

  #both(key: string, limits: Limits): Promise<[Allowance, Allowance]> {
    return Promise.all([this.#counters.count(key, WINDOWS.minute, limits.minute), this.#counters.count(key, WINDOWS.hour, limits.hour)]);
  }

  async #count(key: string, limits: Limits, reply: FastifyReply): Promise<void> {
    const [minute, hour] = await this.#both(key, limits);
    const tighter = hour.remaining < minute.remaining || !hour.allowed ? hour : minute;
    reply.header('x-ratelimit-limit', limits.minute);
    reply.header('x-ratelimit-remaining', tighter.remaining);
    reply.header('x-ratelimit-reset', Math.ceil((this.#settings.now() + (tighter.retryMs || tighter.resetMs)) / 1000));
    reply.header('ratelimit-policy', this.#policyOf(limits));
    reply.header('ratelimit', `${stateOf('minute', minute)}, ${stateOf('hour', hour)}`);
    refuseUnless(minute, hour);
  }

  async #countOwn(key: string, limits: Partial<Limits>): Promise<void> {
    for (const [name, limit] of Object.entries(limits)) refuseUnless(await this.#counters.count(key, WINDOWS[name as WindowName], limit));
  }

  #planOf(handler: Function, controller: Function): Plan {
    const known = this.#plans.get(handler);
    if (known !== undefined) return known;
    const said = <T>(key: string): T | undefined => this.reflector.getAllAndOverride<T | undefined>(key, [handler, controller]);
    const names = Object.keys(WINDOWS) as WindowName[];
    const limits = names.flatMap((name) => {
      const limit = said<unknown>(THROTTLER_LIMIT + name);
      if (limit !== undefined && typeof limit !== 'number') throw new Error(`@Throttle on ${controller.name}.${handler.name}: a limit is a number`);
      return limit === undefined ? [] : [[name, limit]];
    });
    const plan: Plan = {
      unlimited: said<boolean>(`${THROTTLER_SKIP}default`) === true || names.every((name) => said<boolean>(THROTTLER_SKIP + name) === true),
      own: limits.length === 0 ? undefined : { name: `${controller.name}.${handler.name}`, limits: Object.fromEntries(limits) as Partial<Limits> },
    };
    this.#plans.set(handler, plan);
    return plan;
  }

  #policyOf({ minute, hour }: Limits): string {
    const name = `${minute}/${hour}`;
    let policy = this.#policies.get(name);
    if (policy === undefined) this.#policies.set(name, (policy = `"minute";q=${minute};w=60, "hour";q=${hour};w=3600`));
    return policy;
  }
}

// whoever comes again when `t` is over is taken, as with Retry-After and X-RateLimit-Reset
const stateOf = (name: WindowName, { remaining, resetMs, retryMs }: Allowance): string => `"${name}";r=${remaining};t=${Math.ceil((retryMs || resetMs) / 1000)}`;

function refuseUnless(...windows: readonly Allowance[]): void {
  const retryMs = Math.max(...windows.map((window) => window.retryMs));
  if (retryMs > 0) throw new Refusal('rate_limited', undefined, undefined, { retryAfter: retryMs / 1000 });
}
