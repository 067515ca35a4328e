// Why single tables could not be put back, in words that name the way on.
import type { History } from '../history/history.js';
import { stepsAt } from '../history/history.js';
import { migrateError, type MigrateError } from '../errors/migrate-error.js';
import { shellWord } from '../errors/shell-word.js';
import type { TableRestoreError } from '../ports/backup-source.js';
import type { NotKept } from '../ports/refusals.js';
import type { SqlError } from '../ports/session.js';
import { currentVersion } from '../steps/planner.js';
import { fromSql } from './as-error.js';
import type { RestoreContext } from './restore-context.js';

interface Refill {
  readonly context: RestoreContext;
  readonly tables: readonly string[];
  readonly history: History;
}

export function refillFailure(
  error: SqlError | TableRestoreError | NotKept<MigrateError>,
  refill: Refill,
): MigrateError {
  const { context, tables } = refill;
  const { id } = context.backup.manifest;
  const refused = (reason: string): MigrateError => migrateError({ kind: 'restore-failed', reason });
  switch (error.kind) {
    case 'not-kept':
      return error.error;
    case 'table-not-in-backup':
      return refused(`backup ${id} has no table ${error.table}`);
    case 'table-derived':
      return refused(
        `${error.table} is an index over content that it does not hold: restore the table behind it and fill the index anew, or restore the whole`,
      );
    case 'table-differs':
      return refused(
        `the columns of ${error.table} are not those of the backup: ${error.detail}; restore the whole, or revert the step that changed it`,
      );
    case 'foreign-keys-broken':
      return refused(
        `${error.rows} ${error.rows === 1 ? 'row' : 'rows'} of ${error.table} would point at rows that are not there; name the other tables too, for example --tables ${shellWord([...tables, error.table].join(','))}`,
      );
    case 'constraint':
      return refused(`rows of the backup do not fit the schema as it is now: ${error.message}; ${wayOn(refill)}`);
    default:
      return fromSql(error, context.ports.database.info.label, 'restoring tables');
  }
}

/** The steps since are what asks more of the rows than they could give then. */
function wayOn({ context, history }: Refill): string {
  const { backup, policy } = context;
  const ofComponent = (steps: History['steps']): string | null =>
    currentVersion(steps.filter(({ component }) => component === policy.component));
  const [then, now] = [ofComponent(stepsAt(history, backup.manifest.journal.position)), ofComponent(history.steps)];
  if (then === now) return 'somebody changed the schema by hand since';
  const whole = backup.manifest.kind === 'file' ? '; or restore the whole' : '';
  return `revert first what was applied since (migrate-safe down --to ${then ?? 'base'}), then type the same again${whole}`;
}
