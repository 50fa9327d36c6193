/** gRPC-js's way of streaming, as Callgate's callers and handlers have it. */
import { type Duplex, Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ServerDuplexStream, ServerReadableStream, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import type { Box, City, Length, Point } from '../gen/geo.js';
import { plain } from './grpc-messages.js';
import type { StreamHandlers } from './service.js';
import type { AsyncStreams } from './streaming.js';

/** The part of gRPC's client that streams; its calls are streams of Node's. */
export interface GrpcStreams {
  CitiesIn(box: Box): Readable;
  RouteLength(done: (error: Error | null, length: Length) => void): Writable;
  NearestWhile(): Duplex;
}

export function streamsOf(client: GrpcStreams): AsyncStreams {
  return {
    citiesIn: (box) => client.CitiesIn(box),
    routeLength: (points) =>
      new Promise((resolve, reject) => {
        const call = client.RouteLength((error, length) => (error ? reject(error) : resolve(length)));
        Readable.from(points).pipe(call);
      }),
    nearestWhile(points) {
      const call = client.NearestWhile();
      Readable.from(points).pipe(call);
      return call;
    },
  };
}

export function grpcHandlers(service: StreamHandlers) {
  return {
    CitiesIn: (call: ServerWritableStream<Box, unknown>) => answer(service.citiesIn(call.request), call),
    RouteLength(call: ServerReadableStream<Point, Length>, done: sendUnaryData<Length>) {
      service.routeLength(call).then((length) => done(null, length), done);
    },
    NearestWhile(call: ServerDuplexStream<Point, unknown>) {
      // Else the end of the points would end what is written, too.
      const points: AsyncIterable<Point> = call.iterator({ destroyOnReturn: false });
      return answer(service.nearestWhile(points), call);
    },
  };
}

/** Writes as fast as gRPC takes it. */
async function answer(cities: Iterable<City> | AsyncIterable<City>, call: NodeJS.WritableStream): Promise<void> {
  async function* messages() {
    for await (const city of cities) yield plain(city);
  }
  await pipeline(messages, call).catch((error: unknown) => call.emit('error', error));
}
