// The rows' work by Prisma. What `prisma generate` writes of the schema is kept as data: its command is 200 packages, and
// asks for a binary of another host. Made again with PRISMA_SCHEMA_ENGINE_BINARY=/bin/true, from the schema in the data.
import { readFileSync } from 'node:fs';
import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import { PrismaPg } from '@prisma/adapter-pg';
import { getPrismaClient, type GetPrismaClientConfig } from '@prisma/client/runtime/client';
import { chunksOf, MOST_CONNECTIONS, type Change, type OpenWay, type Person, type Place } from '../way.js';

const GENERATED = new URL('../../../../bench/dao/ways/prisma-people.json', import.meta.url);
const RUNTIME = '@prisma/client/runtime/query_compiler_fast_bg';

/** What it sends at once by itself, no more than 32,766 values; it is no quicker with fewer. */
const ROWS_A_STATEMENT = 6000;

/** Known to Node; the compiler knows it of browsers only. */
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => object };

/** Of the client that is generated, what the rows use. */
interface Client {
  readonly person: {
    findUnique(of: { readonly where: { readonly id: number } }): PromiseLike<unknown>;
    create(of: { readonly data: Person }): PromiseLike<unknown>;
    update(of: { readonly where: { readonly id: number }; readonly data: Change }): PromiseLike<unknown>;
    findMany(of: { readonly take: number }): PromiseLike<readonly unknown[]>;
    createMany(of: { readonly data: readonly Person[] }): PromiseLike<unknown>;
  };
  $transaction(
    work: (transaction: Pick<Client, 'person'>) => Promise<void>,
    options: { readonly timeout: number },
  ): Promise<void>;
  $connect(): Promise<void>;
  $disconnect(): Promise<void>;
}

export async function prismaAt({ dialect, address }: Place): Promise<OpenWay> {
  const Constructor = getPrismaClient(configFor(dialect === 'sqlite' ? 'sqlite' : 'postgresql'));
  const adapter =
    dialect === 'sqlite'
      ? new PrismaBetterSqlite3({ url: address })
      : new PrismaPg({ connectionString: address, max: MOST_CONNECTIONS });
  const client = new Constructor({ adapter }) as unknown as Client;
  await client.$connect();
  const { person } = client;
  return {
    name: 'prisma',
    get: (id) => person.findUnique({ where: { id } }),
    insert: (data) => person.create({ data }),
    update: (id, data) => person.update({ where: { id }, data }),
    list: (take) => person.findMany({ take }),
    insertMany: (people) => {
      const chunks = chunksOf(people, ROWS_A_STATEMENT);
      return () =>
        client.$transaction(
          async (transaction) => {
            for (const data of chunks) await transaction.person.createMany({ data });
          },
          { timeout: 600_000 },
        );
    },
    close: () => client.$disconnect(),
  };
}

/** As the generated client has it: the same for both databases but for their name and the compiler of queries. */
function configFor(provider: 'sqlite' | 'postgresql'): GetPrismaClientConfig {
  const generated = JSON.parse(readFileSync(GENERATED, 'utf8')) as GetPrismaClientConfig;
  return {
    ...generated,
    activeProvider: provider,
    inlineSchema: generated.inlineSchema.replace('"postgresql"', `"${provider}"`),
    compilerWasm: {
      getRuntime: () => import(`${RUNTIME}.${provider}.mjs`) as ReturnType<Compiler['getRuntime']>,
      getQueryCompilerWasmModule: async () => {
        const { wasm } = (await import(`${RUNTIME}.${provider}.wasm-base64.mjs`)) as { readonly wasm: string };
        return new WebAssembly.Module(Buffer.from(wasm, 'base64'));
      },
      importName: './query_compiler_fast_bg.js',
    },
  };
}

type Compiler = NonNullable<GetPrismaClientConfig['compilerWasm']>;
