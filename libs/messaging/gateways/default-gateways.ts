import type { GatewaySettings } from './gateway.js';
import { SMS_OPTIONS } from './sms-http.gateway.js';

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

/** What both have in common: speed that the provider has not bounded, and the circuit. Times are milliseconds. */
const COMMON = {
  rate: 10_000, concurrency: 256, deadlineMs: 30 * SECOND, onUnknown: 'retry', receipts: false,
  circuit: { failures: 10, windowMs: 30 * SECOND, windowCalls: 20, windowShare: 0.5, probeMs: 30 * SECOND },
} as const satisfies Partial<GatewaySettings>;

/** Settings of each kind before anything is configured. S1: every 30 s, 10,000 times, 83 h 20 min; S3: 3 times, 2–10 s apart, a day. */
export const KIND_DEFAULTS: Readonly<Record<GatewaySettings['kind'], Omit<GatewaySettings, 'name' | 'url'>>> = {
  http: {
    ...COMMON, channel: 'http', kind: 'http', options: {},
    retry: { kind: 'constant', everyMs: 30 * SECOND, attempts: 10_000, spanMs: 10_000 * 30 * SECOND, jitter: 0 },
  },
  'sms-http': {
    ...COMMON, channel: 'sms', kind: 'sms-http', options: { ...SMS_OPTIONS },
    retry: { kind: 'exponential', minMs: 2 * SECOND, maxMs: 10 * SECOND, attempts: 3, spanMs: 24 * HOUR, jitter: 0 },
  },
};

/** Where the two gateways are: their URLs, or the mock that stands in for both. */
export interface DefaultGatewayPlaces {
  /** the gateway mock's port on loopback; 0 or none: no mock */
  mockPort?: number;
  httpUrl?: string;
  smsUrl?: string;
}

/** The gateways `http` (S1's upstream) and `sms` (S3's `gateway.jsp`); one that is nowhere is left out. */
export function defaultGateways({ mockPort = 0, httpUrl, smsUrl }: DefaultGatewayPlaces = {}): GatewaySettings[] {
  const mock = (path: string) => (mockPort > 0 ? `http://127.0.0.1:${mockPort}${path}` : undefined);
  const places = [
    { name: 'http', kind: 'http', url: httpUrl ?? mock('/sink') },
    { name: 'sms', kind: 'sms-http', url: smsUrl ?? mock('/gateway/gateway.jsp') },
  ] as const;
  return places.flatMap(({ name, kind, url }) => (url === undefined ? [] : [{ name, url, ...structuredClone(KIND_DEFAULTS[kind]) }]));
}
