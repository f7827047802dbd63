/** A scope is `area:action` or `area:*`, in lower case; the star stands for the actions of its own area alone. */
const SCOPE = /^[a-z][a-z0-9-]{0,31}:(\*|[a-z][a-z0-9-]{0,31})$/;
export const SCOPE_RULE = 'must be area:action or area:*, in lower case, such as messages:send';
export const SCOPES_MOST = 50;

export const isScope = (text: string): boolean => SCOPE.test(text);
/** `inventory` of `inventory:read` */
export const areaOf = (scope: string): string => scope.split(':', 1)[0]!;

/** Whether these scopes hold the one that is wanted; `tickets:*` holds all of tickets, and is itself held only by `tickets:*`. A right without an action is held by no scope. */
export function holds(scopes: readonly string[], wanted: string): boolean {
  return wanted.includes(':') && (scopes.includes(wanted) || scopes.includes(`${areaOf(wanted)}:*`));
}
