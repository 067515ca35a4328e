// Which database is meant comes from DATABASE_URL: its password belongs into no file that is checked in.
import { defineConfig } from 'migrate-safe';

export default defineConfig({
  database: 'postgres:///celestial_signs',
  steps: './migrations',
  backups: './backups',
  // One pg_dump before a run; every step has its transaction, and the tables that it touches their own copies, besides.
  fileBackup: 'each-run',
  keepRuns: 7,
});
