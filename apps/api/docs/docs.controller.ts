import { createHash } from 'node:crypto';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Unlimited } from '#libs/platform/limits/limits.guard';
import { Permit } from '../permission.js';
import { PAGE_STYLE, pageOf, type OpenApiDocument } from './page.js';

export const OPENAPI = Symbol('OpenApi');

/** Nothing but our own style, known by its hash: no script, no frame, no request to anywhere. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

@Controller('docs')
export class DocsController {
  #made: Promise<{ page: string; json: string }> | undefined;
  constructor(@Inject(OPENAPI) private readonly openApi: () => Promise<OpenApiDocument>) {}

  @Get() @Permit('operations') @Unlimited()
  async page(@Res() reply: FastifyReply): Promise<void> {
    reply.headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' }).send((await this.#all()).page);
  }

  @Get('openapi.json') @Permit('operations') @Unlimited()
  async document(@Res() reply: FastifyReply): Promise<void> {
    reply.header('content-type', 'application/json; charset=utf-8').send((await this.#all()).json);
  }

  /** Made when first asked for: a server that nobody asks pays nothing. */
  #all(): Promise<{ page: string; json: string }> {
    return this.#made ??= this.openApi().then((document) => ({ page: pageOf(document), json: JSON.stringify(document) }));
  }
}
