// Tables in which other migration tools keep their history, by the names they have by default.
import { foldAscii } from '../core/schema/names.js';

const HISTORY_TABLES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    knex: ['knex_migrations', 'knex_migrations_lock'],
    Kysely: ['kysely_migration', 'kysely_migration_lock'],
    Prisma: ['_prisma_migrations'],
    Drizzle: ['__drizzle_migrations'],
    Sequelize: ['SequelizeMeta'],
    TypeORM: ['migrations', 'typeorm_migrations'],
    MikroORM: ['mikro_orm_migrations'],
    Flyway: ['flyway_schema_history'],
    Liquibase: ['DATABASECHANGELOG', 'DATABASECHANGELOGLOCK'],
    Alembic: ['alembic_version'],
    Django: ['django_migrations'],
    'Rails, dbmate or golang-migrate': ['schema_migrations'],
    Rails: ['ar_internal_metadata'],
    goose: ['goose_db_version'],
    Atlas: ['atlas_schema_revisions'],
    Diesel: ['__diesel_schema_migrations'],
    SQLx: ['_sqlx_migrations'],
    Refinery: ['refinery_schema_history'],
    'Entity Framework': ['__EFMigrationsHistory', '__EFMigrationsLock'],
    'Cloudflare D1': ['d1_migrations'],
    'sqlite-migrate': ['_sqlite_migrations'],
    yoyo: ['_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock'],
    Phinx: ['phinxlog'],
    Doctrine: ['doctrine_migration_versions'],
    GRDB: ['grdb_migrations'],
  }).flatMap(([tool, tables]) => tables.map((table) => [foldAscii(table), tool] as const)),
);

/** The tool whose history a table of this name holds by default; undefined for any other name. */
export function historyTableOf(name: string): string | undefined {
  return HISTORY_TABLES.get(foldAscii(name));
}
