import { Controller, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { ERRORS } from '#libs/event-sourcing/error-codes';
import { Refusal } from '#libs/event-sourcing/errors';
import { setCookie, clearCookie } from '#libs/identity/session/cookie';
import { crossSite, ownOrigins } from '#libs/identity/session/cross-site';
import { ForgotPasswordDto, LoginDto, ResetPageQuery, ResetPasswordDto } from '#libs/identity/signin/sign-in.dto';
import { HttpRoute, MANUAL } from '#libs/platform/http/route-options';
import { queryValidatorOf, validatorOf } from '#libs/platform/validation/validator';
import { LiveSettings } from '#libs/settings/settings';
import type { Answer } from '../messages/asking.js';
import { Permit } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import { answer } from '../request.js';
import { Auth } from './auth.js';
import { donePage, FORGOT_PAGE, HOME_PAGE, HOME_SAYS, LOGIN_PAGE, resetPage, sendPage, type Page } from './pages.js';
import { PasswordReset } from './password-reset.js';
import { cookieOf, isForm, isSecure, TAKES, visitOf } from './visiting.js';

const login = validatorOf(LoginDto, { style: 'manual' });
const forgot = validatorOf(ForgotPasswordDto);
const reset = validatorOf(ResetPasswordDto);
const resetQuery = queryValidatorOf(ResetPageQuery);

/** What a person reads of a refusal on a page. */
const sentence = (error: Refusal): string => (error.errors ?? []).map(({ field, message }) => (message.startsWith(`${field} `) ? message : `${field} ${message}`).replace(field, field.replaceAll('_', ' '))).join('; ') || (error.message === error.code ? ERRORS[error.code][2] : error.message);

/** Shows what is wrong above the form again; a program is answered as everywhere. */
async function orAgain(request: SignedIn, reply: FastifyReply, page: Page, work: () => Promise<void>): Promise<void> {
  try { await work(); } catch (error) {
    if (!isForm(request) || !(error instanceof Refusal)) throw error;
    const { retryAfter } = error.extra;
    if (typeof retryAfter === 'number') reply.header('retry-after', Math.max(1, Math.ceil(retryAfter)));
    sendPage(reply, page, { status: ERRORS[error.code][0], says: sentence(error), wrong: true });
  }
}

/** S3's login form, and the pages and addresses for a forgotten password. */
@Controller()
export class FormsController {
  constructor(private readonly auth: Auth, private readonly passwordReset: PasswordReset, @Inject(LiveSettings) private readonly settings: LiveSettings) {}

  /** Where the form leads, until the portal stands there: the same for all, and nothing of anybody. */
  @Get() @Permit('public')
  homePage(@Res() reply: FastifyReply): void { sendPage(reply, HOME_PAGE, { says: HOME_SAYS }); }

  /** Where S2's clients are sent by the `redirect` of a sign-in. */
  @Get('dashboard') @Permit('public')
  dashboardPage(@Res() reply: FastifyReply): void { this.homePage(reply); }

  @Get('login') @Permit('public')
  loginPage(@Res() reply: FastifyReply): void { sendPage(reply, LOGIN_PAGE); }

  @Post('login') @HttpCode(303) @Permit('public') @HttpRoute({ ...TAKES, ...MANUAL })
  async login(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    await orAgain(request, reply, LOGIN_PAGE, async () => {
      // nobody is signed in to somebody else's account by a page of another site
      this.#fromHere(request);
      const { cookie } = await this.auth.loginByForm(login(request.body), visitOf(request), cookieOf(request));
      reply.code(303).header('set-cookie', setCookie(cookie, isSecure(request))).header('location', '/').send('');
    });
  }

  /** A page of another site cannot end a session: what it makes a browser ask for only leads to the form. */
  @Get('logout') @Permit('public')
  async logout(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    if (!this.#elsewhere(request)) {
      await this.auth.logoutCookie(cookieOf(request), visitOf(request));
      reply.header('set-cookie', clearCookie(isSecure(request)));
    }
    reply.code(303).header('location', '/login').send('');
  }

  @Get('auth/password/forgot') @Permit('public')
  forgotPage(@Res() reply: FastifyReply): void { sendPage(reply, FORGOT_PAGE); }

  /** A mail with a link, if somebody has the address; the answer is the same for all. */
  @Post('auth/password/forgot') @HttpCode(202) @Permit('public') @HttpRoute(TAKES)
  async forgot(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    await orAgain(request, reply, FORGOT_PAGE, async () => {
      this.#done(request, reply, await this.passwordReset.ask(forgot(request.body).email, visitOf(request)), 'Look into your mail');
    });
  }

  /** The page of the mailed link. */
  @Get('auth/password/reset') @Permit('public')
  resetPage(@Req() request: SignedIn, @Res() reply: FastifyReply): void { sendPage(reply, resetPage(resetQuery(request.query).token ?? '')); }

  @Post('auth/password/reset') @HttpCode(200) @Permit('public') @HttpRoute(TAKES)
  async reset(@Req() request: SignedIn, @Res() reply: FastifyReply): Promise<void> {
    const { body } = request as { body: unknown };
    const token = typeof body === 'object' && body !== null && 'token' in body && typeof body.token === 'string' ? body.token : '';
    await orAgain(request, reply, resetPage(token.slice(0, 200)), async () => {
      const { token: link, new_password: password, confirm_password: confirm } = reset(body);
      this.#done(request, reply, await this.passwordReset.reset({ token: link, password, confirm }, visitOf(request)), 'Password changed');
    });
  }

  #done(request: SignedIn, reply: FastifyReply, done: Answer, title: string): void {
    reply.header('referrer-policy', 'no-referrer');
    if (isForm(request)) sendPage(reply, donePage(title), { status: done.status, says: String(done.body['message']) });
    else answer(reply, done);
  }

  #elsewhere(request: SignedIn): boolean {
    return crossSite(request.headers, ownOrigins({ host: request.headers.host, secure: isSecure(request), publicUrl: this.settings.value('general.public_url') }));
  }
  #fromHere(request: SignedIn): void { if (this.#elsewhere(request)) throw new Refusal('cross_site'); }
}
