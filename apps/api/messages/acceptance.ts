import { randomUUIDv7 } from 'node:crypto';
import { Refusal } from '#libs/event-sourcing/errors';
import type { Keyring } from '#libs/event-sourcing/sealing/keyring';
import type { GatewaySettings } from '#libs/messaging/gateways/gateway';
import { EXPIRED, type Acceptance } from '#libs/messaging/message/message.decider';
import { metadataTooLarge, type NativeMessageDto, type S1MessageDto } from '#libs/messaging/message/messages.dto';
import { smsSegments } from '#libs/messaging/message/sms-text';

const KEY_FORM = /^[\x21-\x7e]{1,255}$/;

/** An Idempotency-Key as it was sent. @throws Refusal for one out of form */
export function checkedKey(header: string | string[]): string {
  if (typeof header !== 'string' || !KEY_FORM.test(header)) throw new Refusal('validation_failed', undefined, [{ field: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters, sent once' }]);
  return header;
}

/** The id of what a creating request makes: new, or derived from its Idempotency-Key. @throws Refusal for a key out of form */
export function idFor(keyring: Keyring, prefix: 'msg' | 'bat', owner: string, route: string, header: string | string[] | undefined): { id: string; keyed: boolean } {
  if (header === undefined) return { id: `${prefix}_${randomUUIDv7().replaceAll('-', '')}`, keyed: false };
  return { id: `${prefix}_${keyring.mac('id', JSON.stringify([owner, route, checkedKey(header)])).toString('base64url').slice(0, 32)}`, keyed: true };
}

/** The same for equal JSON, whatever the order of its fields. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value).filter(([, v]) => v !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** A part of a batch is judged at once, as of the moment of the request that is answered. @throws Refusal */
export function checkExpiry({ sendAt, expiresAt }: Acceptance, now: Date): void {
  const at = now.toISOString();
  if (expiresAt && expiresAt <= (sendAt && sendAt > at ? sendAt : at)) throw new Refusal('validation_failed', undefined, [EXPIRED]);
}

export type Gateways = ReadonlyMap<string, GatewaySettings>;

/** The gateway that a message goes through. @throws Refusal naming the field */
function gatewayFor(gateways: Gateways, channel: string, name: string | undefined): GatewaySettings {
  const found = name === undefined ? [...gateways.values()].find((g) => g.channel === channel) : gateways.get(name);
  if (found?.channel === channel) return found;
  const known = [...gateways.values()].filter((g) => g.channel === channel).map((g) => g.name).join(', ') || 'none configured';
  throw new Refusal('validation_failed', undefined, [{ field: name === undefined ? 'channel' : 'gateway', message: `must be a gateway of the channel ${channel}: ${known}` }]);
}

const terms = (g: GatewaySettings): Pick<Acceptance, 'gateway' | 'channel' | 'policy' | 'deadlineMs' | 'onUnknown' | 'receipts'> =>
  ({ gateway: g.name, channel: g.channel, policy: g.retry, deadlineMs: g.deadlineMs, onUnknown: g.onUnknown, receipts: g.receipts });

/** S1's body. Its number is the sender's, and the message is the sender's own. */
export const acceptS1 = (dto: S1MessageDto, owner: string, gateways: Gateways): Acceptance => ({
  ...terms(gatewayFor(gateways, 'http', undefined)), owner, address: null, recipient: null, sender: dto.sender_number, body: dto.message_body, metadata: null, segments: null,
  fingerprint: canonical(dto), shape: 's1', acceptedAt: null, sendAt: null, expiresAt: null, batch: null,
});

/** In the one form in which moments compare as text, also after a policy's span was added: four digits of year. */
function momentOf(field: string, text: string | undefined): string | null {
  if (text === undefined) return null;
  const moment = new Date(text);
  if (moment.getUTCFullYear() >= 9000) throw new Refusal('validation_failed', undefined, [{ field, message: 'must lie before the year 9000' }]);
  return moment.toISOString();
}

/** The native body; its expiry is judged when it is decided. @throws Refusal for an unknown gateway, too much metadata, a year past 8999 */
export function acceptNative(dto: NativeMessageDto, owner: string, gateways: Gateways): Acceptance {
  const channel = dto.channel ?? 'sms';
  const gateway = gatewayFor(gateways, channel, dto.gateway);
  const [sendAt, expiresAt] = [momentOf('send_at', dto.send_at), momentOf('expires_at', dto.expires_at)];
  const metadata = dto.metadata === undefined ? null : JSON.stringify(dto.metadata);
  if (metadata && metadataTooLarge(metadata)) throw new Refusal('validation_failed', undefined, [{ field: 'metadata', message: 'must be at most 4 kB of JSON' }]);
  return {
    ...terms(gateway), owner, address: 'number', recipient: dto.to, sender: null, body: dto.body, metadata, segments: channel === 'sms' ? smsSegments(dto.body) : null,
    fingerprint: canonical(dto), shape: 'native', acceptedAt: null, sendAt, expiresAt, batch: null,
  };
}
