/** What a worker of a pool does: it loads its services, and runs their handlers for as long as the pool wants it. */
import { parentPort, workerData } from 'node:worker_threads';
import { encodeHello, type Interceptor } from '../../channel/index.js';
import { createCallbacks } from '../../client/index.js';
import { Reason, RpcError } from '../../errors/index.js';
import type { ServiceClass, ServiceMaker } from '../../server/index.js';
import {
  asideOver,
  countsIn,
  errorParts,
  IDS_PER_WORKER,
  methodTable,
  type PoolWorkerData,
  type Routes,
  routesById,
  routesOf,
  type ServicePart,
  type WorkerNotice,
  WorkerRuntime,
} from '../../server/pool/index.js';
import type { Kernel } from '../kernel.js';
import { badService, createServiceMaker, wordsOf } from '../services.js';
import type { Plugin } from '../tokens.js';
import { linkToWorker } from './means.js';
import { loadSetup } from './setup.js';

/**
 * The program of a worker; `compose` makes the kernel that its server has, of the composition that it was given and the
 * plug-ins of its setup. Ends the thread when the pool says so.
 */
export async function runWorker(compose: (composition: unknown, plugins: readonly Plugin[]) => Kernel): Promise<void> {
  const data = workerData as PoolWorkerData;
  const tell = (notice: WorkerNotice): void => parentPort?.postMessage(notice);
  const onError = (error: RpcError): void => tell({ kind: 'error', error: errorParts(error) });
  let runtime: WorkerRuntime;
  let end: () => Promise<void>;
  try {
    const setup = await loadSetup(data.setup);
    const kernel = compose(data.composition, setup.plugins ?? []);
    const maker = createServiceMaker(setup.provide);
    const interceptors = (service: { readonly typeName: string }): readonly Interceptor[] => [
      ...kernel.interceptorsOf(service.typeName),
      ...(setup.interceptors ?? []),
    ];
    let routes: Routes = [];
    for (const part of data.services)
      routes = [...routes, ...(await routesOfPart(part, maker, kernel, interceptors, onError))];
    for (const [place, counts] of countsIn(data.counts, routes.length).entries()) routes[place]!.counts = counts;
    const first = data.number * IDS_PER_WORKER;
    runtime = new WorkerRuntime({
      link: linkToWorker(data.memory, 'taker'),
      aside: asideOver(data.aside),
      limits: data.limits,
      routes,
      byId: routesById(routes),
      makeCallbacks: (channel) =>
        createCallbacks(channel, {
          speak: (service) => kernel.speak(service, kernel.codecOf(service.typeName)),
          interceptors,
          ids: [first, first + IDS_PER_WORKER - 1],
        }),
      onError,
    });
    end = async () => {
      await maker.end();
      await setup.end?.();
    };
    const hello = encodeHello({ ...data.limits, maxMessageBytes: 64, methods: methodTable(routes) });
    tell({ kind: 'ready', hello: hello.toString() });
  } catch (error) {
    tell({ kind: 'failed', error: errorParts(startFailure(error)) });
    return;
  }
  await runtime.run();
  try {
    await end();
  } catch (error) {
    onError(RpcError.from(error, 'INTERNAL'));
  }
  process.exit(0);
}

async function routesOfPart(
  part: ServicePart,
  maker: ServiceMaker,
  kernel: Kernel,
  interceptors: (service: { readonly typeName: string }) => readonly Interceptor[],
  onError: (error: RpcError) => void,
): Promise<Routes> {
  const { service, implementation } = await maker.load(part.module, part.export, part.typeName);
  const handlers =
    typeof implementation === 'function'
      ? maker.make(service, implementation as ServiceClass, onError)
      : (implementation as Readonly<Record<string, unknown>>);
  const spoken = kernel.speak(service, part.codec);
  return routesOf(spoken, handlers, interceptors(service));
}

/** What is wrong is the service's, or the setup's; a missing handler as well. */
function startFailure(error: unknown): RpcError {
  if (RpcError.is(error) && error.reason === Reason.BAD_SERVICE) return error;
  return badService(wordsOf(error), error);
}
