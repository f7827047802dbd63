import { Controller, Get, HttpCode, Param, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { Administration, secretsMissing, type Asked, type Done, type How } from '#libs/settings/administration';
import { LiveSettings } from '#libs/settings/settings';
import { AuditQuery, ChangeSettingsDto, ImportSettingsDto } from '#libs/settings/settings.dto';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import { contextOf } from '../messages/asking.js';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { SettingsAudit } from './audit.js';

const changeOf = validatorOf(ChangeSettingsDto);
const importOf = validatorOf(ImportSettingsDto);
const auditQuery = queryValidatorOf(AuditQuery);

/** Checks a copy: the validator drops what is null, and here null takes a setting back to its default. */
const checked = <T extends object>(check: (body: unknown) => T, body: unknown): T => {
  check(structuredClone(body));
  return body as T;
};

/** Addresses beside the categories that are written to alone: the router takes a GET of them for one of a category. */
const WRITTEN_TO = new Set(['clear-cache', 'import']);

const tag = (version: number): string => `"${version}"`;

/** The version that the caller has seen; null: any. What is no version of ours matches none. */
function seenBy({ headers: { 'if-match': given } }: SignedIn): number | null {
  if (given === undefined || given === '*') return null;
  const [, version] = /^(?:W\/)?"(\d{1,10})"$/.exec(given) ?? [];
  return version === undefined ? -1 : Number(version);
}

const howOf = (request: SignedIn, { reason, confirm }: { reason?: string | null; confirm?: boolean | null }): How =>
  ({ reason: reason || null, by: request.principal!.owner, seen: seenBy(request), confirmed: confirm === true, caller: request.ip });

const askedBy = (request: SignedIn): Parameters<typeof contextOf>[0] =>
  ({ principal: request.principal!, requestId: request.id, ...(request.span ? { traceparent: request.span.traceparent } : {}) });

const written = (reply: FastifyReply, { version, position }: Pick<Done, 'version' | 'position'>): FastifyReply =>
  (position === null ? reply : reply.header('x-heliograph-position', position)).header('etag', tag(version));

@Controller('api/v1/settings')
export class SettingsController {
  constructor(private readonly administration: Administration, private readonly live: LiveSettings, private readonly audit: SettingsAudit) {}

  /** All settings, by category; of a secret only whether it is set. */
  @Get() @Permit('settings:read')
  async show(@Res() reply: FastifyReply): Promise<void> {
    const { settings, version } = await this.administration.show();
    reply.header('etag', tag(version)).send(settings);
  }

  /** Changes what is named: all of it or nothing. */
  @Put() @Permit('settings:write')
  async change(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const { reason, confirm, ...asked } = checked(changeOf, request.body);
    const done = await this.administration.change(asked, howOf(request, { ...(reason === undefined ? {} : { reason }), ...(confirm === undefined ? {} : { confirm }) }), contextOf(askedBy(request)));
    written(reply, done).send(done.settings);
  }

  /** Settings are live: this looks again at what the log says, and tells what was not as it says. */
  @Post('clear-cache') @HttpCode(200) @Permit('settings:write')
  async clearCache(): Promise<Record<string, unknown>> {
    const changed = await this.live.readAgain();
    return { cleared: true, changed, message: 'Nothing is kept for a time here: each change reaches every process within a second. The settings were read again from the log.' };
  }

  /** Who changed what, when and why, newest first. */
  @Get('audit') @Permit('settings:read')
  async changes(@Req() request: SignedIn): Promise<Record<string, unknown>> {
    return this.audit.list(auditQuery(request.query), request.principal!, request.headers['x-heliograph-position']);
  }

  /** All settings as they were set, for an import elsewhere; without secrets. */
  @Get('export') @Permit('settings:read')
  async export(@Res() reply: FastifyReply): Promise<void> {
    reply.header('content-disposition', 'attachment; filename="heliograph-settings.json"').send(await this.administration.export());
  }

  /** Takes an export over; with `dry_run` only says what it would change. */
  @Post('import') @HttpCode(200) @Permit('settings:write')
  async import(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    // a `dry_run` in the address would be passed over, and the import done
    const [stray] = Object.keys(request.query as object);
    if (stray !== undefined) throw new Refusal('validation_failed', undefined, [{ field: stray.slice(0, 100), message: 'is not a parameter of this address: the body says it' }]);
    const { settings, dry_run, reason, confirm } = checked(importOf, request.body);
    const done = await this.administration.change(settings as Asked, howOf(request, { ...(reason === undefined ? {} : { reason }), ...(confirm === undefined ? {} : { confirm }) }), contextOf(askedBy(request)), dry_run === true);
    written(reply, done).send({ dry_run: dry_run === true, changes: done.changes, secrets_missing: secretsMissing(settings as Asked, done.settings) });
  }

  @Get(':category') @Permit('settings:read')
  async category(@Param('category') category: string, @Res() reply: FastifyReply): Promise<void> {
    if (WRITTEN_TO.has(category)) throw new Refusal('method_not_allowed', undefined, undefined, { allow: ['POST'] });
    const { settings, version } = await this.administration.show();
    if (!Object.hasOwn(settings, category)) throw new Refusal('not_found');
    reply.header('etag', tag(version)).send(settings[category as keyof typeof settings]);
  }
}
