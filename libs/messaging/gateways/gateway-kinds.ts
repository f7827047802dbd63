import type { GatewayAdapter, GatewaySettings } from './gateway.js';
import { httpGateway } from './http.gateway.js';
import { SMS_OPTIONS, smsHttpGateway } from './sms-http.gateway.js';

/** Every kind of gateway and who speaks to it. */
export const GATEWAY_KINDS: Readonly<Record<GatewaySettings['kind'], GatewayAdapter>> = {
  http: httpGateway,
  'sms-http': smsHttpGateway,
};

/** The options that a kind reads, with what they are unless told. */
export const KIND_OPTIONS: Readonly<Record<GatewaySettings['kind'], Readonly<Record<string, string>>>> = {
  http: {},
  'sms-http': SMS_OPTIONS,
};
