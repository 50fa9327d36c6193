export { type ResolvedRetryPolicy, type RetryPolicy, type RetryThrottling, resolveRetry } from './policy.js';
export { Retries } from './retries.js';
