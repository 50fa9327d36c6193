/** What the workers of a server's pool run. */
import { runWorker } from '@callgate/core/kernel';
import { type CallgateOptions, compose } from './create.js';

await runWorker((composition, plugins) => compose({ ...(composition as CallgateOptions), plugins }));
