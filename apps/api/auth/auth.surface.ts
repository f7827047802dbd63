import { ChangePasswordDto, ForgotPasswordDto, LoginDto, RefreshDto, RegisterDto, ResetPasswordDto, SignupDto, ActivityQuery, ResetPageQuery } from '#libs/identity/signin/sign-in.dto';
import { ROLES } from '#libs/identity/principal';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import { count, CREATED, json, list, moment, nullable, object, ref, text, WRITTEN, yes, type Answered, type Operation, type Surface } from '../docs/surface.js';

const ID = text('the account\'s id, `usr_…`; an owner without an account is called as he is');
const NEXT = nullable(text('Give it as `after` to get the next page; null on the last.'));
const ROLE: JsonSchema = { type: 'string', enum: [...ROLES] };
const HOW: JsonSchema = { type: 'string', enum: ['password', 'reset', 'sign-up'] };
const PAIR = {
  access_token: text('for `Authorization: Bearer …`; a JWT that counts for 30 minutes unless the settings say otherwise'),
  refresh_token: text('for one next pair; counts for 7 days unless the settings say otherwise'),
  token_type: { type: 'string', const: 'bearer' },
  expires_in: count('seconds until the access token ends'),
} satisfies Record<string, JsonSchema>;
const SIGNED_IN = {
  ...PAIR, success: { type: 'boolean', const: true }, message: text('in words'), redirect: text('where a page goes from here'),
  token: text('an API token for scripts: shown here and never again; counts for a year unless it is revoked'), must_change_password: yes('somebody else knows the password: the portal asks for another one first'),
} satisfies Record<string, JsonSchema>;
const TOKEN = {
  id: text('32 hexadecimal digits'), current: yes('the one that asks'), role: ROLE, session: nullable(text('the sign-in that gave it (`ses_…`) and with whose end it ends; null: it stands for itself')),
  created_at: moment('when it was made'), expires_at: nullable(moment('from when it no longer counts; null: until it is revoked')), revoked_at: nullable(moment('when it was revoked')),
  state: { type: 'string', enum: ['active', 'expiring', 'expired', 'revoked', 'ended'], description: '`expiring`: within 30 days; `ended`: its sign-in was ended, or all tokens were' },
} satisfies Record<string, JsonSchema>;

const AT = '2026-03-01T09:30:00.000Z';
const SES = 'ses_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', USR = 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f';
const pair = { access_token: 'eyJ…', refresh_token: 'eyJ…', token_type: 'bearer', expires_in: 1800 };
const signedIn = { ...pair, success: true, message: 'Login successful', redirect: '/dashboard', token: 'hgt_…', must_change_password: false };
const token = { id: '0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', current: false, role: 'user', session: SES, created_at: AT, expires_at: '2027-03-01T09:30:00.000Z', revoked_at: null, state: 'active' };
const CHANGE = { current_password: 'Passw0rd-old', new_password: 'Passw0rd-new', confirm_password: 'Passw0rd-new' };

const page = (description: string): Answered => ({ description, type: 'text/html', schema: { type: 'string' } });
const login = (id: string): Operation => ({
  id, summary: 'Sign in with a name and a password',
  description: 'Answers tokens, and sets the cookie `sid` (over TLS `__Host-sid`). Whatever is wrong, the answer is the same. After 10 wrong ones in 5 minutes from one address it is 429 there, and only there.',
  body: { schema: ref('Login'), examples: { username: { username: 'alice', password: 'password123' }, email: { email: 'john@example.com', password: 'securepassword123' } } },
  answers: { 200: json('SignedIn', 'Signed in.', signedIn, WRITTEN) },
  refusals: ['malformed_json', 'invalid_credentials', 'payload_too_large', 'unavailable'],
});

