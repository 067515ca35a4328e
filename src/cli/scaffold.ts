// The texts that `init` and `new` write: they run as they are, and say what to put in their place.

export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** An SQL step and what undoes it. A file without a statement is refused, so each has one that does nothing. */
export function sqlStep(stem: string, title: string): readonly SourceFile[] {
  return [
    {
      name: `${stem}.up.sql`,
      text: `-- ${title}
--
-- Write the change here, in place of the SELECT. It runs in one transaction, after a verified backup.
-- For example:
--
--   ALTER TABLE customers ADD COLUMN email TEXT;
--
-- A step that is meant to lose data says so, or it is rolled back: the refusal prints the line to add.

SELECT 1;
`,
    },
    {
      name: `${stem}.down.sql`,
      text: `-- Undoes ${stem}.up.sql: afterwards the schema is what it was before.
--
--   ALTER TABLE customers DROP COLUMN email;

SELECT 1;
`,
    },
  ];
}

/** A step in TypeScript that does nothing yet, and can be undone. */
export const tsStep = (stem: string, title: string): readonly SourceFile[] => [
  {
    name: `${stem}.ts`,
    text: lines(
      "import { defineStep } from 'migrate-safe';",
      '',
      `// ${title}`,
      '//',
      "// `knex` works inside the step's own transaction, after a verified backup. For example:",
      '//',
      "//   await knex.schema.alterTable('customers', (table) => table.text('email'));",
      '//',
      '// A step that is meant to lose data declares it, or it is rolled back: the refusal prints what to declare.',
      'export default defineStep({',
      '  async apply({ knex }) {',
      "    await knex.raw('SELECT 1');",
      '  },',
      '  async revert({ knex }) {',
      "    await knex.raw('SELECT 1');",
      '  },',
      '});',
    ),
  },
];

/** A first step that makes something, so that `up` and `down` show what they do. */
export const firstStep = (onServer: boolean): readonly SourceFile[] => [
  {
    name: '0001_create_settings.up.sql',
    text: `-- The first step: a small table. Change it to what you need before you apply it.

CREATE TABLE settings (
  name TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL,
  changed_at ${onServer ? 'TIMESTAMPTZ NOT NULL DEFAULT now()' : "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))"}
);
`,
  },
  { name: '0001_create_settings.down.sql', text: '-- Undoes 0001_create_settings.up.sql.\n\nDROP TABLE settings;\n' },
];

export interface ConfigText {
  readonly database: string;
  readonly steps: string;
  readonly backups: string;
  readonly component: string | undefined;
}

export const configFile = ({ database, steps, backups, component }: ConfigText): string =>
  lines(
    "import { defineConfig } from 'migrate-safe';",
    '',
    'export default defineConfig({',
    `  database: ${quoted(database)},`,
    `  steps: ${quoted(steps)},`,
    `  backups: ${quoted(backups)},`,
    ...(component === undefined ? [] : [`  component: ${quoted(component)},`]),
    '});',
  );

const lines = (...all: readonly string[]): string => `${all.join('\n')}\n`;
const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;

/** Of what `.gitignore` should leave out, the lines that it does not have yet. */
export function missingIgnores(present: string, wanted: readonly string[]): readonly string[] {
  const lines = new Set(present.split(/\r?\n/).map((line) => line.trim().replace(/^\//, '')));
  return wanted.filter((line) => !lines.has(line) && !lines.has(line.replace(/\/$/, '')));
}
