// How the text of a module exports its step: what it is told to add must be in a form that it can take.
import type { StepLanguage } from '../core/steps/migration-step.js';

const ESM_UP = /^\s*export\s+(?:(?:async\s+)?function\*?|const|let|var)\s+up\b|^\s*export\s*\{[^}]*\bup\b[^}]*\}/m;
const CJS_UP = /\bexports\.up\s*=/;

/** Only its text tells: loaded, the exports of all forms look the same. */
export const moduleLanguage = (text: string): StepLanguage =>
  ESM_UP.test(text) ? 'esm-exports' : CJS_UP.test(text) ? 'cjs-exports' : 'code';
