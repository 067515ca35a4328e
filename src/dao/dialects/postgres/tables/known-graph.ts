// What hangs on what in a database as it was read last, for as long as its schema says that this is what it still is.
import type { ResultAsync } from 'neverthrow';
import type { SqlError } from '../../../../core/ports/session.js';
import type { SchemaSnapshot } from '../../../../core/schema/snapshot.js';
import type { PostgresConnection } from '../connection.js';
import type { Graph } from './graph.js';
import { keepsGraph } from './kept-graph.js';
import { readGraph } from './read-graph.js';

export class KnownGraph {
  #known: { readonly graph: Graph; readonly schema: SchemaSnapshot } | undefined;

  /** Where it is known, in a database of this schema. */
  of(schema: SchemaSnapshot | undefined): Graph | undefined {
    const known = this.#known;
    if (known === undefined || schema === undefined || !keepsGraph(known.schema, schema)) return undefined;
    this.#known = { ...known, schema };
    return known.graph;
  }

  /** Of a database that had this schema just before, where that is known. */
  read(connection: PostgresConnection, schema: SchemaSnapshot | undefined): ResultAsync<Graph, SqlError> {
    return readGraph(connection).map((graph) => {
      this.#known = schema === undefined || graph.hasMembers ? undefined : { graph, schema };
      return graph;
    });
  }
}
