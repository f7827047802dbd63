import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode } from '#libs/event-sourcing/error-codes';
import { Refusal } from '#libs/event-sourcing/errors';
import { authenticate, type Authenticated, type Known, type Shown } from '#libs/identity/authenticate';
import type { Permission, Principal } from '#libs/identity/principal';
import { sessionCookies, setCookie, type ReadCookie } from '#libs/identity/session/cookie';
import { crossSite, ownOrigins } from '#libs/identity/session/cross-site';
import { inRanges } from '#libs/settings/form';
import type { CurrentSettings } from '#libs/settings/settings';
import type { Span } from '#libs/platform/telemetry/tracing';
import { HANDSHAKE, PERMISSION } from './permission.js';
import { checkPermitted } from './permitted.js';
import type { LiveSocket, Visitor } from './sockets/visitor.js';

export type SignedIn = FastifyRequest & { principal?: Principal; span?: Span; /** who opens a socket shows it again while it is open */ visitor?: Visitor };

/** What a handler declares. */
interface Declared { permission: Permission; handshake: boolean }

export interface GuardOptions {
  known: Known;
  /** false when this process no longer hears the log: a revocation might have passed it by */
  fresh(): boolean;
  /** milliseconds since 1970, UTC */
  now(): number;
  settings: Pick<CurrentSettings, 'value'>;
  /** by the settings' lists: asked for each request before this guard is, and here for open sockets */
  mayAsk(address: string): boolean;
  /** the text that takes a good cookie's place; null: none is due */
  rolled(cookie: ReadCookie): string | null;
  /** told of every credential that was refused; `reason` is of a closed set */
  refused(code: ErrorCode, reason: string, requestId: string): void;
}

const LOOPBACK = ['127.0.0.0/8', '::1'];
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** From so long before its end on, every answer to a client certificate says when it ends. */
export const ENDING_MS = 30 * 86_400_000;

/** The one global guard: any credential becomes a principal here, and the route's declared permission is checked. */
export class PrincipalGuard implements CanActivate {
  readonly #declared = new WeakMap<Function, Declared>();
  constructor(private readonly options: GuardOptions) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { permission, handshake } = this.#declaredBy(context);
    if (permission === 'public') return true;
    if (context.getType() === 'ws') return this.#maySend(context.switchToWs().getClient<LiveSocket>(), permission);
    if (permission === 'operations' && this.#isOperators(context.switchToHttp().getRequest<SignedIn>().ip)) return true;
    const { known, fresh, now, refused, settings } = this.options;
    if (!fresh()) throw new Refusal('unavailable');
    const http = context.switchToHttp();
    const request = http.getRequest<SignedIn>();
    const shown = handshake ? shownInHandshake(request) : shownBy(request);
    let authenticated: Authenticated;
    try {
      authenticated = await authenticate(shown, known, now());
    } catch (error) {
      if (error instanceof Refusal) refused(error.code, typeof error.extra['reason'] === 'string' ? error.extra['reason'] : error.code, request.id);
      throw error;
    }
    const { principal } = authenticated;
    request.principal = principal;
    if (handshake) request.visitor = { shown, principal, address: request.ip };
    if (authenticated.cookie) this.#ofBrowser(request, http.getResponse(), authenticated.cookie);
    if (authenticated.certificateEnds !== null && authenticated.certificateEnds - now() < ENDING_MS) http.getResponse<FastifyReply>().header('x-heliograph-certificate-ends', new Date(authenticated.certificateEnds).toISOString());
    checkPermitted(permission, authenticated, settings);
    return true;
  }

  /** A frame needs its right as a request does, and a credential that counts at this moment. */
  async #maySend(socket: LiveSocket, permission: Exclude<Permission, 'public'>): Promise<boolean> {
    checkPermitted(permission, await this.stillThere(socket.party), this.options.settings);
    return true;
  }

  /** Who opened a socket, asked again: the same somebody, in the same role, at an address that is let in. @throws Refusal as `authenticate` · address_refused · forbidden · unavailable */
  async stillThere({ shown, principal, address }: Visitor): Promise<Authenticated> {
    const { known, fresh, now, settings, mayAsk } = this.options;
    if (!fresh()) throw new Refusal('unavailable');
    if (!mayAsk(address)) throw new Refusal('address_refused');
    const authenticated = await authenticate(shown, known, now());
    if (authenticated.principal.role !== principal.role) throw new Refusal('forbidden', 'The role of the account has changed. Connect again.');
    checkPermitted('live:read', authenticated, settings);
    return authenticated;
  }

  #isOperators(address: string): boolean { return inRanges(address, LOOPBACK) || inRanges(address, this.options.settings.value('security.operations_networks')); }

  #declaredBy(context: ExecutionContext): Declared {
    const handler = context.getHandler();
    let declared = this.#declared.get(handler);
    if (declared === undefined) {
      const permission = Reflect.getMetadata(PERMISSION, handler) as Permission | undefined;
      if (permission === undefined) throw new Error(`${context.getClass().name}.${handler.name} declares no permission`);
      this.#declared.set(handler, (declared = { permission, handshake: Reflect.hasMetadata(HANDSHAKE, handler) }));
    }
    return declared;
  }

  #ofBrowser(request: FastifyRequest, reply: FastifyReply, cookie: ReadCookie): void {
    const { headers } = request.raw;
    const secure = request.protocol === 'https';
    if (!SAFE.has(request.method) && crossSite(headers, ownOrigins({ host: headers.host, secure, publicUrl: this.options.settings.value('general.public_url') }))) throw new Refusal('cross_site');
    const text = this.options.rolled(cookie);
    if (text !== null) reply.header('set-cookie', setCookie(text, secure));
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

/** Where a socket is opened, `?token=` is one more way to show a token, and a cookie none. */
function shownInHandshake(request: FastifyRequest): Shown {
  const shown = shownBy(request);
  const { token } = request.query as { token?: string | string[] };
  // of several none is the token
  const inQuery = token === undefined ? [] : [typeof token === 'string' ? `Bearer ${token}` : 'several tokens'];
  return { ...shown, authorization: [...shown.authorization, ...inQuery], cookies: [] };
}
