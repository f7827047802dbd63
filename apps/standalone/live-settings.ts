/** What settings do in a process while it runs: limits and gateways are asked for at each use, so a change is made in place. */
import { readFileSync } from 'node:fs';
import { defaultGateways } from '#libs/messaging/gateways/default-gateways';
import type { GatewaySettings } from '#libs/messaging/gateways/gateway';
import { parseGateways } from '#libs/messaging/gateways/gateways-file';
import type { Configuration } from '#libs/platform/configuration/configuration';
import type { CurrentSettings } from '#libs/settings/settings';
import type { ApiOptions } from '../api/api.js';

const limitsOf = (settings: CurrentSettings): ApiOptions['limits'] => {
  const signedIn = { minute: settings.value('security.rate_limit_minute'), hour: settings.value('security.rate_limit_hour') };
  const [certificate, key] = [settings.value('security.certificate_rate_limit_minute'), settings.value('security.api_key_rate_limit_hour')];
  return { address: signedIn, 'access-token': signedIn, session: signedIn, 'api-token': signedIn, local: signedIn, 'api-key': { minute: key, hour: key }, 'client-certificate': { minute: certificate, hour: certificate * 60 } };
};

/** Requests per window, as the settings say at this moment. */
export function liveLimits(settings: CurrentSettings): ApiOptions['limits'] {
  const limits = limitsOf(settings);
  settings.onChange(() => { Object.assign(limits, limitsOf(settings)); });
  return limits;
}

/** The gateways made from settings, then those of the file: one of the same name replaces the one made from settings. */
function gatewaysOf(file: string | null, settings: CurrentSettings): GatewaySettings[] {
  const [httpUrl, smsUrl] = [settings.value('gateways.http_url'), settings.value('gateways.sms_url')];
  const own = { applicationId: settings.value('gateways.sms_application_id'), senderNumber: settings.value('gateways.sms_sender_number') };
  const defaults = defaultGateways({ ...(httpUrl ? { httpUrl } : {}), ...(smsUrl ? { smsUrl } : {}) })
    .map((g) => ({ ...g, rate: settings.value('gateways.rate'), concurrency: settings.value('gateways.concurrency'), options: g.kind === 'sms-http' ? { ...g.options, ...own } : g.options }));
  return file === null ? defaults : parseGateways(file, defaults);
}

/**
 * The gateways by name, as the settings say at this moment; the file is read once. A gateway stays the same object: its lane and
 * an attempt that has begun hold it. One that comes while the process runs is taken by whoever asks next.
 */
export function liveGateways(c: Configuration, settings: CurrentSettings): Map<string, GatewaySettings> {
  const file = c.gatewaysFile ? readFileSync(c.gatewaysFile, 'utf8') : null;
  const gateways = new Map(gatewaysOf(file, settings).map((g) => [g.name, g]));
  settings.onChange((names) => {
    if (!names.some((name) => name.startsWith('gateways.'))) return;
    const before = new Map(gateways);
    gateways.clear(); // the first of a channel is its default: the order is kept
    for (const g of gatewaysOf(file, settings)) gateways.set(g.name, Object.assign(before.get(g.name) ?? g, g));
  });
  return gateways;
}
