import type { Configuration } from '#libs/platform/configuration/configuration';
import type { AddressRules } from '#libs/platform/egress/address.guard';

/** Where outbound calls may go: the operator's word at start, which no setting widens. */
export const egressRules = (c: Configuration): AddressRules =>
  ({ allow: c.egressAllow, production: c.environment === 'production', own: c.publicHosts.flatMap((host) => [...c.listenPorts, c.mtlsPort].map((port) => ({ host, port }))) });
