import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { PanelUserDto, PanelUsersQuery, UserPasswordDto } from '#libs/identity/user/users.dto';
import { HttpRoute, MANUAL } from '#libs/platform/http/route-options';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import type { Answer } from '../messages/asking.js';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { answer as send, askingOf } from '../request.js';
import { Users } from './users.js';

const manual = { style: 'manual' } as const;
const created = validatorOf(PanelUserDto, manual);
const password = validatorOf(UserPasswordDto, manual);
const listQuery = queryValidatorOf(PanelUsersQuery, manual);

const LIST = '/admin/users';
const FORM = 'application/x-www-form-urlencoded';
const TAKES = { consumes: [FORM, 'application/json'] };

const isForm = (request: SignedIn): boolean => request.headers['content-type']?.startsWith(FORM) ?? false;
/** A box that is ticked, as browsers and scripts send it; one that is not ticked is not sent. */
const TICKED: Record<string, boolean> = { on: true, true: true, 1: true, y: true, yes: true, false: false, 0: false, n: false, no: false, '': false };

/** A form's texts as the values that they stand for. */
function valuesOf(request: SignedIn): unknown {
  const { body } = request;
  if (!isForm(request) || body === null || typeof body !== 'object' || !('is_admin' in body)) return body;
  const { is_admin: box, ...rest } = body as Record<string, unknown>;
  return { ...rest, is_admin: typeof box === 'string' && Object.hasOwn(TICKED, box) ? TICKED[box] : box };
}

/** On S3's addresses a value that is not acceptable is a 400. */
async function asManual<T>(work: Promise<T>): Promise<T> {
  try { return await work; } catch (error) {
    if (error instanceof Refusal && error.code === 'validation_failed') throw new Refusal('invalid_request', undefined, error.errors);
    throw error;
  }
}

/** A browser's form leads back to the list; a program gets what it made. */
async function done(request: SignedIn, reply: FastifyReply, work: Promise<Answer>): Promise<void> {
  const answer = await asManual(work);
  if (!isForm(request)) send(reply, answer);
  else reply.code(303).header('location', LIST).header('x-heliograph-position', answer.position ?? '').send('');
}

const form = (action: string, fields: Record<string, string>): Record<string, unknown> => ({ action, method: 'POST', content_types: [FORM, 'application/json'], fields });

/** S3's addresses, for its scripts and forms. Their pages belong to the portal: until it is there, a GET tells in JSON what the page would show. */
@Controller('admin/users')
export class PanelUsersController {
  constructor(private readonly users: Users) {}

  @Get() @Permit('users:manage')
  async list(@Query() query: unknown, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.pages(listQuery(query), askingOf(request)));
  }

  @Get('create') @Permit('users:manage')
  createForm(): Record<string, unknown> {
    return form(`${LIST}/create`, { username: 'required', password: 'required', is_admin: 'optional: on' });
  }

  @Post('create') @HttpCode(201) @Permit('users:manage') @HttpRoute({ ...TAKES, ...MANUAL })
  async create(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const { username, password: text, is_admin: isAdmin } = created(valuesOf(request));
    await done(request, reply, this.users.create({ username, password: text, role: isAdmin ? 'admin' : 'user' }, askingOf(request)));
  }

  @Get(':id/password') @Permit('users:manage')
  async passwordForm(@Param('id') id: string): Promise<Record<string, unknown>> {
    await this.users.there(id);
    return form(`${LIST}/${id}/password`, { password: 'required' });
  }

  @Post(':id/password') @HttpCode(200) @Permit('users:manage') @HttpRoute({ ...TAKES, ...MANUAL })
  async setPassword(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    await done(request, reply, this.users.setPassword(id, password(request.body).password, askingOf(request)));
  }

  /** Disables an account that is enabled, and the other way round. */
  @Post(':id/toggle') @HttpCode(200) @Permit('users:manage') @HttpRoute({ ...TAKES, ...MANUAL })
  async toggle(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    await done(request, reply, this.users.toggle(id, askingOf(request)));
  }

  @Get(':id/delete') @Permit('users:manage')
  async deleteForm(@Param('id') id: string): Promise<Record<string, unknown>> {
    await this.users.there(id);
    return form(`${LIST}/${id}/delete`, {});
  }

  @Post(':id/delete') @HttpCode(200) @Permit('users:manage') @HttpRoute({ ...TAKES, ...MANUAL })
  async remove(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    await done(request, reply, this.users.delete(id, askingOf(request)));
  }

  /** Shown once, so a form too is answered with it. */
  @Post(':id/regenerate_token') @HttpCode(200) @Permit('users:manage') @HttpRoute({ ...TAKES, ...MANUAL })
  async regenerateToken(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.regenerateToken(id, askingOf(request)));
  }
}
