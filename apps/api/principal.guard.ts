import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '#libs/event-sourcing/error-codes';
import { Refusal } from '#libs/event-sourcing/errors';
import { authenticate, type Authenticated, type Known, type Shown } from '#libs/identity/authenticate';
import { holds } from '#libs/identity/credential/scope';
import { RIGHTS, type CredentialKind, type Permission, type Principal, type Role } from '#libs/identity/principal';
import { sessionCookies, setCookie, type ReadCookie } from '#libs/identity/session/cookie';
import { crossSite, ownOrigins } from '#libs/identity/session/cross-site';
import { inRanges } from '#libs/settings/form';
import type { CurrentSettings } from '#libs/settings/settings';
import type { Span } from '#libs/platform/telemetry/tracing';
import { PERMISSION } from './permission.js';

export type SignedIn = FastifyRequest & { principal?: Principal; span?: Span };

export interface GuardOptions {
  known: Known;
  /** false when this process no longer hears the log: a revocation might have passed it by */
  fresh(): boolean;
  /** milliseconds since 1970, UTC */
  now(): number;
  settings: Pick<CurrentSettings, 'value'>;
  /** the text that takes a good cookie's place; null: none is due */
  rolled(cookie: ReadCookie): string | null;
  /** told of every credential that was refused; `reason` is of a closed set */
  refused(code: ErrorCode, reason: string, requestId: string): void;
}

/** What a right asks for, in the form in which it is looked up. */
interface Right { permission: Permission; roles: ReadonlySet<Role>; kinds: ReadonlySet<CredentialKind> | null; aboutOneself: boolean }
const RIGHT = new Map<Permission, Right>(Object.entries(RIGHTS).map(([permission, right]: [string, { roles: readonly Role[]; credentials?: readonly CredentialKind[] }]) =>
  [permission as Permission, { permission: permission as Permission, roles: new Set(right.roles), kinds: right.credentials ? new Set(right.credentials) : null, aboutOneself: permission.startsWith('profile:') }]));

const LOOPBACK = ['127.0.0.0/8', '::1'];
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** From so long before its end on, every answer to a client certificate says when it ends. */
export const ENDING_MS = 30 * 86_400_000;

/** The one global guard: any credential becomes a principal here, and the route's declared permission is checked. */
export class PrincipalGuard implements CanActivate {
  readonly #permissions = new WeakMap<Function, Permission>();
  constructor(private readonly options: GuardOptions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const permission = this.#permissionOf(context);
    if (permission === 'public') return true;
    if (permission === 'operations' && this.#isOperators(context.switchToHttp().getRequest<SignedIn>().ip)) return true;
    const { known, fresh, now, refused } = this.options;
    if (!fresh()) throw new Refusal('unavailable');
    const http = context.switchToHttp();
    const request = http.getRequest<SignedIn>();
    const shown = shownBy(request);
    let authenticated: Authenticated;
    try {
      authenticated = await authenticate(shown, known, now());
    } catch (error) {
      if (error instanceof Refusal) refused(error.code, typeof error.extra['reason'] === 'string' ? error.extra['reason'] : error.code, request.id);
      throw error;
    }
    const { principal } = authenticated;
    request.principal = principal;
    if (authenticated.cookie) this.#ofBrowser(request, http.getResponse(), authenticated.cookie);
    if (authenticated.certificateEnds !== null && authenticated.certificateEnds - now() < ENDING_MS) http.getResponse<FastifyReply>().header('x-heliograph-certificate-ends', new Date(authenticated.certificateEnds).toISOString());
    this.#permitted(RIGHT.get(permission)!, principal, authenticated.account?.mustChange ?? false);
    return true;
  }

  #isOperators(address: string): boolean { return inRanges(address, LOOPBACK) || inRanges(address, this.options.settings.value('security.operations_networks')); }

  #permissionOf(context: ExecutionContext): Permission {
    const handler = context.getHandler();
    let permission = this.#permissions.get(handler);
    if (permission === undefined) {
      permission = Reflect.getMetadata(PERMISSION, handler) as Permission | undefined;
      if (permission === undefined) throw new Error(`${context.getClass().name}.${handler.name} declares no permission`);
      this.#permissions.set(handler, permission);
    }
    return permission;
  }

  #ofBrowser(request: FastifyRequest, reply: FastifyReply, cookie: ReadCookie): void {
    const { headers } = request.raw;
    const secure = request.protocol === 'https';
    if (!SAFE.has(request.method) && crossSite(headers, ownOrigins({ host: headers.host, secure, publicUrl: this.options.settings.value('general.public_url') }))) throw new Refusal('cross_site');
    const text = this.options.rolled(cookie);
    if (text !== null) reply.header('set-cookie', setCookie(text, secure));
  }

  #permitted({ permission, roles, kinds, aboutOneself }: Right, { role, scopes, credential }: Principal, mustChange: boolean): void {
    if (kinds && !kinds.has(credential.kind)) throw new Refusal('forbidden', 'This is not for the kind of credential that you show. Sign in with your password.');
    if (scopes && !holds(scopes, permission)) throw new Refusal('missing_scope', `The API key does not have the scope ${permission}.`, undefined, { scope: permission });
    if (!roles.has(role)) throw new Refusal('forbidden');
    if (mustChange && !aboutOneself && (credential.kind === 'session' || this.options.settings.value('authentication.force_password_change') === 'everywhere')) throw new Refusal('password_change_required');
  }
}

/** Node keeps only the first of several `Authorization` headers: the raw ones tell. */
function shownBy(request: FastifyRequest): Shown {
  const { raw } = request;
  const authorization: string[] = [], apiKeys: string[] = [], cookies: string[] = [];
  const { rawHeaders, socket } = raw;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 13 && name.toLowerCase() === 'authorization') authorization.push(rawHeaders[i + 1]!);
    else if (name.length === 9 && name.toLowerCase() === 'x-api-key') apiKeys.push(rawHeaders[i + 1]!);
    else if (name.length === 6 && name.toLowerCase() === 'cookie') cookies.push(...sessionCookies(rawHeaders[i + 1]!, request.protocol === 'https'));
  }
  return { authorization, apiKeys, cookies, socket };
}
