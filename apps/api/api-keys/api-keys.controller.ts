import { Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CreateApiKeyDto, ListApiKeysQuery, VerifyApiKeyDto } from '#libs/identity/credential/api-keys.dto';
import { PageQuery } from '#libs/messaging/message/messages.dto';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { answer, askingOf } from '../request.js';
import { ApiKeys } from './api-keys.js';
import { Verification } from './verification.js';

const created = validatorOf(CreateApiKeyDto);
const verified = validatorOf(VerifyApiKeyDto);
const listQuery = queryValidatorOf(ListApiKeysQuery);
const pageQuery = queryValidatorOf(PageQuery);

@Controller('api/v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys, private readonly verification: Verification) {}

  @Post() @Permit('apikeys:write')
  async create(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.keys.create(created(request.body), askingOf(request)));
  }

  /** For host applications: whether somebody's key is good, and for what. */
  @Post('verify') @HttpCode(200) @Permit('apikeys:verify')
  verify(@Req() request: SignedIn): Promise<Record<string, unknown>> {
    return this.verification.verify(verified(request.body), request.ip);
  }

  @Get() @Permit('apikeys:read')
  async list(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.keys.list(listQuery(request.query), askingOf(request)));
  }

  @Get(':id') @Permit('apikeys:read')
  async show(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.keys.show(id, askingOf(request)));
  }

  @Delete(':id') @Permit('apikeys:write')
  async revoke(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.keys.revoke(id, askingOf(request)));
  }

  @Get(':id/usage') @Permit('apikeys:read')
  async usage(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.keys.usage(id, pageQuery(request.query), askingOf(request)));
  }

  @Get(':id/analytics') @Permit('apikeys:read')
  async analytics(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.keys.analytics(id, askingOf(request)));
  }
}
