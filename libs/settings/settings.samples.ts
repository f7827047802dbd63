import type { Stored } from '#libs/event-sourcing/sealed';
import type { SettingsEvents, SettingValue } from './settings.events.js';

type Now = Stored<SettingsEvents['SettingsChanged']>;
type First = Omit<Now, 'changes' | 'secrets'> & { changes: { name: string; from: SettingValue; to: SettingValue }[]; secrets: Omit<Now['secrets'][number], 'replaced'>[] };

/** Golden samples: one stored event of every type and version. They never change; every build must still fold them. */
export const settingsSamples: { SettingsChanged: [{ version: 1; data: First }, { version: 2; data: Now }] } = {
  SettingsChanged: [
    {
      version: 1,
      data: {
        changes: [
          { name: 'email.smtp_host', from: null, to: 'smtp.example.com' },
          { name: 'security.rate_limit_minute', from: 60, to: 120 },
          { name: 'security.ip_deny', from: ['192.0.2.7'], to: ['192.0.2.7', '2001:db8::/32'] },
          { name: 'email.smtp_tls', from: false, to: true },
        ],
        secrets: [
          { name: 'email.smtp_password', value: 's1|sub_q83vEjRWeJCrze8SNFZ4kA|kept||secrets.email.smtp_password|SettingsChanged|1|settings-all|oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhA' as never },
          { name: 'telegram.bot_token', value: null },
        ],
        reason: 'the provider changed', by: 'usr_0193f2c0a1b27c3d8e4f5a6b7c8d9e0f', at: '2030-01-01T00:00:00.000Z',
      },
    },
    {
      version: 2,
      data: {
        changes: [
          { name: 'email.smtp_host', from: null, to: 'smtp.example.com', otherwise: null },
          { name: 'security.rate_limit_minute', from: null, to: 120, otherwise: 60 },
          { name: 'security.ip_deny', from: ['192.0.2.7'], to: ['192.0.2.7', '2001:db8::/32'], otherwise: [] },
          { name: 'email.smtp_tls', from: false, to: true, otherwise: true },
        ],
        secrets: [
          { name: 'email.smtp_password', value: 's1|sub_q83vEjRWeJCrze8SNFZ4kA|kept||secrets.email.smtp_password|SettingsChanged|1|settings-all|oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr-AgYKDhA' as never, replaced: true },
          { name: 'telegram.bot_token', value: null, replaced: true },
        ],
        reason: 'the provider changed', by: 'usr_0193f2c0a1b27c3d8e4f5a6b7c8d9e0f', at: '2030-01-01T00:00:00.000Z',
      },
    },
  ],
};
