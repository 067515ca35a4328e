// The text of a table's declaration and DAO, and of their tests: compiling, and formatted.
import type { LiveColumn, LiveTable } from './live-table.js';
import { fileName, key, list, literal, member, typeName, WIDTH } from './type-script.js';

export interface DaoToWrite extends LiveTable {
  /** Columns of the key, in its order. */
  readonly primaryKey: readonly string[];
  /** Why no row can be made up for a test. */
  readonly todo?: string;
}

export interface GeneratedFile {
  readonly name: string;
  readonly text: string;
}

export function daoFile(table: DaoToWrite): GeneratedFile {
  const name = typeName(table.name);
  const uses = new Set(table.columns.flatMap((column) => column.uses ?? []));
  const imported = ['Dao', 'defineTable', ...[...uses].toSorted(), 'type AppDatabase'];
  const long = table.columns.flatMap((column) => longValues(column));
  const lines = [
    `// The table ${inComment(table.name)} and its DAO, made from the live schema: a beginning, yours to change.`,
    `import { ${imported.join(', ')} } from 'migrate-safe/dao';`,
    `import * as z from 'zod';`,
    '',
    ...long.flatMap(({ constant, values }) => [list(`const ${constant} = `, values.map(literal), ' as const;'), '']),
    `export const ${name} = defineTable(`,
    `  ${literal(table.name)},`,
    '  {',
    ...table.columns.flatMap(columnLines),
    '  },',
    '  {',
    ...optionLines(table),
    '  },',
    ');',
    '',
    `export class ${name}Dao extends Dao<typeof ${name}> {`,
    '  constructor(database: AppDatabase) {',
    `    super(database, ${name});`,
    '  }',
    '}',
    '',
  ];
  return { name: `${fileName(table.name)}-dao.ts`, text: lines.join('\n') };
}

function columnLines(column: LiveColumn): readonly string[] {
  const note = column.note === undefined ? [] : [['    //', inComment(column.note)].join(' ')];
  const [long] = longValues(column);
  return [...note, long === undefined ? columnLine(column) : columnLine(column, long.constant)];
}

function columnLine({ name, schema, nullable }: LiveColumn, constant?: string): string {
  const declared = typeof schema === 'string' ? schema : enumOf(constant ?? listOf(schema.oneOf));
  return `    ${key(name)}: ${declared}${nullable ? '.nullable()' : ''},`;
}
const enumOf = (values: string): string => `z.enum(${values})`;
const listOf = (values: readonly string[]): string => `[${values.map(literal).join(', ')}]`;

/** Values that do not fit into the line of their column. */
function longValues(column: LiveColumn): readonly { readonly constant: string; readonly values: readonly string[] }[] {
  const { name, schema } = column;
  if (typeof schema === 'string' || columnLine(column).length <= WIDTH) return [];
  return [{ constant: `VALUES_OF_${fileName(name).replaceAll('-', '_').toUpperCase()}`, values: schema.oneOf }];
}

function optionLines({ primaryKey, schema, columns }: DaoToWrite): readonly string[] {
  const [first = '', ...others] = primaryKey;
  const named = (written: LiveColumn['written']): readonly string[] =>
    columns.filter((column) => column.written === written).map(({ name }) => literal(name));
  const [defaults, generated] = [named('default'), named('generated')];
  return [
    others.length === 0 ? `    primaryKey: ${literal(first)},` : list('    primaryKey: ', primaryKey.map(literal), ','),
    ...(schema === undefined ? [] : [`    schema: ${literal(schema)},`]),
    ...(defaults.length === 0 ? [] : [list('    defaults: ', defaults, ',')]),
    ...(generated.length === 0 ? [] : [list('    generated: ', generated, ',')]),
  ];
}

/** `kit`: the options of the test kit, in TypeScript. */
export function testFile(table: DaoToWrite, kit: string): GeneratedFile {
  const dao = `${typeName(table.name)}Dao`;
  const file = fileName(table.name);
  const second = table.todo === undefined ? insertTest(table, dao) : todoTest(table.todo);
  const text = `// Tests of ${dao}, each with a database of its own in which all steps are applied.
import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, test } from 'node:test';
import { createTestKit, type FreshDatabase } from 'migrate-safe/testing';
import { ${dao} } from './${file}-dao.js';

const kit = createTestKit({
${kit}
});
let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await kit.fresh();
});
afterEach(() => fresh.remove());
after(() => kit.close());

test('every column is there', async () => {
  const rows = await new ${dao}(fresh.database).list({ limit: 1 });
  assert(rows.isOk());
});

${second}
`;
  return { name: `${file}-dao.test.ts`, text };
}

const todoTest = (todo: string): string => `test.todo(${literal('a row is inserted and read back: '.concat(todo))});`;

function insertTest({ columns, primaryKey }: DaoToWrite, dao: string): string {
  const given = columns.flatMap((column) =>
    isNeeded(column) ? [`    ${key(column.name)}: ${exampleOf(column)},\n`] : [],
  );
  const [first = '', ...others] = primaryKey;
  const fields = primaryKey.map((name) => `    ${key(name)}: made.value${member(name)},\n`).join('');
  const row = given.length === 0 ? '{}' : `{\n${given.join('')}  }`;
  const keyOfRow = others.length === 0 ? `made.value${member(first)}` : `{\n${fields}  }`;
  return `test('a row is inserted and read back', async () => {
  const dao = new ${dao}(fresh.database);
  const made = await dao.insert(${row});
  assert(made.isOk());
  const read = await dao.get(${keyOfRow});
  assert(read.isOk());
  assert.deepEqual(read.value, made.value);
});`;
}

/** What an insert must give. */
export const isNeeded = ({ nullable, written }: LiveColumn): boolean => !nullable && written === 'given';

const exampleOf = ({ schema, example = '' }: LiveColumn): string =>
  typeof schema === 'string' ? example : literal(schema.oneOf[0] ?? '');

const inComment = (text: string): string => text.replaceAll(/[\r\n\u2028\u2029]+/g, ' ');
