import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { given, stateAfter } from '#libs/event-sourcing/testing/given';
import type { SettingValue } from './settings.events.js';
import { ChangeSettings, settings } from './settings.decider.js';
import { isSecret, NAMES, settingOf } from './table.js';

const NOW = '2030-01-01T00:00:00.000Z';
const context = { principal: 'local:test', correlationId: 'c', causationId: 'c' };
type Data = ChangeSettings['data'];
const change = (data: Partial<Data>): ChangeSettings => new ChangeSettings('all', { values: [], secrets: [], reason: null, by: 'usr_1', seen: null, confirmed: false, caller: null, ...data }, context);
const set = (name: string, value: SettingValue, more: Partial<Data> = {}): ChangeSettings => change({ values: [{ name, value }], ...more });
const changed = (name: string, from: SettingValue, to: SettingValue, otherwise: SettingValue = null) => ({ type: 'SettingsChanged' as const, data: { changes: [{ name, from: from as never, to: to as never, otherwise: otherwise as never }], secrets: [] as { name: string; value: string | null; replaced: boolean }[], reason: null, by: 'usr_1', at: NOW } });

describe('settings', () => {
  it('records old and new, who, when and why', () => {
    given(settings).when(change({ values: [{ name: 'security.rate_limit_minute', value: 120, otherwise: 60 }], reason: 'a new client' }), NOW)
      .then({ type: 'SettingsChanged', data: { changes: [{ name: 'security.rate_limit_minute', from: null, to: 120, otherwise: 60 }], secrets: [], reason: 'a new client', by: 'usr_1', at: NOW } });
    given(settings, changed('security.rate_limit_minute', null, 120)).when(set('security.rate_limit_minute', null), NOW).then(changed('security.rate_limit_minute', 120, null));
  });

  it('writes nothing where nothing changes', () => {
    given(settings).when(change({}), NOW).thenNothing();
    given(settings, changed('general.organisation', null, 'Org')).when(set('general.organisation', 'Org'), NOW).thenNothing();
    given(settings).when(set('general.organisation', null), NOW).thenNothing();
    given(settings).when(change({ secrets: [{ name: 'email.smtp_password', value: null }] }), NOW).thenNothing();
  });

  it.each<[string, SettingValue]>([
    ['security.rate_limit_minute', 0], ['authentication.access_token_minutes', 0], ['authentication.access_token_minutes', 5_256_000], ['email.smtp_port', '587'], ['email.smtp_tls', 'yes'],
    ['email.smtp_port', 1.5], ['authentication.registration', 'maybe'], ['security.ip_allow', ['10.0.0.0/33']], ['security.ip_allow', ['0x7f.1']], ['security.ip_deny', ['192.0.2.1', '192.0.2.1']],
    ['email.from_name', 'A\r\nBcc: everybody@example.com'], ['email.from_email', 'a@b\n.example.com'], ['email.smtp_host', '127.1'], ['email.smtp_host', '0x7f.0.0.1'], ['email.smtp_host', 'a b'],
    ['general.public_url', 'https://user:pass@example.com/'], ['general.public_url', 'javascript:alert(1)'], ['authentication.two_factor', 'required'], ['nothing.of_this', 1], ['__proto__', 1], ['toString', 1],
    ['email.smtp_password', 'shown'],
  ])('T72 T24 refuses %s = %j', (name, value) => { given(settings).when(set(name, value), NOW).thenRefused('validation_failed'); });

  it('T72 says what is allowed, for all that is wrong at once', () => {
    const decide = (): unknown => settings.decide.ChangeSettings(settings.initial, change({ values: [{ name: 'security.rate_limit_minute', value: 0 }, { name: 'nothing.at_all', value: 1 }], secrets: [{ name: 'email.smtp_host', value: 'x' }], reason: 'x'.repeat(501) }).data, NOW, 'all');
    expect(decide).toThrow(expect.objectContaining({ code: 'validation_failed', errors: [
      { field: 'security.rate_limit_minute', message: 'must be a whole number from 1 to 100000000' },
      { field: 'nothing.at_all', message: expect.stringContaining('is not a setting') },
      { field: 'email.smtp_host', message: expect.stringContaining('is not a setting') },
      { field: 'reason', message: 'must be a text of at most 500 characters' },
    ] }));
  });

  it('T72 asks for a word before it switches a protection off', () => {
    const off = { values: [{ name: 'security.webhook_signature_verification', value: false }] };
    given(settings).when(change(off), NOW).thenRefused('confirmation_required');
    given(settings).when(change({ ...off, confirmed: true }), NOW).then(changed('security.webhook_signature_verification', null, false));
    given(settings, changed('security.webhook_signature_verification', null, false)).when(set('security.webhook_signature_verification', true), NOW).then(changed('security.webhook_signature_verification', false, true));
    given(settings, changed('authentication.password_policy', null, 'strong')).when(set('authentication.password_policy', null), NOW).thenRefused('confirmation_required');
  });

  it('T72 asks for a word before it shuts its caller out', () => {
    const from = { caller: '192.0.2.9' };
    given(settings).when(set('security.ip_allow', ['198.51.100.0/24'], from), NOW).thenRefused('confirmation_required');
    given(settings).when(set('security.ip_deny', ['192.0.2.0/24'], from), NOW).thenRefused('confirmation_required');
    given(settings).when(set('security.ip_deny', ['192.0.2.0/24'], { caller: '::ffff:192.0.2.9' }), NOW).thenRefused('confirmation_required');
    given(settings).when(set('security.ip_allow', ['192.0.2.0/24'], from), NOW).then(changed('security.ip_allow', null, ['192.0.2.0/24']));
    given(settings).when(set('security.ip_allow', ['198.51.100.0/24'], { ...from, confirmed: true }), NOW).then(changed('security.ip_allow', null, ['198.51.100.0/24']));
    given(settings).when(set('security.ip_allow', ['198.51.100.0/24']), NOW).then(changed('security.ip_allow', null, ['198.51.100.0/24']));
    // allowed by the one list that stands, shut out by the other
    given(settings, changed('security.ip_deny', null, ['192.0.2.9'])).when(set('security.ip_allow', ['192.0.2.0/24'], from), NOW).thenRefused('confirmation_required');
    given(settings).when(set('security.rate_limit_minute', 5, from), NOW).then(changed('security.rate_limit_minute', null, 5));
  });

  it('T72 of two administrators who read the same, one is told', () => {
    given(settings, changed('general.organisation', null, 'Org')).when(set('general.organisation', 'Other', { seen: 0 }), NOW).thenRefused('conflict');
    given(settings, changed('general.organisation', null, 'Org')).when(set('general.organisation', 'Other', { seen: 1 }), NOW).then(changed('general.organisation', 'Org', 'Other'));
  });

  it('T72 never holds a secret in the open', () => {
    const event = { type: 'SettingsChanged' as const, data: { ...changed('', null, null).data, changes: [], secrets: [{ name: 'email.smtp_password', value: 'hunter2!', replaced: false }] } };
    given(settings).when(change({ secrets: [{ name: 'email.smtp_password', value: 'hunter2!' }] }), NOW).then(event);
    const state = stateAfter(settings, [event]);
    expect(Object.keys(state.secrets)).toEqual(['email.smtp_password']);
    expect(JSON.stringify(state)).not.toContain('hunter2');
    expect(stateAfter(settings, [event, { ...event, data: { ...event.data, secrets: [{ name: 'email.smtp_password', value: null, replaced: true }] } }])).toEqual({ values: {}, secrets: {}, changes: 2 });
  });

  it('after any history, what was set last stands, each change counted once', () => {
    const plain = NAMES.filter((name) => !isSecret(name) && settingOf(name).form.schema.type === 'integer');
    const step = fc.record({ name: fc.constantFrom(...plain), value: fc.option(fc.integer({ min: 1, max: 90 }), { nil: null }) });
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let state = settings.initial;
      const model = new Map<string, number>();
      let events = 0;
      for (const { name, value } of steps) {
        if (value === null ? false : !settingOf(name).form.accepts(value)) continue;
        const decided = settings.decide.ChangeSettings(state, change({ values: [{ name, value }] }).data, NOW, 'all');
        expect(decided.length).toBe((model.get(name) ?? null) === value ? 0 : 1);
        for (const e of decided) { state = settings.evolve.SettingsChanged(state, e.data as never, { revision: events, metadata: context as never }); events++; }
        if (value === null) model.delete(name); else model.set(name, value);
      }
      expect([state.values, state.changes]).toEqual([Object.fromEntries(model), events]);
    }));
  });
});

describe('the table', () => {
  it.each(NAMES)('%s has a default that it would take itself, and says what it means', (name) => {
    const { form, fallback, meaning } = settingOf(name);
    expect([fallback === null || form.accepts(fallback), meaning.endsWith('.') && meaning.length > 10]).toEqual([true, true]);
  });
});
