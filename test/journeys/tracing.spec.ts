/** One trace from the caller through the API and the attempt to the gateway, as a collector sees it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '#libs/event-sourcing/testing/test-clock';
import { startTracing, type Tracing } from '#libs/platform/telemetry/tracing';
import { WholeHouse } from './whole-house.js';

interface Attribute { key: string; value: { stringValue?: string; intValue?: number | string } }
interface Exported { traceId: string; spanId: string; parentSpanId?: string; name: string; kind: number; attributes: Attribute[]; links?: { traceId: string; spanId: string }[] }
interface Document { resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Exported[] }[] }[] }

const documents: string[] = [];
let collector: Server, gateway: Server, tracing: Tracing, whole: WholeHouse;
const gatewayHeard: (string | undefined)[] = [];
const at = (server: Server): number => (server.address() as AddressInfo).port;
const listening = (answer: Parameters<typeof createServer>[1]): Promise<Server> => new Promise((resolve) => { const server = createServer(answer as never).listen(0, '127.0.0.1', () => resolve(server)); });

beforeAll(async () => {
  collector = await listening((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => { text += part; }).on('end', () => {
      if (request.url === '/v1/traces') documents.push(text);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  gateway = await listening((request, response) => { gatewayHeard.push(request.headers['traceparent'] as string | undefined); request.resume().on('end', () => response.end('OK ref-1')); });
  tracing = await startTracing(`http://127.0.0.1:${at(collector)}/`);
  const url = `http://127.0.0.1:${at(gateway)}`;
  whole = await WholeHouse.open({ tracing, env: { GATEWAY_SMS_URL: url, GATEWAY_HTTP_URL: url, EGRESS_ALLOW: `127.0.0.1:${at(gateway)}`, GATEWAYS_FILE: '' } });
}, 30_000);
afterAll(async () => {
  for (const server of [collector, gateway]) { server.closeAllConnections(); await new Promise((closed) => server.close(closed)); }
});

const fieldsOf = ({ attributes }: { attributes: Attribute[] }): Record<string, unknown> => Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]));

it('the call, the attempt and the call to the gateway are one trace; views link to it; nothing of the message is in it', async () => {
  const user = await whole.signedIn('owner-a');
  const caller = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
  const secret = { to: '+15550007777', body: 'canary-traced' };
  const accepted = await user('POST', '/api/v1/messages?x=canary-query', { body: secret, headers: { traceparent: `00-${caller.traceId}-${caller.spanId}-01` } });
  expect(accepted.status).toBe(202);
  const { id } = accepted.body;
  await whole.shown(user, id, 'sent');
  await user('GET', '/api/v1/messages/canary-path');
  const untraced = (await user('POST', '/api/v1/messages', { body: secret, headers: { traceparent: 'no traceparent' } })).body.id;
  await whole.shown(user, untraced, 'sent');
  const stored = await whole.events(id) as unknown as { metadata: { traceparent: string } }[];
  await until('views have seen it', async () => (await user('GET', '/api/v1/messages')).body.messages.length === 2);
  await whole.close();
  await tracing.shutdown();

  const resources = documents.flatMap((text) => (JSON.parse(text) as Document).resourceSpans);
  expect(fieldsOf(resources[0]!.resource)['service.name']).toBe('heliograph');
  const spans = resources.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans));
  const trace = spans.filter((s) => s.traceId === caller.traceId);
  expect(trace.map((s) => s.name)).toEqual(['POST /api/v1/messages', 'attempt']);
  const [call, attempt] = trace as [Exported, Exported];
  expect(call.parentSpanId).toBe(caller.spanId);
  expect(fieldsOf(call)).toEqual({ 'http.request.method': 'POST', 'http.route': '/api/v1/messages', 'http.response.status_code': 202, 'heliograph.principal': 'api-token' });
  expect(attempt.parentSpanId).toBe(call.spanId);
  expect(fieldsOf(attempt)).toEqual({ 'heliograph.gateway': 'sms', 'heliograph.outcome': 'sent', 'heliograph.problem': 'none', 'heliograph.attempt': 1 });
  expect(gatewayHeard[0]).toBe(`00-${caller.traceId}-${attempt.spanId}-01`);
  expect(new Set(stored.map((e) => e.metadata.traceparent))).toEqual(new Set([`00-${caller.traceId}-${call.spanId}-01`]));
  const folded = spans.filter((s) => s.name === 'projection' && s.links?.some((l) => l.traceId === caller.traceId && l.spanId === call.spanId));
  expect(folded.length).toBeGreaterThan(0);
  for (const span of folded) expect(fieldsOf(span)).toEqual({ 'heliograph.follower': 'message-log', 'heliograph.events': expect.any(Number) });
  // what is no traceparent begins a trace of its own
  expect(spans.filter((s) => s.name === 'POST /api/v1/messages' && s.traceId !== caller.traceId)).toHaveLength(1);
  expect(spans.map((s) => s.name)).toContain('GET /api/v1/messages/:id');
  expect(documents.join()).not.toMatch(/canary|1555000|\?x=/);
}, 30_000);
