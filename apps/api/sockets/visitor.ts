import type { Shown } from '#libs/identity/authenticate';
import type { Principal } from '#libs/identity/principal';
import type { OpenSocket } from '#libs/platform/sockets/open-socket';

/** Who opened a socket, with what, and from where: it is looked at again while the socket is open, and never told anybody. */
export interface Visitor { shown: Shown; principal: Principal; address: string }
export type LiveSocket = OpenSocket<Visitor>;
