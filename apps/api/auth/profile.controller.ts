import { Controller, Delete, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ActivityQuery, ChangePasswordDto } from '#libs/identity/signin/sign-in.dto';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { answer, askingOf } from '../request.js';
import { Profile } from './profile.js';
import { ProfileTokens } from './profile-tokens.js';
import { visitOf, withCookie } from './visiting.js';

const change = validatorOf(ChangePasswordDto);
const activity = queryValidatorOf(ActivityQuery);

@Controller('api/v1/profile')
export class ProfileController {
  constructor(private readonly profile: Profile, private readonly tokens: ProfileTokens) {}

  @Get() @Permit('profile:read')
  async show(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.profile.show(askingOf(request)));
  }

  /** Ends every session and token of the account; the answer holds new ones. */
  @Post('password') @HttpCode(200) @Permit('profile:write')
  async changePassword(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    withCookie(request, reply, await this.profile.changePassword(change(request.body), askingOf(request), visitOf(request)));
  }

  /** When, from where, and whether it was granted; newest first. */
  @Get('sign-ins') @Permit('profile:read')
  async signIns(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.profile.signIns(activity(request.query), askingOf(request)));
  }

  @Get('sessions') @Permit('profile:read')
  async sessions(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.profile.listSessions(activity(request.query), askingOf(request)));
  }

  @Delete('sessions/:id') @HttpCode(200) @Permit('profile:write')
  async endSession(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.profile.endSession(id, askingOf(request), visitOf(request)));
  }

  /** All of them, this one too, and the API tokens with them. */
  @Delete('sessions') @HttpCode(200) @Permit('profile:write')
  async endSessions(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.profile.endAllSessions(askingOf(request)));
  }

  /** One's own API tokens, newest first; never their texts. */
  @Get('tokens') @Permit('profile:read')
  async listTokens(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.tokens.list(activity(request.query), askingOf(request)));
  }

  @Delete('tokens/:id') @HttpCode(200) @Permit('profile:write')
  async endToken(@Param('id') id: string, @Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.tokens.end(id, askingOf(request)));
  }
}
