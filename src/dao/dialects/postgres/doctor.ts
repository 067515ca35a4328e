// Looks at what a run on PostgreSQL needs: a server that lets this role in and work, its tools, nothing in the way.
import type { ClientConfig } from 'pg';
import type { DatabaseDoctor, HealthCheck } from '../../../core/ports/doctor.js';

export class PostgresDoctor implements DatabaseDoctor {
  readonly #options: ClientConfig;
  readonly #label: string;

  /** `label`: `postgres://host:port/name`, without user and secrets. */
  constructor(options: ClientConfig, label: string) {
    this.#options = options;
    this.#label = label;
  }

  /** What it takes is loaded now: who asks no doctor needs neither driver nor questions. */
  async examine(): Promise<readonly HealthCheck[]> {
    const { examineServer } = await import('./doctor/examine.js');
    return examineServer(this.#options, this.#label);
  }
}
