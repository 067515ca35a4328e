// The triggers that keep an append-only table of PostgreSQL as it is, whoever writes.
import type { Guarded } from '../../../table/guarded.js';
import { quoted } from '../name.js';

const MOST_BYTES = 63;

export function appendOnly({ schema, table, position }: Guarded): {
  readonly apply: string[];
  readonly revert: string[];
} {
  const inSchema = schema === undefined ? '' : `${quoted(schema)}.`;
  const on = `${inSchema}${quoted(table)}`;
  const refuse = `${inSchema}${quoted(shortened(table, '_append_only'))}`;
  const inTurn = `${inSchema}${quoted(shortened(table, '_in_turn'))}`;
  const at = quoted(position);
  return {
    apply: [
      `CREATE FUNCTION ${refuse}() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $guard$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $guard$`,
      // Another one has appended meanwhile: a transaction that begins again finds the new end.
      `CREATE FUNCTION ${inTurn}() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $guard$
DECLARE
  next bigint;
BEGIN
  EXECUTE pg_catalog.format('SELECT coalesce(pg_catalog.max(%I), 0) + 1 FROM %I.%I', ${literal(position)}, TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO next;
  IF NEW.${at} IS DISTINCT FROM next THEN
    RAISE EXCEPTION '% does not end where this row begins', TG_TABLE_NAME USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN NEW;
END $guard$`,
      `CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ${on} FOR EACH STATEMENT EXECUTE FUNCTION ${refuse}()`,
      `CREATE TRIGGER in_turn BEFORE INSERT ON ${on} FOR EACH ROW EXECUTE FUNCTION ${inTurn}()`,
    ],
    revert: [
      `DROP TRIGGER in_turn ON ${on}`,
      `DROP TRIGGER append_only ON ${on}`,
      `DROP FUNCTION ${inTurn}()`,
      `DROP FUNCTION ${refuse}()`,
    ],
  };
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A name that PostgreSQL would cut short must still end as it was meant. */
function shortened(name: string, ending: string): string {
  const letters = [...name];
  while (Buffer.byteLength(letters.join('') + ending) > MOST_BYTES) letters.pop();
  return letters.join('') + ending;
}
