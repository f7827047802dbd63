/** The one table of settings that administrators change while it runs. Checks, answers, docs/settings.md and the API's description come from it. */
import type { Configuration } from '#libs/platform/configuration/configuration';
import * as form from './form.js';
import type { Form } from './form.js';
import type { SettingValue } from './settings.events.js';

/** A change to it that needs `"confirm": true`. `when` is asked with the value that would count before and after. */
interface Confirmation { when(before: unknown, after: unknown): boolean; because: string }

export interface Setting<T = unknown> {
  readonly form: Form<unknown>;
  /** what counts while nobody has set it; null: nothing */
  readonly fallback: SettingValue;
  /** the configuration (environment) that gives the default in place of `fallback`, where it is set */
  readonly from?: keyof Configuration;
  /** written only: sealed in the log, never shown */
  readonly secret?: true;
  readonly confirmation?: Confirmation;
  readonly meaning: string;
  /** carries the type only */
  readonly value?: T;
}
type More = Pick<Setting, 'from' | 'confirmation'>;

const given = <T>(of: Form<T>, fallback: T & SettingValue, meaning: string, more: More = {}): Setting<T> => ({ form: of, fallback, meaning, ...more });
const open = <T>(of: Form<T>, meaning: string, more: More = {}): Setting<T | null> => ({ form: of, fallback: null, meaning, ...more });
const secret = (meaning: string): Setting<string | null> & { readonly secret: true } => ({ form: form.secretLine, fallback: null, meaning, secret: true });

const switchedOff: Confirmation = { when: (before, after) => before === true && after === false, because: 'it switches a protection off' };
const weakened: Confirmation = { when: (before, after) => before === 'strong' && after !== 'strong', because: 'it weakens a protection' };

export const CATEGORIES = ['email', 'telegram', 'authentication', 'security', 'general', 'gateways', 'retention'] as const;
export type Category = (typeof CATEGORIES)[number];

/** Ends a meaning: what is set already, and read by nothing yet. */
const LATER = 'Kept already; counts from the version that';

