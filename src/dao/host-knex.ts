// What of the host's own knex configuration the handles of its steps keep.
import type { Knex } from 'knex';

export interface HostKnexConfig {
  readonly wrapIdentifier?: Knex.Config['wrapIdentifier'];
  readonly postProcessResponse?: Knex.Config['postProcessResponse'];
  readonly useNullAsDefault?: boolean;
  readonly log?: Knex.Logger;
  /** PostgreSQL's search path, where the host sets one. */
  readonly searchPath?: string | readonly string[];
}

export const hostOf = ({
  wrapIdentifier,
  postProcessResponse,
  useNullAsDefault,
  log,
  searchPath,
}: Knex.Config): HostKnexConfig => ({
  ...(wrapIdentifier ? { wrapIdentifier } : {}),
  ...(postProcessResponse ? { postProcessResponse } : {}),
  ...(useNullAsDefault === undefined ? {} : { useNullAsDefault }),
  ...(log ? { log } : {}),
  ...(searchPath === undefined ? {} : { searchPath }),
});
