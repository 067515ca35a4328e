// What it takes to work on PostgreSQL, in one module that is loaded only where a database is one.
export { PostgresCopyFiles } from './backup/copy-files.js';
export { PostgresServer } from './backup/server.js';
export { PostgresConnection } from './connection.js';
export { loadDriver } from './load-driver.js';
export { OpenPostgresDatabase } from './open-database.js';
export { lockFor } from './choose-lock.js';
