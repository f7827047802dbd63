import { principalName, type Principal } from '#libs/identity/principal';

/** Whose allowance a request counts against: one for all that a person signs in with; keys and certificates have one each. */
export const countedAs = (p: Principal): string => (p.credential.kind === 'api-key' || p.credential.kind === 'client-certificate' ? principalName(p) : `owner:${p.owner}`);
