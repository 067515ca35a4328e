// Another process that runs one statement outside of a transaction, to be killed in the middle of it.
import pg from 'pg';
import { PostgresConnection } from '#src/dao/dialects/postgres/connection.js';
import { runOutside } from '#src/dao/dialects/postgres/step/outside/run-outside.js';
import { value } from './project.js';

const [url = '', sql = ''] = process.argv.slice(2);
const connection = value(await PostgresConnection.connect(pg, { connectionString: url }));
value(await connection.query('SET search_path = public'));
value(await runOutside(connection, sql));
value(await connection.close());
