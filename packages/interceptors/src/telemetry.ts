import { createRequire } from 'node:module';
import { type InterceptedCall, type Interceptor, type Metadata, observeCall, RpcError } from '@callgate/core';
import {
  type Attributes,
  type Context,
  context,
  type Histogram,
  type Meter,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type TextMapSetter,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { checkNames } from './options.js';

export interface TelemetryOptions {
  /** @default that of the global provider */
  readonly tracer?: Tracer | undefined;
  /** @default that of the global provider */
  readonly meter?: Meter | undefined;
}

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Seconds. Source: OpenTelemetry, semantic conventions for RPC metrics; and finer below, where local calls are. */
const BOUNDARIES = [
  0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1,
  0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/**
 * Traces and metrics by OpenTelemetry's API, as its semantic conventions for RPC say: a span for each call, whose context
 * goes along in the metadata as the global propagator has it (W3C: `traceparent`; not over `signal:`, which has no room), and the histograms
 * `rpc.client.call.duration` and `rpc.server.call.duration`, in seconds. Handlers run within the server's span. Without
 * an SDK it does nothing. Throws INVALID_ARGUMENT (BAD_OPTION).
 */
export function telemetry(options: TelemetryOptions = {}): Interceptor {
  checkNames('telemetry', options, ['tracer', 'meter']);
  const tracer = options.tracer ?? trace.getTracer('@callgate/interceptors', version);
  const meter = options.meter ?? metrics.getMeter('@callgate/interceptors', version);
  const durations = { client: durationOf(meter, 'client'), server: durationOf(meter, 'server') };
  return (call, next) => {
    const begun = performance.now();
    const parent = call.side === 'client' ? context.active() : extracted(call);
    const attributes = { 'rpc.system.name': 'callgate', 'rpc.method': call.path };
    const kind = call.side === 'client' ? SpanKind.CLIENT : SpanKind.SERVER;
    const span = tracer.startSpan(call.path, { kind, attributes }, parent);
    const within = trace.setSpan(parent, span);
    // Where there is no room for metadata, the server's span is the root of a trace of its own.
    if (call.side === 'client' && call.carriesMetadata !== false) propagation.inject(within, call.metadata, setter);
    return observeCall(() => context.with(within, () => next(call)), {
      onEnd: (error) => {
        const ended = { ...attributes, ...endOf(error) };
        durations[call.side].record((performance.now() - begun) / 1000, ended, within);
        endSpan(span, call, error);
      },
    });
  };
}

function durationOf(meter: Meter, side: 'client' | 'server'): Histogram {
  return meter.createHistogram(`rpc.${side}.call.duration`, {
    description: side === 'client' ? 'Duration of outgoing calls' : 'Duration of incoming calls',
    unit: 's',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
}

function endOf(error: unknown): Attributes {
  if (error === undefined) return { 'rpc.response.status_code': 'OK' };
  if (!RpcError.is(error)) return { 'error.type': error instanceof Error ? error.name : '_OTHER' };
  return { 'rpc.response.status_code': error.code, 'error.type': error.code };
}

/** Codes that are the server's fault; what a caller does wrong is no error of its spans. Source: as above. */
const SERVER_FAULTS = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

function endSpan(span: Span, call: InterceptedCall, error: unknown): void {
  span.setAttributes(endOf(error));
  const fault = call.side === 'client' || !RpcError.is(error) || SERVER_FAULTS.has(error.code);
  if (error !== undefined && fault) {
    const message = error instanceof Error ? error.message : String(error);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    if (RpcError.is(error)) span.setAttribute('callgate.reason', error.reason);
  }
  span.end();
}

/** What came with the call; nothing that this thread does otherwise. */
function extracted(call: InterceptedCall): Context {
  return propagation.extract(ROOT_CONTEXT, call.metadata, getter);
}

const setter: TextMapSetter<Metadata> = {
  set: (metadata, key, value) => {
    metadata.set(key.toLowerCase(), value);
  },
};
const getter: TextMapGetter<Metadata> = {
  keys: (metadata) => [...new Set([...metadata].map(([key]) => key))],
  get: (metadata, key) => {
    const values = metadata.getAll(key.toLowerCase()).filter((value) => typeof value === 'string');
    return values.length > 1 ? values : values[0];
  },
};
