import { Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { Sessions } from '#libs/identity/session/sessions';
import { LoginDto, RefreshDto, RegisterDto, SignupDto } from '#libs/identity/signin/sign-in.dto';
import { RevokeCredential } from '#libs/identity/credential/credential.decider';
import { CommandBus } from '@nestjs/cqrs';
import { HttpRoute, MANUAL } from '#libs/platform/http/route-options';
import { validatorOf } from '#libs/platform/validation/validator';
import { contextOf } from '../messages/asking.js';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { answer, askingOf } from '../request.js';
import { Auth } from './auth.js';
import { Profile } from './profile.js';
import { SignUp } from './sign-up.js';
import { cookieOf, visitOf, withCookie } from './visiting.js';

const manual = { style: 'manual' } as const;
const login = validatorOf(LoginDto, manual);
const signup = validatorOf(SignupDto, manual);
const register = validatorOf(RegisterDto, manual);
const refresh = validatorOf(RefreshDto, manual);

/** S4's and S2's addresses for signing up and in. */
@Controller('auth')
export class AuthController {
  constructor(private readonly auth: Auth, private readonly signUp: SignUp, private readonly profile: Profile, private readonly sessions: Sessions, private readonly bus: CommandBus) {}

  @Post('login') @HttpCode(200) @Permit('public') @HttpRoute(MANUAL)
  async login(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    withCookie(request, reply, await this.auth.login(login(request.body), visitOf(request), cookieOf(request)));
  }

  /** S4's sign-up. */
  @Post('signup') @HttpCode(201) @Permit('public') @HttpRoute(MANUAL)
  async signup(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const { username, email, full_name: fullName, password } = signup(request.body);
    const { id, position, replayed, ...names } = await this.signUp.register('POST /auth/signup', { username, email: email ?? null, fullName: fullName || null }, password, request.headers['idempotency-key'], visitOf(request));
    answer(reply, { status: 201, body: { id, username: names.username, full_name: names.fullName }, position, replayed });
  }

  /** S2's sign-up. */
  @Post('register') @HttpCode(201) @Permit('public') @HttpRoute(MANUAL)
  async register(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const { name, email, password } = register(request.body);
    const { id, position, replayed } = await this.signUp.register('POST /auth/register', { username: null, email, fullName: name }, password, request.headers['idempotency-key'], visitOf(request));
    answer(reply, { status: 201, body: { success: true, message: 'Account created successfully', user_id: id }, position, replayed });
  }

  /** The next pair; the token that was sent counts no more. */
  @Post('refresh') @HttpCode(200) @Permit('public') @HttpRoute(MANUAL)
  async refresh(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.auth.refresh(refresh(request.body).refresh_token, visitOf(request)));
  }

  @Get('me') @Permit('profile:read')
  async me(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    answer(reply, await this.profile.me(askingOf(request)));
  }

  /** Ends the session of the cookie or access token that is shown, or revokes the API token. */
  @Post('logout') @HttpCode(200) @Permit('profile:write')
  async logout(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const asking = askingOf(request);
    const { kind, id } = asking.principal.credential;
    const context = contextOf(asking);
    if (kind !== 'session' && kind !== 'access-token' && kind !== 'api-token') throw new Refusal('forbidden');
    const position = kind === 'api-token'
      ? (await this.bus.execute<RevokeCredential, { position: string | null }>(new RevokeCredential(id, { reason: 'requested' }, context))).position
      : await this.sessions.end(id, 'logout', request.ip, context);
    withCookie(request, reply, { status: 200, body: { success: true, message: 'Logged out', redirect: '/login' }, position, cookie: null });
  }
}

/** S3's address of the same. */
@Controller('api/auth')
export class ApiAuthController {
  constructor(private readonly auth: Auth) {}

  @Post('login') @HttpCode(200) @Permit('public') @HttpRoute(MANUAL)
  async login(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    withCookie(request, reply, await this.auth.login(login(request.body), visitOf(request), cookieOf(request)));
  }
}
