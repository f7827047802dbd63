import type { Context, SpanContext, SpanKind } from '@opentelemetry/api';

/** All that a span may say. No path, query, number or text. */
export interface SpanFields {
  'http.request.method'?: string;
  'http.route'?: string;
  'http.response.status_code'?: number;
  'heliograph.principal'?: string;
  'heliograph.gateway'?: string;
  'heliograph.outcome'?: string;
  'heliograph.problem'?: string;
  'heliograph.attempt'?: number;
  'heliograph.follower'?: string;
  'heliograph.events'?: number;
}
export interface Span {
  /** W3C trace context, for whoever goes on with this trace */
  readonly traceparent: string;
  end(fields: SpanFields): void;
}
export interface Tracing {
  /** Begins a span. `parent`: a traceparent; without one a new trace begins. `links`: traceparents of what it also belongs to. */
  span(name: string, kind: 'server' | 'client' | 'internal', from?: { parent?: string | undefined; links?: readonly string[] }): Span;
  /** Sends what has not been sent yet. */
  shutdown(): Promise<void>;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const contextOf = (traceparent: string): SpanContext | null => {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  return traceId && spanId && flags ? { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true } : null;
};

/**
 * Spans to an OTLP/HTTP collector, as JSON. The SDK is loaded here and only now: without a collector it costs neither memory nor time.
 * @param endpoint the collector's base address, such as `http://127.0.0.1:4318`
 */
export async function startTracing(endpoint: string): Promise<Tracing> {
  const [api, { NodeSDK, resources }, { OTLPTraceExporter }] = await Promise.all([import('@opentelemetry/api'), import('@opentelemetry/sdk-node'), import('@opentelemetry/exporter-trace-otlp-http')]);
  const sdk = new NodeSDK({
    resource: resources.resourceFromAttributes({ 'service.name': 'heliograph' }), autoDetectResources: false, instrumentations: [],
    traceExporter: new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` }), metricReaders: [], logRecordProcessors: [],
  });
  sdk.start();
  const tracer = api.trace.getTracer('heliograph');
  const kinds: Record<'server' | 'client' | 'internal', SpanKind> = { server: api.SpanKind.SERVER, client: api.SpanKind.CLIENT, internal: api.SpanKind.INTERNAL };
  return {
    span(name, kind, { parent, links = [] } = {}) {
      const above = parent === undefined ? null : contextOf(parent);
      const within: Context = above ? api.trace.setSpanContext(api.ROOT_CONTEXT, above) : api.ROOT_CONTEXT;
      const span = tracer.startSpan(name, { kind: kinds[kind], links: links.flatMap((link) => { const context = contextOf(link); return context ? [{ context }] : []; }) }, within);
      const { traceId, spanId, traceFlags } = span.spanContext();
      return { traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}`, end: (fields) => { span.setAttributes({ ...fields }).end(); } };
    },
    async shutdown() {
      await sdk.shutdown();
      api.trace.disable();
    },
  };
}
