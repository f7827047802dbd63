import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Unlimited } from '#libs/platform/limits/limits.guard';
import type { Metrics } from '#libs/platform/telemetry/metrics';
import { Permit } from './permission.js';
import type { Readiness } from './readiness.js';

export const READINESS = Symbol('Readiness');
export const METRICS = Symbol('Metrics');

@Controller()
export class HealthController {
  constructor(@Inject(READINESS) private readonly readiness: Readiness, @Inject(METRICS) private readonly metrics: Metrics) {}

  /** The process runs. Says nothing else. */
  @Get('health') @Permit('public') @Unlimited()
  health(@Res() reply: FastifyReply): void { reply.send({ status: 'healthy' }); }

  /** It can do its work; if not, 503 names what cannot. */
  @Get('ready') @Permit('public') @Unlimited()
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const failing = await this.readiness.failing();
    if (failing.length === 0) reply.send({ status: 'ready' });
    else reply.code(503).header('retry-after', '1').header('content-type', 'application/problem+json').send(Buffer.from(JSON.stringify({
      type: 'urn:heliograph:error:unavailable', title: 'Not available', status: 503, code: 'unavailable', detail: `Not ready: ${failing.map((f) => f.part).join(', ')}.`, instance: '/ready', failing,
    })));
  }

  @Get('metrics') @Permit('operations') @Unlimited()
  async prometheus(@Res() reply: FastifyReply): Promise<void> {
    await this.readiness.collect();
    reply.header('content-type', this.metrics.registry.contentType).send(await this.metrics.registry.metrics());
  }
}
