import { json, list, object, ref, text, type Surface } from './docs/surface.js';
import { PROBLEM } from './docs/problem.js';

const FAILING = object({ part: text('what cannot do its work'), reason: text('why') });

export const operationsSurface: Surface = {
  tag: { name: 'operations', description: 'How the process is, and how it is used' },
  bodies: {}, fields: {},
  answers: {
    NotReady: { ...PROBLEM, required: [...(PROBLEM['required'] as string[]), 'failing'], properties: { ...(PROBLEM['properties'] as object), failing: list(FAILING) } },
    Health: object({ status: { type: 'string', const: 'healthy' } }),
    Ready: object({ status: { type: 'string', const: 'ready' } }),
  },
  operations: {
    HealthController_health: {
      id: 'health', summary: 'The process runs',
      answers: { 200: json('Health', 'It runs. Says nothing else.', { status: 'healthy' }) },
    },
    HealthController_ready: {
      id: 'ready', summary: 'It can do its work',
      answers: {
        200: json('Ready', 'Everything works.', { status: 'ready' }),
        503: { description: 'Something does not; `failing` names it.', schema: ref('NotReady'), type: 'application/problem+json', examples: { unavailable: { type: 'urn:heliograph:error:unavailable', title: 'Not available', status: 503, code: 'unavailable', detail: 'Not ready: log.', instance: '/ready', failing: [{ part: 'log', reason: 'it does not answer' }] } } },
      },
    },
    HealthController_prometheus: {
      id: 'metrics', summary: 'Metrics, in the Prometheus text format',
      answers: { 200: { description: 'All metrics of this process.', type: 'text/plain', schema: { type: 'string' } } },
    },
    DocsController_page: {
      id: 'docs', summary: 'This description as a page',
      answers: { 200: { description: 'One page, without scripts and without anything from elsewhere.', type: 'text/html', schema: { type: 'string' } } },
    },
    DocsController_document: {
      id: 'openapi', summary: 'This description as an OpenAPI document',
      answers: { 200: { description: 'OpenAPI 3.1.', schema: { type: 'object' } } },
    },
  },
};
