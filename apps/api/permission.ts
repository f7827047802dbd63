import { SetMetadata } from '@nestjs/common';
import type { Permission } from '#libs/identity/principal';

export const PERMISSION = 'heliograph:permission';
export const HANDSHAKE = 'heliograph:handshake';

/** Says who may call a route, or send a frame of a type; one without it does not start. */
export const Permit = (permission: Permission): MethodDecorator => SetMetadata(PERMISSION, permission);

/**
 * The same for a route that opens a socket. A browser's WebSocket sends no header of our choice, so here, and nowhere else, a token may
 * stand in the query (`?token=`); and a cookie, which it sends to us from whichever site, is nobody.
 */
export const PermitHandshake = (permission: Permission): MethodDecorator => (target, name, descriptor) => {
  Permit(permission)(target, name, descriptor);
  SetMetadata(HANDSHAKE, true)(target, name, descriptor);
};
