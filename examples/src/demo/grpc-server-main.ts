/** The same city service, offered by gRPC-js over a Unix socket, to compare with. */
import { jobOf, onLifelineEnd } from '@callgate/bench';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { RpcError } from 'callgate';
import { openAtlas } from './atlas.js';
import { loadGeo } from './grpc.js';
import { plain } from './grpc-messages.js';
import { grpcHandlers } from './grpc-streams.js';
import type { ServerJob } from './server-main.js';
import { createGeoService } from './service.js';

const { url } = jobOf<ServerJob>();
const service = createGeoService(openAtlas());

/** A handler of Callgate's kind as one of gRPC's. */
function adapt<Request, Reply>(handle: (request: Request) => Reply) {
  return ({ request }: ServerUnaryCall<Request, unknown>, done: sendUnaryData<unknown>) => {
    try {
      done(null, plain(handle(request)));
    } catch (error) {
      done({ code: RpcError.is(error) ? error.status : status.UNKNOWN, details: (error as Error).message });
    }
  };
}

const server = new Server();
server.addService(loadGeo().service, {
  LookUp: adapt(service.lookUp),
  Nearest: adapt(service.nearest),
  Statistics: adapt(service.statistics),
  ...grpcHandlers(service),
});
await new Promise<void>((resolve, reject) =>
  server.bindAsync(url, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve())),
);
onLifelineEnd(async () => server.forceShutdown());
console.log('ready');
