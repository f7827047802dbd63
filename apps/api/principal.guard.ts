import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ErrorCode } from '#libs/event-sourcing/error-codes';
import { Refusal } from '#libs/event-sourcing/errors';
import { authenticate, type FindCredential } from '#libs/identity/authenticate';
import { RIGHTS, type Permission, type Principal, type Role } from '#libs/identity/principal';
import type { Span } from '#libs/platform/telemetry/tracing';
import { PERMISSION } from './permission.js';

export type SignedIn = FastifyRequest & { principal?: Principal; span?: Span };

/** Headers that would carry a credential of a kind that is not there yet: never quietly passed over. */
const OTHER_CREDENTIALS = ['x-api-key'];

/** The one global guard: any credential becomes a principal here, and the route's declared permission is checked. */
export class PrincipalGuard implements CanActivate {
  /** @param fresh false when this process no longer hears the log: a revocation might have passed it by */
  constructor(private readonly find: FindCredential, private readonly fresh: () => boolean, private readonly now: () => number, private readonly refused: (code: ErrorCode, reason: string, requestId: string) => void) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const permission = Reflect.getMetadata(PERMISSION, context.getHandler()) as Permission | undefined;
    if (permission === undefined) throw new Error(`${context.getClass().name}.${context.getHandler().name} declares no permission`);
    if (permission === 'public') return true;
    if (!this.fresh()) throw new Refusal('unavailable');
    const request = context.switchToHttp().getRequest<SignedIn>();
    try {
      request.principal = await authenticate(shownBy(request), this.find, this.now());
    } catch (error) {
      if (error instanceof Refusal) this.refused(error.code, typeof error.extra['reason'] === 'string' ? error.extra['reason'] : error.code, request.id);
      throw error;
    }
    if (!(RIGHTS[permission].roles as readonly Role[]).includes(request.principal.role)) throw new Refusal('forbidden');
    return true;
  }
}

/** Node keeps only the first of several `Authorization` headers: the raw ones tell. */
function shownBy({ raw }: FastifyRequest): Parameters<typeof authenticate>[0] {
  const authorization: string[] = [], otherCredentialHeaders: string[] = [];
  const { rawHeaders } = raw;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 13 && name.toLowerCase() === 'authorization') authorization.push(rawHeaders[i + 1]!);
    else if (name.length === 9 && OTHER_CREDENTIALS.includes(name.toLowerCase())) otherCredentialHeaders.push(name);
  }
  return { authorization, otherCredentialHeaders, socket: raw.socket };
}
