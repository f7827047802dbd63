import type { FastifyInstance } from 'fastify';
import { LRUCache } from 'lru-cache';
import { Refusal } from '#libs/event-sourcing/errors';
import { inRanges } from '#libs/settings/form';
import type { CurrentSettings } from '#libs/settings/settings';

const MOST_ADDRESSES = 10_000;
/** Whoever watches over the process may always ask how it is: these say nothing of anybody. */
const OPEN: ReadonlySet<string> = new Set(['/health', '/ready']);

/** Whether an address may ask anything, by the settings' lists: who is denied may not, and where some are allowed, nobody else may. */
export function addressLists(settings: Pick<CurrentSettings, 'value' | 'onChange'>): (address: string) => boolean {
  const known = new LRUCache<string, boolean>({ max: MOST_ADDRESSES });
  settings.onChange((names) => { if (names.includes('security.ip_allow') || names.includes('security.ip_deny')) known.clear(); });
  const decide = (address: string): boolean => {
    const allow = settings.value('security.ip_allow');
    return !inRanges(address, settings.value('security.ip_deny')) && (allow.length === 0 || inRanges(address, allow));
  };
  return (address) => {
    let may = known.get(address);
    if (may === undefined) known.set(address, (may = decide(address)));
    return may;
  };
}

/** Asks the lists before anything else is asked, on every address of ours and on those that are none. */
export function guardAddresses(instance: FastifyInstance, may: (address: string) => boolean): void {
  instance.addHook('onRequest', function byAddress(request, _reply, done) {
    if (may(request.ip) || OPEN.has(request.url)) done();
    else done(new Refusal('address_refused'));
  });
}
