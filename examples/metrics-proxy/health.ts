// The state of the migration as GET /health tells it, folded from what the engine reports while it works.
import type { MigrateError, Progress, RecordedEvent, SafeMigrationManager } from 'migrate-safe';

/** What a monitor reads. `events` counts what the journal has gained since the program began. */
export interface Health {
  readonly status: 'starting' | 'migrating' | 'ready' | 'failed';
  readonly schemaVersion: string | null;
  readonly doing: string | null;
  readonly applied: readonly string[];
  readonly backups: number;
  readonly events: number;
  readonly lastEvent: { readonly position: number; readonly type: string } | null;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

const UNKNOWN: Health = {
  status: 'starting',
  schemaVersion: null,
  doing: null,
  applied: [],
  backups: 0,
  events: 0,
  lastEvent: null,
  error: null,
};

/** The state after one more recorded fact. */
export function afterEvent(health: Health, event: RecordedEvent): Health {
  const { position, type } = event;
  const next: Health = { ...health, events: health.events + 1, lastEvent: { position, type } };
  switch (event.type) {
    case 'BackupTaken':
      return { ...next, backups: next.backups + 1 };
    case 'StepApplied':
      return { ...next, applied: [...next.applied, event.data.version] };
    case 'StepReverted':
      return { ...next, applied: next.applied.filter((version) => version !== event.data.version) };
    default:
      return next;
  }
}

/** The state after a report of what is going on. A step's events come with its commit; this comes while it runs. */
export function afterProgress(health: Health, progress: Progress): Health {
  switch (progress.kind) {
    case 'waiting':
      return { ...health, doing: 'waiting for another run' };
    case 'planned':
      return { ...health, status: health.status === 'starting' ? 'migrating' : health.status };
    case 'step-started':
      return { ...health, doing: `${progress.direction} ${progress.version} ${progress.description}` };
    default:
      return health;
  }
}

/** Listens to a manager from its construction until the manager is closed. */
export class MigrationHealth {
  #health = UNKNOWN;

  constructor(safe: SafeMigrationManager) {
    safe.onEvent((event) => {
      this.#health = afterEvent(this.#health, event);
    });
    safe.onProgress((progress) => {
      this.#health = afterProgress(this.#health, progress);
    });
  }

  get current(): Health {
    return this.#health;
  }

  ready(schemaVersion: string | null): void {
    this.#health = { ...this.#health, status: 'ready', schemaVersion, doing: null };
  }

  failed({ code, message, hint }: MigrateError): void {
    this.#health = { ...this.#health, status: 'failed', error: { code, message, hint } };
  }
}
