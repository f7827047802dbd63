import { CreateApiKeyDto, ListApiKeysQuery, VerifyApiKeyDto } from '#libs/identity/credential/api-keys.dto';
import { REVOCATION_REASONS } from '#libs/identity/credential/credential.events';
import { PageQuery } from '#libs/messaging/message/messages.dto';
import type { JsonSchema } from '#libs/platform/validation/decorators';
import { count, CREATED, json, list, moment, nullable, object, ref, text, WRITTEN, yes, type Surface } from '../docs/surface.js';

const NEXT = nullable(text('Give it as `after` to get the next page; null on the last.'));
const SCOPES: JsonSchema = list(text('`area:action`, or `area:*` for all of an area'));
const KEY = {
  id: text('`key_…`'),
  name: text('what it is called'),
  description: nullable(text('what it is for')),
  scopes: SCOPES,
  prefix: text('the first 15 characters of its text: tells keys apart, opens nothing'),
  owner: text('the account that made it; it never reaches more than that one may, and ends with it'),
  expires_in_days: { type: 'integer', minimum: 1, maximum: 365, description: 'how long it was made for' },
  active: yes('it counts'),
  state: { type: 'string', enum: ['active', 'expiring', 'expired', 'revoked'], description: '`expiring`: within 30 days' },
  created_at: moment('when it was made'),
  expires_at: moment('from when on it no longer counts'),
  revoked_at: nullable(moment('when it was revoked')),
  revoked_because: { type: ['string', 'null'], enum: [...REVOCATION_REASONS, null] },
  last_used_at: nullable(moment('when it was last used; a second behind, or two')),
  total_requests: count('how often it was used'),
} satisfies Record<string, JsonSchema>;

const AT = '2026-03-01T09:30:00.000Z';
const SAMPLE = {
  id: 'key_9f86d081884c7d659a2feaa0c55ad015', name: 'CI/CD Pipeline', description: 'Automated deployments', scopes: ['inventory:read', 'messages:send'], prefix: 'hgk_9f86d081884',
  owner: 'usr_0190b5a8c4e97c3a8f1d2e3b4c5d6e7f', expires_in_days: 90, active: true, state: 'active', created_at: AT, expires_at: '2026-05-30T09:30:00.000Z', revoked_at: null, revoked_because: null,
  last_used_at: null, total_requests: 0,
};
const CREATE = { name: 'CI/CD Pipeline', description: 'Automated deployments', scopes: ['inventory:read', 'messages:send'], expires_in_days: 90 };

