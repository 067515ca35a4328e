// What is known of one statement before it is run.
import type { OutsideTransaction, SetColumns } from '../../../../core/ports/script-splitter.js';

/** A name as the parser folded it; without a schema it is looked up along the search path. */
export interface WrittenName {
  readonly schema?: string;
  readonly name: string;
}

/** What is more to a statement than running it: what it leaves when it fails, and how that is cleared. */
export type OutsideAction =
  /** Without a name the server makes one up. */
  | {
      readonly kind: 'create-index';
      readonly table: WrittenName;
      readonly name?: string;
      readonly ifNotExists: boolean;
    }
  | { readonly kind: 'drop-index'; readonly index: WrittenName }
  | { readonly kind: 'reindex'; readonly scope: 'index' | 'table'; readonly of: WrittenName }
  | { readonly kind: 'reindex'; readonly scope: 'database' }
  | { readonly kind: 'detach-partition'; readonly parent: WrittenName; readonly partition: WrittenName };

export interface StatementFacts {
  /** `end` for what ends a transaction, PREPARE TRANSACTION too; `savepoint` for what does neither. */
  readonly control?: 'begin' | 'end' | 'savepoint';
  readonly onlyAdds: boolean;
  readonly sets?: SetColumns;
  readonly outside?: OutsideTransaction;
  readonly action?: OutsideAction;
}