export const authSurface: Surface = {
  tag: { name: 'signing in', description: 'Signing up and in, tokens, the cookie, one\'s own account, its password and its sessions' },
  bodies: { Login: LoginDto, Signup: SignupDto, Register: RegisterDto, Refresh: RefreshDto, ForgotPassword: ForgotPasswordDto, ResetPassword: ResetPasswordDto, ChangePassword: ChangePasswordDto },
  fields: {
    username: 'what the account is called; upper and lower case are one', email: 'its e-mail address', password: '8 to 128 characters', full_name: 'the person\'s name', name: 'the person\'s name',
    refresh_token: 'the newest that you were given: an older one ends the session', token: 'of the mailed link', new_password: '8 to 128 characters, with an upper-case letter, a lower-case letter and a digit',
    confirm_password: 'the same once more', current_password: 'the one that counts now', limit: '1 to 200; 50 unless told', after: '`next` of the page before',
  },
  answers: {
    SignedIn: object(SIGNED_IN),
    TokenPair: object(PAIR),
    SignedUp: object({ id: ID, username: text('as it was given'), full_name: nullable(text('as it was given')) }),
    Registered: object({ success: { type: 'boolean', const: true }, message: text('in words'), user_id: ID }),
    Me: object({ id: ID, username: text('what the account is called; without a username, its e-mail address'), full_name: nullable(text('the person\'s name')), email: nullable(text('its e-mail address')), role: ROLE, must_change_password: yes('somebody else knows the password') }),
    Profile: object({
      id: ID, client_id: text('the same, as S1 calls it'), username: nullable(text('what the account is called')), email: nullable(text('its e-mail address')), full_name: nullable(text('the person\'s name')), role: ROLE,
      created_at: nullable(moment('when the account was made')), last_login_at: nullable(moment('the last sign-in')), must_change_password: yes('somebody else knows the password'),
    }),
    Said: object({ success: { type: 'boolean', const: true }, message: text('in words'), redirect: text('where a page goes from here') }, ['redirect']),
    SignInPage: object({
      sign_ins: list(object({
        id: text('its id'), at: moment('when'), status: { type: 'string', enum: ['success', 'failed'] }, reason: { type: ['string', 'null'], enum: ['unknown', 'password', 'disabled', 'delayed', null], description: 'why not; `delayed`: too many wrong ones before' },
        how: nullable(HOW), address: nullable(text('where from; null once erased')), user_agent: nullable(text('what the program called itself')), ended_at: nullable(moment('when its session was ended')), end: nullable(text('why')),
      })),
      next: NEXT,
    }),
    SessionPage: object({
      sessions: list(object({
        id: text('`ses_…`'), current: yes('the one that asks'), how: HOW, started_at: moment('the sign-in'), used_at: moment('when its tokens were last refreshed, or it was started'), expires_at: moment('when it ends whatever happens'),
        address: nullable(text('where from; null once erased')), user_agent: nullable(text('what the program called itself')),
      })),
      next: NEXT,
    }),
    SessionEnded: object({ id: text('`ses_…`'), status: { type: 'string', const: 'ended' } }),
    ApiToken: object(TOKEN),
    ApiTokenPage: object({ tokens: list(ref('ApiToken')), next: NEXT }),
    SessionsEnded: object({ status: { type: 'string', const: 'ended' } }),
  },
  operations: {
    AuthController_login: login('login'),
    ApiAuthController_login: login('apiLogin'),
    AuthController_signup: {
      id: 'signup', summary: 'Make an account of one\'s own', headers: ['Idempotency-Key'],
      body: { schema: ref('Signup'), examples: { alice: { username: 'alice', password: 'password123', full_name: 'Alice Smith' } } },
      answers: { 201: json('SignedUp', 'The account is there.', { id: USR, username: 'alice', full_name: 'Alice Smith' }, CREATED) },
      refusals: ['malformed_json', 'name_taken', 'registration_closed', 'payload_too_large', 'idempotency_mismatch', 'validation_failed', 'unavailable'],
    },
    AuthController_register: {
      id: 'register', summary: 'Make an account of one\'s own, known by its e-mail address', headers: ['Idempotency-Key'],
      body: { schema: ref('Register'), examples: { john: { name: 'John Doe', email: 'john@example.com', password: 'securepassword123' } } },
      answers: { 201: json('Registered', 'The account is there.', { success: true, message: 'Account created successfully', user_id: USR }, CREATED) },
      refusals: ['malformed_json', 'name_taken', 'registration_closed', 'payload_too_large', 'idempotency_mismatch', 'validation_failed', 'unavailable'],
    },
    AuthController_refresh: {
      id: 'refresh', summary: 'The next pair of tokens', description: 'A refresh token counts once. One that comes a second time ends its whole session, with every token of it.',
      body: { schema: ref('Refresh'), examples: { one: { refresh_token: 'eyJ…' } } },
      answers: { 200: json('TokenPair', 'The next pair.', pair, WRITTEN) },
      refusals: ['malformed_json', 'invalid_token', 'session_ended', 'payload_too_large', 'unavailable'],
    },
    AuthController_me: { id: 'me', summary: 'Who is signed in', answers: { 200: json('Me', 'Whose credential was shown.', { id: USR, username: 'alice', full_name: 'Alice Smith', email: null, role: 'user', must_change_password: false }) } },
    AuthController_logout: {
      id: 'logout', summary: 'Sign out here', description: 'Ends the session of the cookie or access token that is shown, with every token of it; an API token is revoked.',
      answers: { 200: json('Said', 'Signed out.', { success: true, message: 'Logged out', redirect: '/login' }, WRITTEN) }, refusals: ['malformed_json', 'payload_too_large'],
    },
    FormsController_homePage: { id: 'homePage', summary: 'Where the form leads to, until the portal is there', answers: { 200: page('A page.') } },
    FormsController_dashboardPage: { id: 'dashboardPage', summary: 'Where the `redirect` of a sign-in leads to: the same page', answers: { 200: page('A page.') } },
    FormsController_loginPage: { id: 'loginPage', summary: 'The form to sign in with', answers: { 200: page('A page.') } },
    FormsController_login: {
      id: 'loginForm', summary: 'What the form posts', description: 'As `application/x-www-form-urlencoded` or JSON. Sets the cookie alone.',
      body: { schema: ref('Login'), examples: { username: { username: 'alice', password: 'password123' } } },
      answers: { 303: { description: 'Signed in: on to `/`.' , type: 'text/html' } }, refusals: ['malformed_json', 'invalid_credentials', 'cross_site', 'payload_too_large', 'unavailable'],
    },
    FormsController_logout: { id: 'logoutLink', summary: 'Sign out and go to the form', answers: { 303: { description: 'On to `/login`.', type: 'text/html' } }, refusals: ['unavailable'] },
    FormsController_forgotPage: { id: 'forgotPasswordPage', summary: 'The form for a forgotten password', answers: { 200: page('A page.') } },
    FormsController_forgot: {
      id: 'forgotPassword', summary: 'Ask for a link to a new password', description: 'The answer is the same whether or not somebody has the address. A browser\'s form is answered with a page.',
      body: { schema: ref('ForgotPassword'), examples: { john: { email: 'john@example.com' } } },
      answers: { 202: json('Said', 'A mail is on its way, if somebody has the address.', { success: true, message: 'If an account has this e-mail address, a mail with a link is on its way. The link counts for 30 minutes.' }) },
      refusals: ['malformed_json', 'validation_failed', 'payload_too_large', 'unavailable'],
    },
    FormsController_resetPage: { id: 'resetPasswordPage', summary: 'The page of the mailed link', query: ResetPageQuery, answers: { 200: page('A page.') }, refusals: ['validation_failed'] },
    FormsController_reset: {
      id: 'resetPassword', summary: 'Set a new password by the mailed link', description: 'Ends every session and API token of the account. A browser\'s form is answered with a page.',
      body: { schema: ref('ResetPassword'), examples: { one: { token: '0190b5a8c4e97c3a8f1d2e3b4c5d6e7f.9f86d081884c7d659a2feaa0c55ad015.n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg', new_password: 'Passw0rd-new', confirm_password: 'Passw0rd-new' } } },
      answers: { 200: json('Said', 'The password is changed.', { success: true, message: 'The password is changed. Sign in with it.', redirect: '/login' }, WRITTEN) },
      refusals: ['malformed_json', 'validation_failed', 'invalid_reset', 'payload_too_large', 'unavailable'],
    },
    ProfileController_show: {
      id: 'profile', summary: 'One\'s own account',
      answers: { 200: json('Profile', 'The account.', { id: USR, client_id: USR, username: 'alice', email: null, full_name: 'Alice Smith', role: 'user', created_at: AT, last_login_at: AT, must_change_password: false }) },
    },
    ProfileController_changePassword: {
      id: 'changePassword', summary: 'Change one\'s own password', description: 'Ends every session and API token of the account; the answer holds new ones.',
      body: { schema: ref('ChangePassword'), examples: { one: CHANGE } },
      answers: { 200: json('SignedIn', 'Changed, and signed in anew.', { ...signedIn, message: 'Password changed' }, WRITTEN) }, refusals: ['malformed_json', 'validation_failed', 'payload_too_large'],
    },
    ProfileController_signIns: {
      id: 'listSignIns', summary: 'When one signed in, from where, and what was refused', query: ActivityQuery, headers: ['X-Heliograph-Position'],
      answers: { 200: json('SignInPage', 'A page, newest first.', { sign_ins: [{ id: SES, at: AT, status: 'success', reason: null, how: 'password', address: '192.0.2.1', user_agent: 'curl/8.5.0', ended_at: null, end: null }], next: null }) },
      refusals: ['validation_failed', 'invalid_cursor'],
    },
    ProfileController_sessions: {
      id: 'listSessions', summary: 'Where one is signed in', query: ActivityQuery, headers: ['X-Heliograph-Position'],
      answers: { 200: json('SessionPage', 'A page, last used first.', { sessions: [{ id: SES, current: true, how: 'password', started_at: AT, used_at: AT, expires_at: AT, address: '192.0.2.1', user_agent: 'curl/8.5.0' }], next: null }) },
      refusals: ['validation_failed', 'invalid_cursor'],
    },
    ProfileController_endSession: { id: 'endSession', summary: 'Sign out elsewhere', answers: { 200: json('SessionEnded', 'It has ended.', { id: SES, status: 'ended' }, WRITTEN) }, refusals: ['not_found'] },
    ProfileController_endSessions: { id: 'endSessions', summary: 'Sign out everywhere, here too', description: 'Ends every session and every API token of the account.', answers: { 200: json('SessionsEnded', 'All have ended.', { status: 'ended' }, WRITTEN) } },
    ProfileController_listTokens: {
      id: 'listTokens', summary: 'One\'s own API tokens', query: ActivityQuery, headers: ['X-Heliograph-Position'],
      answers: { 200: json('ApiTokenPage', 'A page, newest first.', { tokens: [token], next: null }) }, refusals: ['validation_failed', 'invalid_cursor'],
    },
    ProfileController_endToken: {
      id: 'endToken', summary: 'Revoke one of one\'s own API tokens', description: 'From now on it opens nothing; again is nothing.',
      answers: { 200: json('ApiToken', 'It is revoked.', { ...token, revoked_at: AT, state: 'revoked' }, WRITTEN) }, refusals: ['not_found'],
    },
  },
};
