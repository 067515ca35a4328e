// Loads step and config files in TypeScript or JavaScript, without a flag or a build, on every Node that is supported.
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ModuleLoader } from './module-step.js';

/**
 * jiti gives the same module identities as the host and loads all forms of modules; it is itself loaded only now.
 * `migrate-safe` in a file means this package, wherever the file lies.
 */
export const loadModule: ModuleLoader = async (file) => {
  const { createJiti } = await import('jiti');
  const alias = { 'migrate-safe': fileURLToPath(new URL('../index.js', import.meta.url)) };
  return createJiti(import.meta.url, { alias }).import(pathToFileURL(file).href);
};
