// Runs a statement that may drop or empty tables, and whatever hangs on them.
import { okAsync, type ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { PostgresConnection } from '../connection.js';
import { missed, withOwnImages } from './before-images.js';
import type { Ledger } from './ledger.js';
import { look, type Look } from './look.js';
import { takenAttributes, withAttributes } from './lost-attributes.js';
import { convertedIn, countLosses, lossesIn, wipedIn, withLosses, withStatement, type Uncounted } from './losses.js';
import { readChanges, type Changes } from './relations.js';
import type { StatementFacts, StatementResult } from './statement.js';

export type Send = () => ResultAsync<StatementResult, SqlError>;

/** Marks the place that a statement is taken back to when it turns out to lose what was not counted yet. */
const PLACE = 'migrate_safe_statement';

interface Place {
  readonly connection: PostgresConnection;
  readonly ledger: Ledger;
  readonly send: Send;
}

/** A statement that ran, and what it changed. */
interface Done {
  readonly result: StatementResult;
  readonly seen: Changes;
  readonly now: Look;
}

/**
 * Where it turns out to lose rows or values, or to change what nobody has looked at, it is taken back, that is counted with
 * nobody else near, and it runs again.
 */
export function runCounted(place: Place, facts: StatementFacts): ResultAsync<StatementResult, SqlError> {
  const { connection, ledger } = place;
  return ledger
    .catchUp()
    .andThen(() => connection.query(`SAVEPOINT ${PLACE}`))
    .andThen(() => watched(place))
    .andThen((done) => {
      const losses = lossesIn(done.seen, ledger.relations, ledger.account);
      const blind = missed(changedIn(ledger, done, facts), ledger.sight(done.now));
      return takenAttributes(connection, facts, done.now, ledger.account).andThen((uses) =>
        losses.relations.length + blind.length + uses.length === 0
          ? okAsync<Done, SqlError>(done)
          : again(place, { losses, blind, uses }),
      );
    })
    .andThen((done) =>
      connection
        .query(`RELEASE SAVEPOINT ${PLACE}`)
        .andThen(() => (wipedIn(done.seen).size === 0 ? okAsync(done.now) : look(connection, 'held')))
        .map((now) => {
          const { result, seen } = done;
          const keepsNames = facts.keepsNames || (facts.isPlain && !ledger.isReshaped(now));
          ledger.add(now, { wiped: wipedIn(seen), ...(facts.onlyUpdates ? { moves: ledger.rootOf } : {}) });
          ledger.account = withStatement(ledger.account, seen, { ...facts, keepsNames });
          return result;
        }),
    );
}

const watched = ({ connection, ledger, send }: Place): ResultAsync<Done, SqlError> =>
  send().andThen((result) =>
    readChanges(connection, ledger.present()).andThen((seen) =>
      look(connection, 'held').map((now): Done => ({ result, seen, now })),
    ),
  );

function again(place: Place, { losses, blind, uses }: Uncounted): ResultAsync<Done, SqlError> {
  const { connection, ledger } = place;
  return connection
    .query(`ROLLBACK TO SAVEPOINT ${PLACE}`)
    .andThen(() => countLosses(connection, losses))
    .andThen((counted) =>
      withOwnImages(connection, ledger.account, blind)
        .andThen((account) => withAttributes(connection, account, ledger.relations, uses))
        .andThen((account) =>
          look(connection, 'all').map((now) => {
            ledger.undid(now);
            ledger.account = account;
          }),
        )
        .andThen(() => watched(place))
        .map((done) => {
          ledger.account = withLosses(ledger.account, counted);
          return done;
        }),
    );
}

/** The relations of which a statement took or changed values. */
function changedIn(ledger: Ledger, { seen, now }: Done, facts: StatementFacts): readonly number[] {
  const rows = [...ledger.rowsIn(now)].filter(([, { updated, deleted }]) => updated + deleted > 0);
  return [...rows.map(([oid]) => oid), ...convertedIn(seen, facts)];
}
