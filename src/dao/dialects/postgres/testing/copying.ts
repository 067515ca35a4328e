// How copies of a template are made, by its size and the server's version.
import type { Bounds } from '../../../testing/stock.js';

const MB = 1024 * 1024;

/** What spares may take of the disk, and used ones that are not yet dropped. */
const SPARES = 512 * MB;
const USED = 512 * MB;

/**
 * From here on it is less work to copy files, between two checkpoints, than to write every page into the log.
 * https://www.postgresql.org/docs/current/sql-createdatabase.html#CREATE-DATABASE-STRATEGY
 */
const LARGE = 128 * MB;

export interface Copying {
  /** Behind CREATE DATABASE … TEMPLATE …. */
  readonly strategy: string;
  readonly bounds: Bounds;
}

/** `version` as `server_version_num` has it; before 15 there is one strategy. */
export const copying = ({ bytes, version }: { readonly bytes: number; readonly version: number }): Copying => ({
  strategy: version < 150_000 ? '' : ` STRATEGY ${bytes < LARGE ? 'WAL_LOG' : 'FILE_COPY'}`,
  bounds: { spares: within(8, SPARES, bytes), used: within(32, USED, bytes) },
});

const within = (most: number, allowance: number, bytes: number): number =>
  Math.max(1, Math.min(most, Math.floor(allowance / Math.max(bytes, 1))));
