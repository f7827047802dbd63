import { Catch, UseFilters, applyDecorators, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { Refusal } from '#libs/event-sourcing/errors';
import type { LiveSocket } from './visitor.js';

/** What says that the sender is nobody any more: there is nothing to answer, the socket ends. */
const GONE: ReadonlySet<string> = new Set(['unauthenticated', 'invalid_token', 'invalid_api_key', 'session_ended', 'invalid_certificate']);

/** What a handler of frames throws, as an error frame. */
@Catch()
export class FrameFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const frames = host.switchToWs();
    const socket = frames.getClient<LiveSocket>();
    if (error instanceof Refusal && GONE.has(error.code)) socket.end('revoked');
    else socket.refuse(error, frames.getPattern());
  }
}

/** Takes frames by their type (`@SubscribeMessage`), each with a declared permission: what every `.socket.ts` begins with. */
export const TakesFrames = (): ClassDecorator => applyDecorators(WebSocketGateway(), UseFilters(FrameFilter));
