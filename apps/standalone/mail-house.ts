import type { Configuration } from '#libs/platform/configuration/configuration';
import type { CurrentSettings } from '#libs/settings/settings';
import type { MailHouse } from '../worker/mails.js';

/** Where mails go, as the settings say at this moment. While they name no server, those of development go to the mock's outbox; elsewhere null. */
export async function mailHouse(c: Configuration, settings: CurrentSettings): Promise<MailHouse | null> {
  const development = c.environment !== 'production';
  const publicUrl = (settings.value('general.public_url') ?? (development ? `http://localhost:${c.listenPorts[0]}` : null))?.replace(/\/+$/, '');
  if (publicUrl === undefined) return null;
  const host = settings.value('email.smtp_host');
  const from = { name: settings.value('email.from_name'), address: settings.value('email.from_email') ?? `heliograph@${new URL(publicUrl).hostname}` };
  const house = { from, organisation: settings.value('general.organisation'), publicUrl };
  if (host === null) return c.gatewayMockSmtpPort ? { ...house, server: { host: '127.0.0.1', port: c.gatewayMockSmtpPort, tls: false, auth: null } } : null;
  const [user, password] = [settings.value('email.smtp_user'), await settings.secret('email.smtp_password')];
  return { ...house, server: { host, port: settings.value('email.smtp_port'), tls: settings.value('email.smtp_tls'), auth: user !== null && password !== null ? { user, password } : null } };
}
