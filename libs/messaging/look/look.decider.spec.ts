import { describe, it } from '@jest/globals';
import { given } from '#libs/event-sourcing/testing/given';
import { look, LookAtMessage } from './look.decider.js';

const context = { principal: 'session:s1', correlationId: 'c', causationId: 'c' };
const data = { owner: 'billing', by: 'usr_1', credential: 'session:s1', what: 'message' as const };
const looking = (over: Partial<typeof data> | { what: 'life' } = {}): LookAtMessage => new LookAtMessage('msg_1', { ...data, ...over } as LookAtMessage['data'], context);
const AT = '2030-01-01T00:00:00.000Z';
const seen = { type: 'MessageLookedAt' as const, data: { ...data, at: AT } };

describe('looking at a message that is another\'s', () => {
  it('is written down, with who and what', () => { given(look).when(looking(), AT).then(seen); });
  it('once for who reloads within a minute', () => { given(look, seen).when(looking(), '2030-01-01T00:00:59.999Z').thenNothing(); });
  it('again after a minute', () => { given(look, seen).when(looking(), '2030-01-01T00:01:00.000Z').then({ type: 'MessageLookedAt', data: { ...data, at: '2030-01-01T00:01:00.000Z' } }); });
  it.each<[string, object]>([['another reader', { by: 'usr_2' }], ['another sign-in', { credential: 'session:s2' }], ['another thing', { what: 'life' }]])('at once for %s', (_what, over) => {
    given(look, seen).when(looking(over), AT).then({ type: 'MessageLookedAt', data: { ...data, ...over, at: AT } });
  });
});
