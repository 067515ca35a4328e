// What a constraint can be since PostgreSQL 18, asked so that older servers, whose catalog has no such column, answer too.

const since18 = (column: string, alias: string, before: boolean): string =>
  `coalesce((pg_catalog.to_jsonb(${alias}) ->> '${column}')::boolean, ${before})`;

/** False for one that is declared and never checked: it is not valid, and cannot become so. `alias`: of `pg_constraint`. */
export const isEnforced = (alias: string): string => since18('conenforced', alias, true);

/** Of a foreign key: the rows of a period may have several parents that cover it together. */
export const isTemporal = (alias: string): string => since18('conperiod', alias, false);
