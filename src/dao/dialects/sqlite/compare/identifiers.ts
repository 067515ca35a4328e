// Names of tables and columns as SQLite reads them: quoting for SQL text, and which two names are the same.

/** The name as an SQL identifier, whatever characters it has. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The table in the main schema, so that a TEMP table of the same name never stands in for it. */
export function mainTable(name: string): string {
  return `main.${identifier(name)}`;
}

/** Two names are the same exactly when their folds are: SQLite ignores the case of A to Z only. */
export function foldName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
