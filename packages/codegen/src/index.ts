export { type GeneratedFile, type GenerateOptions, generate, generateFiles, type WriteOptions } from './generate.js';
export { type GenOptions, type GenResult, runGen } from './run-gen.js';
