import { describe, expect, it } from '@jest/globals';
import { happened, projected } from '#libs/event-sourcing/testing/given';
import { settings } from '#libs/settings/settings.decider';
import { settingsAudit } from './settings-audit.projection.js';

const AT = '2030-01-01T00:00:00.000Z';
const changed = (revision: number, data: object) => happened(settings, 'settings-all', revision, 'SettingsChanged', { changes: [], secrets: [], reason: null, by: 'usr_1', at: AT, ...data });

describe('settings-audit', () => {
  it('has a row for each setting of a change: who, what, when, why', () => {
    const rows = projected(settingsAudit, [changed(0, { changes: [{ name: 'security.ip_deny', from: null, to: ['192.0.2.7'], otherwise: null }, { name: 'general.organisation', from: 'A', to: null, otherwise: 'Heliograph' }], reason: 'moved' })]);
    expect([...rows]).toEqual([
      ['0000000000.0000', { name: 'security.ip_deny', category: 'security', secret: false, from: null, to: ['192.0.2.7'], fromDefault: true, toDefault: false, by: 'usr_1', at: AT, reason: 'moved', version: 1 }],
      ['0000000000.0001', { name: 'general.organisation', category: 'general', secret: false, from: 'A', to: 'Heliograph', fromDefault: false, toDefault: true, by: 'usr_1', at: AT, reason: 'moved', version: 1 }],
    ]);
  });

  it('T72 says of a secret only that it was changed, or removed', () => {
    const rows = projected(settingsAudit, [changed(3, { changes: [{ name: 'email.smtp_port', from: null, to: 465, otherwise: 587 }], secrets: [{ name: 'email.smtp_password', value: 'hunter2!', replaced: false }, { name: 'telegram.bot_token', value: null, replaced: true }] })]);
    expect([...rows.keys()]).toEqual(['0000000003.0000', '0000000003.0001', '0000000003.0002']);
    expect([...rows.values()].slice(1)).toMatchObject([{ name: 'email.smtp_password', category: 'email', secret: true, from: null, to: 'changed', version: 4 }, { name: 'telegram.bot_token', from: 'set', to: 'removed' }]);
    expect(JSON.stringify([...rows])).not.toMatch(/hunter2|s1\|/);
  });

  it('of version 1, which named neither default nor what a secret replaced, says as much as it knows', () => {
    const old = { version: 1, data: { changes: [{ name: 'general.organisation', from: null, to: 'A' }], secrets: [{ name: 'telegram.bot_token', value: null }], reason: null, by: 'usr_1', at: AT } };
    const lifted = settings.upcasts!.SettingsChanged![0]!(old.data as never) as object;
    expect([...projected(settingsAudit, [changed(0, lifted)]).values()]).toMatchObject([{ from: null, to: 'A', fromDefault: true }, { from: null, to: 'removed' }]);
  });

  it('is the same when an event comes twice', () => {
    const event = changed(0, { changes: [{ name: 'general.organisation', from: null, to: 'A', otherwise: 'Heliograph' }] });
    expect(projected(settingsAudit, [event, event])).toEqual(projected(settingsAudit, [event]));
  });
});
