// Which words SQLite keeps to itself: those that cannot be a name unless they are quoted.

/** The keywords that SQLite 3.53 accepts neither as a table's nor as a column's bare name (each was tried); all others fall back to names. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  [
    'ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT',
    'DEFERRABLE DELETE DISTINCT DROP ELSE ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT',
    'INTERSECT INTO IS ISNULL JOIN LIMIT NOT NOTHING NOTNULL NULL ON OR ORDER PRIMARY REFERENCES',
    'RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION UNIQUE UPDATE USING VALUES WHEN WHERE',
  ].flatMap((line) => line.split(' ')),
);

/** Words that may be names but stand for a value where no such name is in scope: quoting them changes what they mean. */
export const CONSTANT_WORDS: ReadonlySet<string> = new Set([
  'TRUE',
  'FALSE',
  'CURRENT_DATE',
  'CURRENT_TIME',
  'CURRENT_TIMESTAMP',
]);
