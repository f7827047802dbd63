import { Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { ChangeUserDto, DisableUserDto, ListUsersQuery, NewUserBody, OtherUsersQuery, UserPasswordDto, UserRoleBody } from '#libs/identity/user/users.dto';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import { answer as send, askingOf } from '../request.js';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { Users } from './users.js';

const created = validatorOf(NewUserBody);
const changed = validatorOf(ChangeUserDto);
const password = validatorOf(UserPasswordDto);
const role = validatorOf(UserRoleBody);
const disabled = validatorOf(DisableUserDto);
const listQuery = queryValidatorOf(ListUsersQuery);
const othersQuery = queryValidatorOf(OtherUsersQuery, { style: 'manual' });

@Controller('api/v1/users')
export class UsersController {
  constructor(private readonly users: Users) {}

  /** Makes an account; its person must change the password at the first sign-in. */
  @Post() @Permit('users:manage')
  async create(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.create(created(request.body), askingOf(request)));
  }

  /** By name; `search` looks at the beginnings of usernames, addresses and names. */
  @Get() @Permit('users:manage')
  async list(@Query() query: unknown, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.list(listQuery(query), askingOf(request)));
  }

  @Get(':id') @Permit('users:manage')
  async show(@Param('id') id: string, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.show(id));
  }

  /** What it is called. */
  @Patch(':id') @Permit('users:manage')
  async change(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.change(id, changed(request.body), askingOf(request)));
  }

  /** Ends its sessions and tokens. Not one's own: whoever finds a session open must not be able to take the account. */
  @Post(':id/password') @HttpCode(200) @Permit('users:manage')
  async setPassword(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const asking = askingOf(request);
    if (id === asking.principal.owner) throw new Refusal('forbidden', 'This is for the passwords of others. Change your own with POST /api/v1/profile/password, which asks for the current one.');
    send(reply, await this.users.setPassword(id, password(request.body).password, asking));
  }

  @Post(':id/role') @HttpCode(200) @Permit('users:manage')
  async changeRole(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.changeRole(id, role(request.body).role, askingOf(request)));
  }

  /** From now on nothing of the account opens anything. */
  @Post(':id/disable') @HttpCode(200) @Permit('users:manage')
  async disable(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.disable(id, request.body === undefined ? null : disabled(request.body).reason ?? null, askingOf(request)));
  }

  @Post(':id/enable') @HttpCode(200) @Permit('users:manage')
  async enable(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.enable(id, askingOf(request)));
  }

  /** Ends every session and API token of the account. */
  @Post(':id/sign-out') @HttpCode(200) @Permit('users:manage')
  async signOut(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.signOut(id, askingOf(request)));
  }

  /** Ends the account's API tokens and shows a new one, once. */
  @Post(':id/regenerate-token') @HttpCode(200) @Permit('users:manage')
  async regenerateToken(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.regenerateToken(id, askingOf(request)));
  }

  /** For good. What it sent stays; its names are free. */
  @Delete(':id') @Permit('users:manage')
  async remove(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.delete(id, askingOf(request)));
  }
}

/** S4's address. */
@Controller('users')
export class OtherUsersController {
  constructor(private readonly users: Users) {}

  /** Everybody but oneself, by name. */
  @Get() @Permit('users:read')
  async list(@Query() query: unknown, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    send(reply, await this.users.others(othersQuery(query), askingOf(request)));
  }
}
