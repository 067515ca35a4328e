// Stack traces point at the .ts files; `node-option: enable-source-maps` would start a second node for it.
import { beginList, removeAll } from './at-end.js';

process.setSourceMapsEnabled(true);

/** Once for all processes that share the files. */
export const mochaGlobalSetup = beginList;
export const mochaGlobalTeardown = removeAll;
