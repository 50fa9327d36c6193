export { CIRCUIT_OPEN, type CircuitBreakerOptions, type CircuitState, circuitBreaker } from './circuit-breaker.js';
export { type ConcurrencyOptions, concurrency } from './concurrency.js';
export { type DeadlineOptions, deadline } from './deadline.js';
export { type Logger, type LoggingOptions, type LogLevel, logging } from './logging.js';
export { retry } from './retry.js';
export { type TelemetryOptions, telemetry } from './telemetry.js';
