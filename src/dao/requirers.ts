// Where drivers are looked for.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** From the application's folder first, then from this package's. */
export const requirers = (): readonly NodeJS.Require[] => [createRequire(`${process.cwd()}/package.json`), require];