export const apiKeysSurface: Surface = {
  tag: { name: 'API keys', description: 'Keys for programs (`X-API-Key`), limited to scopes; also those of host applications, which ask here whether a key is good' },
  bodies: { CreateApiKey: CreateApiKeyDto, VerifyApiKey: VerifyApiKeyDto },
  fields: {
    name: 'what it is called', description: 'what it is for', scopes: '`area:action`, or `area:*`: ours (docs/permissions.md), or those of host applications (setting `security.api_scopes`)',
    expires_in_days: 'whole days, at most as the setting `security.api_key_max_days` says', key: 'the key\'s whole text, as somebody showed it to you',
    owner: 'only those of this account; administrators alone see others\'', limit: '1 to 200; 50 keys, or 100 uses, unless told', after: '`next` of the page before, with the same filters',
  },
  answers: {
    ApiKey: object(KEY),
    CreatedApiKey: object({ ...KEY, key: nullable(text('the key itself: shown here and never again. null in the answer to a repeat with the same Idempotency-Key: revoke it and make another, if the first answer was lost')) }),
    ApiKeyPage: object({ api_keys: list(ref('ApiKey')), next: NEXT }),
    ApiKeyUses: object({
      uses: list(object({ at: moment('when'), method: text('the HTTP method'), endpoint: text('the route\'s template, never the path'), status: { type: 'integer', description: 'what was answered' }, address: nullable(text('where from; null once erased')) })),
      next: NEXT,
    }),
    ApiKeyAnalytics: object({
      last_used_at: KEY.last_used_at, total_requests: KEY.total_requests, errors: count('answered with 400 or more'), error_rate: { type: 'number', minimum: 0, maximum: 1, description: 'errors of all' },
      endpoints: list(object({ method: text('the HTTP method'), endpoint: text('the route\'s template'), requests: count('how often'), errors: count('answered with 400 or more') })),
    }),
    VerifiedApiKey: object({
      valid: yes('the key counts and holds every scope that was asked for'),
      reason: { type: ['string', 'null'], enum: ['invalid_api_key', 'missing_scope', null], description: 'why not; that a key is unknown, revoked or expired is one answer' },
      id: nullable(KEY.id), owner: nullable(KEY.owner), name: nullable(KEY.name), scopes: { ...SCOPES, description: 'what it holds now' }, expires_at: nullable(KEY.expires_at),
      missing_scopes: list(text('asked for and not held')),
    }),
  },
  operations: {
    ApiKeysController_create: {
      id: 'createApiKey', summary: 'Make an API key',
      description: 'The key is in this answer and nowhere else: what is kept cannot be turned back into it. Nobody grants a scope that he does not hold.',
      headers: ['Idempotency-Key'],
      body: { schema: ref('CreateApiKey'), examples: { key: CREATE } },
      answers: { 201: json('CreatedApiKey', 'The key.', { ...SAMPLE, key: `hgk_9f86d081884c7d659a2feaa0c55ad015_${'0'.repeat(64)}` }, CREATED) },
      refusals: ['malformed_json', 'payload_too_large', 'validation_failed', 'not_granted', 'idempotency_mismatch'],
    },
    ApiKeysController_verify: {
      id: 'verifyApiKey', summary: 'Ask whether somebody\'s key is good, and for what',
      description: 'For host applications that let Heliograph keep their keys: a key may carry scopes of theirs. Stands in the log of the key that was asked about.',
      body: { schema: ref('VerifyApiKey'), examples: { check: { key: `hgk_9f86d081884c7d659a2feaa0c55ad015_${'0'.repeat(64)}`, scopes: ['inventory:read'] } } },
      answers: { 200: json('VerifiedApiKey', 'Good or not.', { valid: true, reason: null, id: SAMPLE.id, owner: SAMPLE.owner, name: SAMPLE.name, scopes: SAMPLE.scopes, expires_at: SAMPLE.expires_at, missing_scopes: [] }) },
      refusals: ['malformed_json', 'payload_too_large', 'validation_failed'],
    },
    ApiKeysController_list: {
      id: 'listApiKeys', summary: 'List API keys, newest first',
      description: 'One\'s own, revoked ones too; an administrator sees everybody\'s.',
      query: ListApiKeysQuery, headers: ['X-Heliograph-Position'],
      answers: { 200: json('ApiKeyPage', 'A page of the list.', { api_keys: [SAMPLE], next: null }) },
      refusals: ['validation_failed', 'invalid_cursor'],
    },
    ApiKeysController_show: {
      id: 'showApiKey', summary: 'Show one API key',
      answers: { 200: json('ApiKey', 'The key, without its text.', SAMPLE) }, refusals: ['not_found'],
    },
    ApiKeysController_revoke: {
      id: 'revokeApiKey', summary: 'Revoke an API key',
      description: 'It counts nowhere any more, within seconds in every process; again is nothing.',
      answers: { 200: json('ApiKey', 'The key as it ended.', { ...SAMPLE, active: false, state: 'revoked', revoked_at: AT, revoked_because: 'requested' }, WRITTEN) }, refusals: ['not_found', 'conflict'],
    },
    ApiKeysController_usage: {
      id: 'listApiKeyUses', summary: 'What an API key was used for, newest first',
      description: 'Each use with method, route, status and address; a second behind, or two.',
      query: PageQuery, headers: ['X-Heliograph-Position'],
      answers: { 200: json('ApiKeyUses', 'A page of its log.', { uses: [{ at: AT, method: 'POST', endpoint: '/api/v1/messages', status: 202, address: '192.0.2.1' }], next: null }) },
      refusals: ['not_found', 'validation_failed', 'invalid_cursor'],
    },
    ApiKeysController_analytics: {
      id: 'apiKeyAnalytics', summary: 'What an API key was used for, in numbers',
      answers: { 200: json('ApiKeyAnalytics', 'Since it was made.', { last_used_at: AT, total_requests: 3, errors: 1, error_rate: 1 / 3, endpoints: [{ method: 'POST', endpoint: '/api/v1/messages', requests: 3, errors: 1 }] }) },
      refusals: ['not_found'],
    },
  },
};