export const SETTINGS = {
  'email.smtp_host': open(form.host, 'The mail server. Without one, no mail leaves. A private address only where `EGRESS_ALLOW` lists it with its port.'),
  'email.smtp_port': given(form.integer(1, 65_535), 587, 'Its port: 587 (STARTTLS) or 465 (TLS from the first byte).'),
  'email.smtp_user': open(form.line(254), 'Signs in to the mail server.'),
  'email.smtp_password': secret('Its password; with Gmail an app password.'),
  'email.smtp_tls': given(form.yesOrNo, true, 'Mail goes over TLS or not at all.', { confirmation: switchedOff }),
  'email.from_email': open(form.email, 'The sender\'s address.'),
  'email.from_name': given(form.line(100), 'Heliograph', 'The sender\'s name.'),
  'email.rate_limit_hour': given(form.integer(1, 1_000_000), 100, `Mails per hour. ${LATER} sends messages by e-mail.`),
  'email.queue_interval_seconds': given(form.integer(1, 3_600), 60, `How often the queue is looked through. ${LATER} sends messages by e-mail; mails about accounts go at once.`),
  'email.recipients_tickets_critical': given(form.emails, [], `Told of tickets of critical priority. ${LATER} sends notifications by e-mail.`),
  'email.recipients_tickets_all': given(form.emails, [], `Told of all tickets. ${LATER} sends notifications by e-mail.`),
  'email.recipients_low_stock': given(form.emails, [], `Told of stock below its reorder level. ${LATER} sends notifications by e-mail.`),
  'email.recipients_user_created': given(form.emails, [], `Told of new accounts. ${LATER} sends notifications by e-mail.`),
  'email.recipients_system_alerts': given(form.emails, [], `Told of failures of the system. ${LATER} sends notifications by e-mail.`),

  'telegram.bot_token': secret(`The bot's token, from @BotFather. ${LATER} sends to Telegram.`),
  'telegram.default_chat_id': open(form.chat, `Where messages without a chat go. ${LATER} sends to Telegram.`),
  'telegram.notifications': given(form.eventNames, [], `Events that are told to the default chat. ${LATER} sends to Telegram.`),
  'telegram.api_url': given(form.httpUrl, 'https://api.telegram.org', `Where the Bot API is. ${LATER} sends to Telegram; the address is checked already.`),

  'authentication.registration': given(form.choice('open', 'closed'), 'open', 'Whether people make accounts themselves; `closed`: administrators make them.'),
  'authentication.force_password_change': given(form.choice('portal', 'everywhere'), 'portal', 'Where a password that somebody else knows must be changed before anything else.'),
  'authentication.password_policy': given(form.choice('standard', 'strong'), 'standard', '`strong`: upper case, lower case and a digit, and no common password, at sign-up too.', { confirmation: weakened }),
  'authentication.access_token_minutes': given(form.integer(1, 1_440), 30, 'How long an access token (JWT) counts.'),
  'authentication.refresh_token_days': given(form.integer(1, 90), 7, 'How long a refresh token counts; each use gives a new one.'),
  'authentication.session_idle_minutes': given(form.integer(1, 1_440), 30, 'A session ends after so long without a request.'),
  'authentication.session_hours': given(form.integer(1, 168), 12, 'A session ends after so long in any case.'),
  'authentication.two_factor': given(form.choice('off'), 'off', 'A second factor at sign-in. This version has none: nothing but `off` is taken.'),

  'security.rate_limit_minute': given(form.integer(1, 100_000_000), 60, 'Requests per minute and principal, or address where nobody is signed in.', { from: 'rateLimitMinute' }),
  'security.rate_limit_hour': given(form.integer(1, 1_000_000_000), 1_000, 'Requests per hour and principal, or address.', { from: 'rateLimitHour' }),
  'security.certificate_rate_limit_minute': given(form.integer(1, 100_000_000), 6_000, 'Requests per minute and client certificate, in place of the two above; sixty times that per hour.', { from: 'rateLimitCertificateMinute' }),
  'security.api_key_rate_limit_hour': given(form.integer(1, 1_000_000_000), 10_000, 'Requests per hour and API key, in place of the two above.'),
  'security.webhook_rate_limit_hour': given(form.integer(1, 1_000_000_000), 1_000, `Deliveries per hour and owner of webhook endpoints. ${LATER} delivers webhooks.`),
  'security.ip_allow': given(form.ranges, [], 'Only these may ask anything; empty: everybody may.'),
  'security.ip_deny': given(form.ranges, [], 'These may ask nothing, whatever the list above says.'),
  'security.operations_networks': given(form.ranges, ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'], 'From here, and from this machine itself, anybody may read metrics and the description of the API; from elsewhere administrators.'),
  'security.api_key_max_days': given(form.integer(1, 365), 365, 'The longest that a new API key may count.'),
  'security.api_scopes': given(form.scopes, ['admin:write', 'inventory:read', 'inventory:write', 'inventory:delete', 'tickets:read', 'tickets:write', 'tickets:delete', 'biofloc:read', 'biofloc:write', 'webhooks:*', 'email:*'], 'Scopes of host applications that API keys may carry beside ours.'),
  'security.webhook_signature_verification': given(form.yesOrNo, true, `Whether what others send to us must be signed. ${LATER} takes webhooks from others; what we send is always signed.`, { confirmation: switchedOff }),

  'general.organisation': given(form.line(100), 'Heliograph', 'The name of the organisation, in mails and on pages.'),
  'general.public_url': open(form.httpUrl, 'The address that people reach this server by: links in mails begin with it.'),

  'gateways.http_url': open(form.httpUrl, 'Address of the gateway `http`. A private one only where `EGRESS_ALLOW` lists it.', { from: 'gatewayHttpUrl' }),
  'gateways.sms_url': open(form.httpUrl, 'Address of the gateway `sms` (`gateway.jsp`). A private one only where `EGRESS_ALLOW` lists it.', { from: 'gatewaySmsUrl' }),
  'gateways.rate': given(form.integer(1, 100_000), 10_000, 'Calls per second that each of these two is given.', { from: 'gatewayRate' }),
  'gateways.concurrency': given(form.integer(1, 1_024), 256, 'Calls at once that each of these two is given.', { from: 'gatewayConcurrency' }),
  'gateways.sms_application_id': given(form.word, 'heliograph', 'The application id that gateway `sms` sends along.', { from: 'smsApplicationId' }),
  'gateways.sms_sender_number': given(form.phone, '+15550000000', 'The number that gateway `sms` sends from.', { from: 'smsSenderNumber' }),

  'retention.messages_days': given(form.integer(0, 36_500), 0, `Texts and numbers of messages are forgotten after so many days; 0: never. ${LATER} forgets by age.`),
  'retention.sign_ins_days': given(form.integer(0, 36_500), 0, `Who signed in from where is forgotten after so many days; 0: never. ${LATER} forgets by age.`),
  'retention.key_use_days': given(form.integer(0, 36_500), 0, `What API keys were used for is forgotten after so many days; 0: never. ${LATER} forgets by age.`),
} as const satisfies Record<`${Category}.${string}`, Setting>;

type Table = typeof SETTINGS;
export type AnyName = keyof Table;
/** Names of what is written only. */
export type SecretName = { [N in AnyName]: Table[N] extends { readonly secret: true } ? N : never }[AnyName];
/** Names of what anybody with the right may read. */
export type SettingName = Exclude<AnyName, SecretName>;
export type ValueOf<N extends SettingName> = Table[N] extends Setting<infer T> ? T : never;

export const NAMES = Object.keys(SETTINGS) as AnyName[];
export const isName = (name: string): name is AnyName => Object.hasOwn(SETTINGS, name);
export const isSecret = (name: AnyName): name is SecretName => (SETTINGS[name] as Setting).secret === true;
export const settingOf = (name: AnyName): Setting => SETTINGS[name];
/** `email.smtp_host` → `['email', 'smtp_host']` */
export const partsOf = (name: string): [category: string, own: string] => [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
export const namesIn = (category: Category): AnyName[] => NAMES.filter((name) => partsOf(name)[0] === category);

/** What counts while nobody has set anything: the environment's word, else the table's. */
export const defaultsOf = (c: Partial<Configuration>): ReadonlyMap<SettingName, SettingValue> =>
  new Map(NAMES.filter((name): name is SettingName => !isSecret(name)).map((name) => {
    const { from, fallback } = settingOf(name);
    return [name, (from === undefined ? undefined : (c[from] as SettingValue | undefined)) ?? fallback];
  }));
