import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '#libs/platform/configuration/configuration';
import { fixedSettings } from '#libs/settings/testing/fixed-settings';
import { liveGateways, liveLimits } from './live-settings.js';

const dir = mkdtempSync(join(tmpdir(), 'heliograph-live-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const URLS = { 'gateways.http_url': 'https://a.example.com/', 'gateways.sms_url': 'https://b.example.com/' } as const;
const configuration = (env: Record<string, string> = {}) => parseConfiguration({ GATEWAY_MOCK_PORT: '0', ...env }, dir);

describe('live settings', () => {
  it('limits follow the settings, for each kind of credential', () => {
    const settings = fixedSettings();
    const limits = liveLimits(settings);
    expect(limits).toMatchObject({ address: { minute: 60, hour: 1_000 }, 'api-key': { minute: 10_000, hour: 10_000 }, 'client-certificate': { minute: 6_000, hour: 360_000 } });
    settings.set('security.rate_limit_minute', 7);
    settings.set('security.api_key_rate_limit_hour', 9);
    settings.set('security.certificate_rate_limit_minute', 2);
    expect(limits).toEqual({
      address: { minute: 7, hour: 1_000 }, 'access-token': { minute: 7, hour: 1_000 }, session: { minute: 7, hour: 1_000 }, 'api-token': { minute: 7, hour: 1_000 }, local: { minute: 7, hour: 1_000 },
      'api-key': { minute: 9, hour: 9 }, 'client-certificate': { minute: 2, hour: 120 },
    });
  });

  it('a gateway stays the same object, so that its lane and an attempt under way see the change', () => {
    const settings = fixedSettings(URLS);
    const gateways = liveGateways(configuration(), settings);
    const sms = gateways.get('sms')!;
    settings.set('gateways.sms_url', 'https://c.example.com/');
    settings.set('gateways.rate', 5);
    settings.set('gateways.sms_sender_number', '+15550009999');
    expect(gateways.get('sms')).toBe(sms);
    expect(sms).toMatchObject({ url: 'https://c.example.com/', rate: 5, options: { senderNumber: '+15550009999' } });
    expect(gateways.get('http')).toMatchObject({ url: 'https://a.example.com/', rate: 5 });
  });

  it('a gateway comes and goes with its address; their order stays', () => {
    const settings = fixedSettings({ 'gateways.sms_url': URLS['gateways.sms_url'] });
    const gateways = liveGateways(configuration(), settings);
    expect([...gateways.keys()]).toEqual(['sms']);
    settings.set('gateways.http_url', 'https://a.example.com/');
    expect([...gateways.keys()]).toEqual(['http', 'sms']);
    settings.set('gateways.sms_url', null);
    expect([...gateways.keys()]).toEqual(['http']);
  });

  it('a gateway of the file keeps what the file says', () => {
    const file = join(dir, 'gateways.json');
    writeFileSync(file, JSON.stringify([{ name: 'sms', kind: 'sms-http', url: 'https://file.example.com/', rate: 3 }, { name: 'other', kind: 'sms-http', url: 'https://other.example.com/' }]));
    const settings = fixedSettings(URLS);
    const gateways = liveGateways(configuration({ GATEWAYS_FILE: file }), settings);
    const before = [...gateways.keys()];
    settings.set('gateways.sms_url', 'https://c.example.com/');
    settings.set('gateways.rate', 5);
    expect(gateways.get('sms')).toMatchObject({ url: 'https://file.example.com/', rate: 3 });
    expect(gateways.get('http')!.rate).toBe(5);
    expect([...gateways.keys()]).toEqual(before);
  });

  it('another setting touches no gateway', () => {
    const settings = fixedSettings(URLS);
    const gateways = liveGateways(configuration(), settings);
    gateways.delete('sms');
    settings.set('general.organisation', 'Other');
    expect([...gateways.keys()]).toEqual(['http']);
  });
});
