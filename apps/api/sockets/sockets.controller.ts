import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Refusal } from '#libs/event-sourcing/errors';
import { crossSite, ownOrigins } from '#libs/identity/session/cross-site';
import type { Sockets } from '#libs/platform/sockets/sockets';
import type { CurrentSettings } from '#libs/settings/settings';
import { Permit, PermitHandshake } from '../permission.js';
import type { SignedIn } from '../principal.guard.js';
import type { Visitor } from './visitor.js';

export const SOCKETS = Symbol('Sockets');
export const SOCKET_SETTINGS = Symbol('SocketSettings');

/** The one address at which a connection becomes a WebSocket: guarded, counted and refused as any route. */
@Controller('ws')
export class SocketsController {
  constructor(@Inject(SOCKETS) private readonly sockets: Sockets<Visitor>, @Inject(SOCKET_SETTINGS) private readonly settings: Pick<CurrentSettings, 'value'>) {}

  @Get() @PermitHandshake('live:read')
  open(@Req() request: SignedIn, @Res() reply: FastifyReply): void {
    const { headers } = request.raw;
    const own = ownOrigins({ host: headers.host, secure: request.protocol === 'https', publicUrl: this.settings.value('general.public_url') });
    if (crossSite(headers, own)) throw new Refusal('cross_site', 'A page opens a WebSocket to its own site only. Programs send no Origin header.');
    const sent = Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]));
    this.sockets.accept(request.raw, request.visitor!, sent);
    // ws has written the answer: whoever counts answers is told of it as of any other
    reply.hijack();
    reply.raw.statusCode = 101;
    reply.raw.emit('finish');
  }
}

/** In its place where the door is closed (WEBSOCKET_ENABLED=false). */
@Controller('ws')
export class NoSocketsController {
  @Get() @Permit('public')
  closed(): never { throw new Refusal('not_found', 'This server opens no WebSockets (WEBSOCKET_ENABLED=false). Ask an administrator.'); }
}
