export {
  type ResolvedRetryPolicy,
  type RetryPolicy,
  type RetryThrottling,
  resolveRetry,
  retryBackoffMs,
} from './policy.js';
export { Retries } from './retries.js';
export { Throttle as RetryThrottle } from './throttle.js';
