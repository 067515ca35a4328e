// Stack traces point at the .ts files; `node-option: enable-source-maps` would start a second node for it.
import { doAll } from './at-end.js';

process.setSourceMapsEnabled(true);

export const mochaHooks = { afterAll: doAll };
