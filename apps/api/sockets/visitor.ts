import type { Shown } from '#libs/identity/authenticate';
import type { Principal } from '#libs/identity/principal';
import type { OpenSocket } from '#libs/platform/sockets/open-socket';

/** Who opened a socket, and what they showed: it is looked at again while the socket is open, and never told anybody. */
export interface Visitor { shown: Shown; principal: Principal }
export type LiveSocket = OpenSocket<Visitor>;
