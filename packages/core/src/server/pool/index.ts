/** What the program of a worker is made of, and what a pool needs of who composes it. */
export { methodTable, type Routes, routesById, routesOf } from '../router.js';
export { errorFrom, errorParts } from './error-parts.js';
export {
  asideOver,
  type ErrorParts,
  IDS_PER_WORKER,
  type PoolLimits,
  type PoolMeans,
  type PoolWorkerData,
  type ServicePart,
  type WorkerNotice,
} from './threads.js';
export { countsIn } from './worker-counts.js';
export { WorkerRuntime, type WorkerRuntimeOptions } from './worker-runtime.js';
