import { type Interceptor, inprocTransport, RpcError } from '@callgate/core';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { telemetry } from './telemetry.js';
import { answered, failure, pair } from './testing/pair.js';

const W3C = {
  inject: (
    within: ReturnType<typeof context.active>,
    carrier: unknown,
    setter: { set(c: unknown, k: string, v: string): void },
  ) => {
    const span = trace.getSpanContext(within);
    if (span !== undefined) setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`);
  },
  extract: (
    within: ReturnType<typeof context.active>,
    carrier: unknown,
    getter: { get(c: unknown, k: string): unknown },
  ) => {
    const [, traceId, spanId] = /^00-(\w{32})-(\w{16})-01$/.exec(String(getter.get(carrier, 'traceparent'))) ?? [];
    if (traceId === undefined || spanId === undefined) return within;
    return trace.setSpanContext(within, { traceId, spanId, traceFlags: 1, isRemote: true });
  },
  fields: () => ['traceparent'],
};

let spans: InMemorySpanExporter;
let exported: InMemoryMetricExporter;
let meters: MeterProvider;
let traces: BasicTracerProvider;
beforeEach(() => {
  spans = new InMemorySpanExporter();
  traces = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 2 ** 30 });
  meters = new MeterProvider({ readers: [reader] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(W3C);
});
afterEach(async () => {
  await traces.shutdown();
  await meters.shutdown();
  context.disable();
  propagation.disable();
});

const interceptor = () => telemetry({ tracer: traces.getTracer('test'), meter: meters.getMeter('test') });

async function durations() {
  await meters.forceFlush();
  const all = exported.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  return all.map(({ descriptor, dataPoints }) => ({
    name: descriptor.name,
    unit: descriptor.unit,
    points: dataPoints.map(({ attributes, value }) => ({ attributes, count: (value as { count: number }).count })),
  }));
}

describe('telemetry', () => {
  it('sends nothing along where there is no room for metadata', () => {
    const { capabilities } = inprocTransport;
    const sent: number[] = [];
    for (const delivery of ['exact', 'coalesced'] as const) {
      const answer: Interceptor = ({ metadata }) => {
        sent.push(metadata.size);
        return { text: 'answered' };
      };
      const transport = { ...inprocTransport, capabilities: { ...capabilities, delivery } };
      expect(answered([interceptor()], answer, transport).look({ text: '' })).toEqual({ text: 'answered' });
    }
    expect(sent).toEqual([1, 0]);
    expect(spans.getFinishedSpans()).toHaveLength(2);
  });

  it('joins the spans of caller, callee and what the callee calls in one trace, by W3C metadata', async () => {
    await using inner = await pair({}, { client: [interceptor()], server: [interceptor()] });
    let traceparent: unknown;
    await using outer = await pair(
      {
        echo: async (request, { metadata }) => {
          traceparent = metadata.get('traceparent');
          await Promise.resolve();
          return inner.client.look(request);
        },
      },
      { client: [interceptor()], server: [interceptor()] },
    );
    await outer.client.echo({ text: 'x' });
    const [innerServer, innerClient, outerServer, outerClient] = spans.getFinishedSpans();
    expect(spans.getFinishedSpans().map(({ name, kind }) => [name, kind])).toEqual([
      ['test.Texts/Look', SpanKind.SERVER],
      ['test.Texts/Look', SpanKind.CLIENT],
      ['test.Texts/Echo', SpanKind.SERVER],
      ['test.Texts/Echo', SpanKind.CLIENT],
    ]);
    const parentOf = (span: typeof innerServer) => span?.parentSpanContext?.spanId;
    const idOf = (span: typeof innerServer) => span?.spanContext().spanId;
    expect(parentOf(innerServer)).toBe(idOf(innerClient));
    expect(parentOf(innerClient)).toBe(idOf(outerServer));
    expect(parentOf(outerServer)).toBe(idOf(outerClient));
    expect(new Set(spans.getFinishedSpans().map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(traceparent).toBe(`00-${outerClient?.spanContext().traceId}-${idOf(outerClient)}-01`);
    expect(outerClient?.attributes).toEqual({
      'rpc.system.name': 'callgate',
      'rpc.method': 'test.Texts/Echo',
      'rpc.response.status_code': 'OK',
    });
  });

  it('measures calls at both sides in seconds, with method and status', async () => {
    await using both = await pair(
      { look: () => Promise.reject(new RpcError('NOT_FOUND', 'no')) },
      { client: [interceptor()], server: [interceptor()] },
    );
    await both.client.echo({ text: '' });
    await both.client.echo({ text: '' });
    await failure(both.client.look({ text: '' }));
    const points = ['Echo', 'Look'].map((method) => ({
      attributes: {
        'rpc.system.name': 'callgate',
        'rpc.method': `test.Texts/${method}`,
        'rpc.response.status_code': method === 'Echo' ? 'OK' : 'NOT_FOUND',
        ...(method === 'Look' && { 'error.type': 'NOT_FOUND' }),
      },
      count: method === 'Echo' ? 2 : 1,
    }));
    expect(await durations()).toEqual([
      { name: 'rpc.client.call.duration', unit: 's', points },
      { name: 'rpc.server.call.duration', unit: 's', points },
    ]);
  });

  it('marks spans of failures as errors: all at the client, at the server those that are its fault', async () => {
    await using both = await pair(
      {
        look: () => Promise.reject(new RpcError('NOT_FOUND', 'no', { reason: 'NO_SUCH' })),
        echo: () => Promise.reject(new TypeError('oops')),
      },
      { client: [interceptor()], server: [interceptor()] },
    );
    await failure(both.client.look({ text: '' }));
    await failure(both.client.echo({ text: '' }));
    const [lookServer, lookClient, echoServer, echoClient] = spans.getFinishedSpans();
    expect(lookServer?.status.code).toBe(SpanStatusCode.UNSET);
    expect(lookClient).toMatchObject({ status: { code: SpanStatusCode.ERROR, message: 'no' } });
    expect(lookClient?.attributes['callgate.reason']).toBe('NO_SUCH');
    expect(echoServer).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'TypeError' },
    });
    expect(echoClient?.attributes['rpc.response.status_code']).toBe('UNKNOWN');
  });

  it('spans a stream until it has ended', async () => {
    await using both = await pair({}, { client: [interceptor()], server: [interceptor()] });
    for await (const _ of both.client.list({ text: 'a b' })) {
      expect(spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT)).toEqual([]);
    }
    await vi.waitFor(() => expect(spans.getFinishedSpans()).toHaveLength(2));
  });

  it('does nothing where no SDK is', async () => {
    propagation.disable();
    let seen: number | undefined;
    const echo = (request: { text: string }, { metadata }: { metadata: { size: number } }) => {
      seen = metadata.size;
      return request;
    };
    await using both = await pair({ echo }, { client: [telemetry()], server: [telemetry()] });
    expect(await both.client.echo({ text: 'x' })).toEqual({ text: 'x' });
    expect(seen).toBe(0);
  });
});
