import { Echo } from './echo.js';

/** What clients offer in tests: the same as Echo, under another name. */
export const Callback: typeof Echo = { ...Echo, typeName: 'test.Callback' };
