// The catalogue of errors: kind -> stable code, exit code, whether a retry can help, what happened, what to type next.
import { CHECKS } from './catalogue/checks.js';
import { CONFIG } from './catalogue/config.js';
import type { Words } from './catalogue/entry.js';
import { RUNS } from './catalogue/runs.js';
import { STEP_FILES } from './catalogue/step-files.js';
import { STEPS } from './catalogue/steps.js';
import type { ErrorFacts } from './facts.js';

export type { Entry } from './catalogue/entry.js';

/** One entry per kind of error; the reference page is made from it. */
export const CATALOGUE: Words<ErrorFacts> = { ...CONFIG, ...STEP_FILES, ...CHECKS, ...STEPS, ...RUNS };
