export * from './code.js';
export {
  type DefinedError,
  type DefinedErrorClass,
  type DefinedErrorOptions,
  defineError,
  type ErrorDefinition,
  type ErrorFields,
} from './define-error.js';
export { type DetailType, detail, type ErrorDetail } from './details.js';
export * from './errno.js';
export * from './metadata-view.js';
export * from './reason.js';
export * from './rpc-error.js';
