// What a step written in code is to declare, as a line that can be pasted into it.
import type { Declarations, StepLanguage } from '../steps/migration-step.js';

type CodeLanguage = Exclude<StepLanguage, 'sql'>;

/** As a member of the step's object, or as an export beside `up` and `down`. */
const FORMS: Readonly<Record<CodeLanguage, (name: string, value: string) => string>> = {
  code: (name, value) => `${name}: ${value},`,
  'esm-exports': (name, value) => `export const ${name} = ${value};`,
  'cjs-exports': (name, value) => `exports.${name} = ${value};`,
};

/** The whole of `declares`: what it says already, and what is `missing`; nothing where nothing is. */
export function declarationLines(
  missing: { readonly [K in keyof Declarations]: ReadonlySet<string> },
  already: Declarations,
  foreignKeys: boolean,
  language: CodeLanguage,
): readonly string[] {
  const form = FORMS[language];
  const keys = ['touches', 'mayLoseRows', 'mayDrop', 'mayNull'] as const satisfies readonly (keyof Declarations)[];
  const members = keys.flatMap((key) => {
    const names = new Set([...(already[key] ?? []), ...(missing[key] ?? [])]);
    return names.size === 0 ? [] : [`${key}: [${[...names].map(literal).join(', ')}]`];
  });
  const more = Object.values(missing).some((names) => names.size > 0);
  return [
    ...(more ? [form('declares', `{ ${members.join(', ')} }`)] : []),
    ...(foreignKeys ? [form('foreignKeys', "'on'")] : []),
  ];
}

/** A name as a string of TypeScript in single quotes; JSON's escapes are valid there. */
const literal = (name: string): string =>
  `'${JSON.stringify(name).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
