import type { AddressGuard } from '#libs/platform/egress/address.guard';
import type { SettingName } from './table.js';

/** Says what would count under a name. */
type Value = (name: SettingName) => unknown;
type Fault = { field: string; message: string };

/** Settings that say where this server will call: each is checked as a call of it would be. */
const CALLED: readonly SettingName[] = ['gateways.http_url', 'gateways.sms_url', 'telegram.api_url'];

/**
 * What is wrong with the places that a change names; [] where nothing is. Only names are compared and addresses looked at:
 * nothing is looked up or called, so that nobody learns from it what is there. What a name stands for is judged at each call.
 * @param value what would count after the change
 */
export function placeFaults(guard: AddressGuard, changed: readonly string[], value: Value): Fault[] {
  const urls = CALLED.filter((name) => changed.includes(name)).flatMap((field): Fault[] => {
    const url = value(field);
    const judged = typeof url === 'string' ? guard.url(url) : { ok: true as const };
    return judged.ok ? [] : [{ field, message: `must be an address that this server may call: ${judged.reason} (EGRESS_ALLOW)` }];
  });
  return changed.includes('email.smtp_host') || changed.includes('email.smtp_port') ? [...urls, ...mailServerFaults(guard, value('email.smtp_host'), Number(value('email.smtp_port')))] : urls;
}

function mailServerFaults(guard: AddressGuard, host: unknown, port: number): Fault[] {
  const judged = typeof host === 'string' ? guard.mailServer(host, port) : { ok: true as const };
  return judged.ok ? [] : [{ field: 'email.smtp_host', message: `must be a mail server that this server may call on port ${port}: ${judged.reason} (EGRESS_ALLOW)` }];
}
