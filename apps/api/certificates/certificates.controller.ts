import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { RevokeDto } from '#libs/identity/credential/api-keys.dto';
import { IssueCertificateDto, ListCertificatesQuery, RenewCertificateDto } from '#libs/identity/credential/certificates.dto';
import { PageQuery } from '#libs/messaging/message/messages.dto';
import { HttpRoute } from '#libs/platform/http/route-options';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import type { Answer } from '../messages/asking.js';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { answer, askingOf } from '../request.js';
import { archiveOf } from './archive.js';
import { Certificates } from './certificates.js';

const issued = validatorOf(IssueCertificateDto);
const renewed = validatorOf(RenewCertificateDto);
const revoked = validatorOf(RevokeDto);
const listQuery = queryValidatorOf(ListCertificatesQuery);
const pageQuery = queryValidatorOf(PageQuery);

const ZIP = 'application/zip';

/** A new certificate, as JSON or, where that is asked for, as one archive. */
function handedOut({ headers: { accept } }: SignedIn, reply: FastifyReply, given: Answer): void {
  const { certificate } = given.body;
  if (!accept?.includes(ZIP) || typeof certificate !== 'string') { answer(reply, given); return; }
  if (given.position) reply.header('x-heliograph-position', given.position);
  const { serial } = given.body as { serial: string };
  reply.code(given.status).header('content-type', ZIP).header('content-disposition', `attachment; filename="client-${serial}.zip"`).header('x-certificate-serial', serial)
    .send(archiveOf(given.body as unknown as Parameters<typeof archiveOf>[0]));
}

@Controller('api/v1/certificates')
export class CertificatesController {
  constructor(private readonly certificates: Certificates) {}

  @Post() @Permit('certificates:write') @HttpRoute({ bodyLimit: 64 * 1024 })
  async issue(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    handedOut(request, reply, await this.certificates.issue(issued(request.body), askingOf(request)));
  }

  @Get() @Permit('certificates:read')
  async list(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.certificates.list(listQuery(request.query), askingOf(request)));
  }

  @Get(':serial') @Permit('certificates:read')
  async show(@Param('serial') serial: string, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.certificates.show(serial));
  }

  @Post(':serial/renew') @Permit('certificates:write') @HttpRoute({ bodyLimit: 64 * 1024 })
  async renew(@Param('serial') serial: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    handedOut(request, reply, await this.certificates.renew(serial, renewed(request.body ?? {}), askingOf(request)));
  }

  @Post(':serial/revoke') @HttpCode(200) @Permit('certificates:write')
  async revoke(@Param('serial') serial: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.certificates.revoke(serial, revoked(request.body ?? {}).reason ?? 'requested', askingOf(request)));
  }
}

/** What whoever is signed in owns: he sees that one ends. */
@Controller('api/v1/profile/certificates')
export class OwnCertificatesController {
  constructor(private readonly certificates: Certificates) {}

  @Get() @Permit('profile:read')
  async list(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.certificates.own(pageQuery(request.query), askingOf(request)));
  }
}
