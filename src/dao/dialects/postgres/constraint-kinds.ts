// What a constraint can be since PostgreSQL 18, asked so that older servers, whose catalog has no such column, answer too.

/** False for one that is declared and never checked: it is not valid, and cannot become so. `alias`: of `pg_constraint`. */
export const isEnforced = (alias: string): string =>
  `coalesce((pg_catalog.to_jsonb(${alias}) ->> 'conenforced')::boolean, true)`;
