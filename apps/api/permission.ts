import { SetMetadata } from '@nestjs/common';
import type { Permission } from '#libs/identity/principal';

export const PERMISSION = 'heliograph:permission';

/** Says who may call a route; one without it does not start. */
export const Permit = (permission: Permission): MethodDecorator => SetMetadata(PERMISSION, permission);
