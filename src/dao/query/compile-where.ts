// From conditions to the text of a WHERE, checked again for callers whom no compiler told.
import { err, ok, Result } from 'neverthrow';
import type { InvalidCall, InvalidRow } from '../dao-error.js';
import { unfit } from '../table/column.js';
import type { CompiledColumn, CompiledTable } from '../table/compiled-table.js';
import type { Statement } from './statement.js';
import { combinationOf, type Combined } from './where.js';
import type { AnyTable } from '../table/table.js';

type Sql = Result<string, InvalidCall | InvalidRow>;
type Operator = (column: CompiledColumn, value: unknown, into: Writing) => Sql;

interface Writing {
  readonly table: CompiledTable;
  readonly statement: Statement;
}

/** The text of a condition; `TRUE` where it asks nothing. */
export function compileWhere(where: object, into: Writing): Sql {
  if (where === null || typeof where !== 'object')
    return err(into.table.refused('a condition is an object of columns, or made by and, or, not'));
  const combination = combinationOf(where);
  if (combination === undefined) return columnsOf(where, into);
  const { parts } = where as Combined<AnyTable>;
  return Result.combine(parts.map((part) => compileWhere(part, into))).map((texts) => {
    if (combination === 'not') return `(${texts[0] ?? 'TRUE'}) IS NOT TRUE`;
    return joined(texts, combination === 'and' ? 'AND' : 'OR');
  });
}

/** Whether a condition asks anything at all: one that came out empty by mistake means every row. */
export function asksNothing(where: object): boolean {
  const combination = combinationOf(where);
  if (combination === undefined) return Object.keys(where).length === 0;
  const { parts } = where as Combined<AnyTable>;
  return combination === 'and' ? parts.every(asksNothing) : combination === 'or' && parts.some(asksNothing);
}

const joined = (texts: readonly string[], by: 'AND' | 'OR'): string =>
  texts.length === 0
    ? by === 'AND'
      ? 'TRUE'
      : 'FALSE'
    : texts.length === 1
      ? (texts[0] ?? '')
      : `(${texts.join(` ${by} `)})`;

function columnsOf(where: object, into: Writing): Sql {
  const { table } = into;
  if (!isPlain(where)) return err(table.refused('a condition is an object of columns, or made by and, or, not'));
  return Result.combine(
    Object.entries(where).map(([name, condition]) =>
      table.column(name).andThen((column) => conditionOf(column, condition, into)),
    ),
  ).map((texts) => joined(texts, 'AND'));
}

function conditionOf(column: CompiledColumn, condition: unknown, into: Writing): Sql {
  const { table } = into;
  if (condition === undefined)
    return err(table.refused(`the condition of ${column.name} is undefined: leave it out, or ask for null`));
  if (!isPlain(condition)) return equality(false)(column, condition, into);
  // Every row would be meant by what was left empty by mistake.
  if (Object.keys(condition).length === 0)
    return err(table.refused(`the condition of ${column.name} is empty: leave it out`));
  return Result.combine(
    Object.entries(condition).map(([name, value]): Sql => {
      const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
      if (operator === undefined) return err(table.refused(`${column.name}: ${JSON.stringify(name)} is no operator`));
      if (value === undefined) return err(table.refused(`${column.name}: ${name} is undefined: leave it out`));
      if (!(ALLOWED[column.kind] ?? ALL).has(name))
        return err(table.refused(`${column.name}: a column of ${column.kind} has no ${name}`));
      return operator(column, value, into);
    }),
  ).map((texts) => joined(texts, 'AND'));
}

/** Object literals, and what JSON gives; dates, bytes and lists are values. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const bind = (column: CompiledColumn, value: unknown, { table, statement }: Writing): Sql =>
  table.given(column, value).map((encoded) => statement.flavour.bound(column, statement.bind(encoded)));

function equality(negated: boolean): Operator {
  return (column, value, into) => {
    if (column.kind === 'json' && value !== null)
      return err(into.table.refused(`${column.name}: JSON is not compared; ask with a query of your own`));
    if (value === null) return ok(`${column.sql} IS ${negated ? 'NOT ' : ''}NULL`);
    const { isDistinct } = into.statement.flavour;
    // For a column that always holds something the plain operator says the same, and indexes serve it.
    const operator = negated ? (column.nullable ? isDistinct : '<>') : '=';
    return bind(column, value, into).map((bound) => `${column.sql} ${operator} ${bound}`);
  };
}

const compared =
  (operator: string): Operator =>
  (column, value, into) => {
    const { flavour } = into.statement;
    if (value === null) return err(into.table.refused(`${column.name}: nothing is ${operator} null`));
    return bind(column, value, into).map(
      (bound) => `${flavour.comparable(column, column.sql)} ${operator} ${flavour.comparable(column, bound)}`,
    );
  };

const matching =
  (where: 'contains' | 'startsWith' | 'endsWith'): Operator =>
  (column, part, { table, statement }) => {
    if (typeof part !== 'string') return err(table.refused(`${column.name}: ${where} takes text`));
    // What no text holds, none contains.
    if (unfit('text', part) !== undefined) return ok('FALSE');
    const { operator, pattern } = statement.flavour.matches(where, part);
    return ok(`${column.sql} ${operator} ${statement.bind(pattern)}`);
  };

function listed(negated: boolean): Operator {
  return (column, list, into) => {
    const { table, statement } = into;
    if (!Array.isArray(list)) return err(table.refused(`${column.name}: in and notIn take a list`));
    if (list.includes(null)) return err(table.refused(`${column.name}: null is in no list; ask for isNull beside it`));
    if (list.length === 0) return ok(negated ? 'TRUE' : 'FALSE');
    return Result.combine(list.map((value: unknown) => table.given(column, value))).map((encoded) => {
      const test = oneOf(column, encoded, statement);
      return negated ? `(${test}) IS NOT TRUE` : test;
    });
  };
}

function oneOf(column: CompiledColumn, encoded: readonly unknown[], statement: Statement): string {
  const { flavour } = statement;
  const list = flavour.isIn(column, encoded);
  return list.test(column.sql, statement.bind(list.value));
}

const OPERATORS: Readonly<Record<string, Operator>> = {
  eq: equality(false),
  ne: equality(true),
  gt: compared('>'),
  gte: compared('>='),
  lt: compared('<'),
  lte: compared('<='),
  in: listed(false),
  notIn: listed(true),
  contains: matching('contains'),
  startsWith: matching('startsWith'),
  endsWith: matching('endsWith'),
  isNull: (column, value, { table }) => {
    if (typeof value !== 'boolean') return err(table.refused(`${column.name}: isNull is true or false`));
    return ok(`${column.sql} IS ${value ? '' : 'NOT '}NULL`);
  },
};
const SAME = ['eq', 'ne', 'in', 'notIn', 'isNull'] as const;
const ORDER = ['gt', 'gte', 'lt', 'lte'] as const;
const ALL: ReadonlySet<string> = new Set([...SAME, ...ORDER]);
const ALLOWED: Readonly<Partial<Record<string, ReadonlySet<string>>>> = {
  text: new Set([...ALL, 'contains', 'startsWith', 'endsWith']),
  boolean: new Set(SAME),
  bytes: new Set(SAME),
  json: new Set(['isNull', 'eq', 'ne']),
};
