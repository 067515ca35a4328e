// Runs the metrics-proxy example as a reader of its README does: the demo whole, the service, and every command in the text.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { openReadOnlyDatabase } from 'migrate-safe/dao';
import { freshDatabase } from '../support/postgres.js';
import { value } from '../support/project.js';

const EXAMPLE = path.resolve('examples/metrics-proxy');
const BUILT = path.resolve('.build/examples/metrics-proxy');
const README = readFileSync(path.join(EXAMPLE, 'README.md'), 'utf8');
const COMMANDS = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block.split('\n').filter((line) => line.trim() !== ''),
);

const PLAIN = { ...process.env, NO_COLOR: '1' };

async function run(
  script: string,
  args: readonly string[],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [script, ...args], { env: PLAIN, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, exit] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  const [code]: (number | null)[] = exit;
  return { code: code ?? null, out, err };
}

describe('example metrics-proxy', function () {
  this.timeout(120_000);

  describe('the demo', () => {
    let demo: { code: number | null; out: string; err: string };
    before(async () => {
      demo = await run(path.join(BUILT, 'demo.js'), []);
    });

    it('finds everything true that it shows', () => {
      expect(demo.err).to.equal('');
      expect(demo.out).to.match(/^ +(\d+) of \1 checks hold/m);
      expect(demo.out).not.to.include('✖ did not hold');
      expect(demo.code).to.equal(0);
    });

    it('shows what it promises: failure, guard, restore, kill and recovery', () => {
      for (const shown of [
        'no such table: daily_costs',
        '[MS-STEP-FAILED]',
        '[MS-GUARD-LOSS]',
        'nothing is lost: every row is what it was   100,001 requests, 1,948 errors',
        'January is back, every row of it   100,001 requests, 1,948 errors',
        'exit SIGKILL',
        'nothing of it committed',
        'it recovers by itself',
        'the whole journal is what was written',
      ]) {
        expect(demo.out).to.include(shown);
      }
    });

    it('reads the same rows after every scene but the purge', () => {
      const digests = [...demo.out.matchAll(/100,001 requests, 1,948 errors, sha256 (\w+)/g)].map(
        ([, digest]) => digest,
      );
      expect(digests).to.have.length.greaterThan(6);
      expect(new Set(digests).size).to.equal(1);
    });

    it('writes no colour where nobody sees it', () => {
      expect(demo.out).not.to.include('\u001b');
    });
  });

  describe('the README', () => {
    let folder: string;
    const servers: ChildProcess[] = [];
    const stopAll = async (): Promise<void> => {
      for (const server of servers.splice(0)) {
        if (server.exitCode !== null || server.signalCode !== null) continue;
        server.kill('SIGTERM');
        await once(server, 'exit');
      }
    };
    before(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'metrics-proxy-'));
    });
    afterEach(stopAll);
    after(() => rmSync(folder, { recursive: true, force: true }));

    it('names only commands that exist', () => {
      const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
      for (const command of COMMANDS) {
        const [program = '', first = '', second = ''] = command.split(' ');
        if (program === 'npm') expect(first === 'run' && second in scripts, command).to.equal(true);
        else if (program === 'node') expect(existsSync(first), command).to.equal(true);
        else expect(command).to.match(/^(npx tsc -b examples$|curl -s )/);
      }
      expect(scripts['demo']).to.match(/node \.build\/examples\/metrics-proxy\/demo\.js$/);
    });

    it('names every file of the example', () => {
      const files = readdirSync(EXAMPLE).filter((name) => name.endsWith('.ts'));
      for (const file of files) expect(README).to.include(`\`${file}\``);
    });

    for (const on of ['sqlite', 'postgres'] as const)
      it(`has servers that start as it says, and answer as it says, on ${on}`, async function () {
        const postgres = on === 'postgres' ? await freshDatabase(this) : undefined;
        const env = { ...PLAIN, ...(postgres ? { DATABASE_URL: postgres.url } : {}) };
        const urls = new Map<string, string>();
        for (const command of COMMANDS.filter((line) => line.includes('serve.js'))) {
          const [, port = ''] = /--port (\d+)/.exec(command) ?? [];
          const told = command.replace(`--port ${port}`, '--port 0');
          const [, script = '', ...args] = (postgres ? told.replace(/ --database \S+/, '') : told).split(' ');
          const server = spawn(process.execPath, [path.resolve(script), ...args], {
            cwd: folder,
            env,
            stdio: ['ignore', 'pipe', 'inherit'],
          });
          servers.push(server);
          urls.set(port, await listeningOn(server));
        }
        expect([...urls.values()].join(' ')).to.match(/^http:\/\/127\.0\.0\.1:\d+ http:\/\/127\.0\.0\.1:\d+$/);

        const answers: { status: number; body: unknown }[] = [];
        for (const line of COMMANDS.filter((one) => one.startsWith('curl'))) {
          const [, port = '', target = '', body] =
            /^curl -s '?http:\/\/127\.0\.0\.1:(\d+)([^ ']+)'?(?: -d '(.*)')?$/.exec(line) ?? [];
          const form = { 'content-type': 'application/x-www-form-urlencoded' };
          const request = body === undefined ? {} : { method: 'POST', body, headers: form };
          const response = await fetch(`${urls.get(port) ?? ''}${target}`, request);
          answers.push({ status: response.status, body: await response.json() });
        }
        const [health, created, listed, metrics, docs] = answers;
        expect(health).to.deep.include({ status: 200 });
        expect(health?.body).to.include({ status: 'ready', schemaVersion: newestStep() });
        expect(created?.status).to.equal(201);
        expect(listed?.body).to.deep.equal({ total: 1, requests: [created?.body] });
        const figures = {
          requests: 1,
          failed: 0,
          tokens: 1052,
          mean_ms: 3391,
          p50_ms: 3391,
          p95_ms: 3391,
          p99_ms: 3391,
        };
        expect(metrics?.body).to.deep.equal({
          models: [{ provider: 'openai', model: 'gpt-4o', ...figures }],
          days: [{ day: '2026-04-01', ...figures }],
        });
        expect(docs?.body).to.have.property('paths').that.has.keys('/completion_requests', '/metrics');
        const page = await fetch(`${urls.get('8788') ?? ''}/docs/`);
        expect(await page.text()).to.include('swagger');
        const refused = await fetch(`${urls.get('8787') ?? ''}/completion_requests`, {
          method: 'POST',
          body: '{"model":1}',
          headers: { 'content-type': 'application/json' },
        });
        expect(refused.status).to.equal(400);
        await stopAll();
        await postgres?.drop();
      });

    it('passes completions on, and writes down what became of them', async () => {
      const provider = createServer((request, response) => {
        void text(request).then((asked) => {
          const fails = asked.includes('"fails"');
          response.writeHead(fails ? 429 : 200, { 'content-type': 'application/json' });
          response.end(
            fails ? '{"error":"too many"}' : '{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}',
          );
        });
      });
      await once(provider.listen(0, '127.0.0.1'), 'listening');
      const { port } = provider.address() as AddressInfo;
      const database = path.join(folder, 'proxied.db');
      const args = ['--database', `sqlite:${database}`, '--port', '0', '--upstream', `http://127.0.0.1:${port}`];
      const server = spawn(process.execPath, [path.join(BUILT, 'serve.js'), ...args], {
        cwd: folder,
        env: PLAIN,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      servers.push(server);
      const url = await listeningOn(server);
      const ask = (model: string): Promise<Response> =>
        fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model, messages: [] }),
        });
      expect(await (await ask('m')).json()).to.deep.include({ choices: [] });
      expect((await ask('fails')).status).to.equal(429);
      await stopAll();
      provider.close();
      const opened = openReadOnlyDatabase({ database: `sqlite:${database}?driver=sqlite3` });
      const rows = await opened
        .knex('completion_requests')
        .leftJoin('request_errors', 'id', 'request_id')
        .select('model', 'prompt_tokens', 'success', 'status', 'message')
        .orderBy('id');
      expect(rows).to.deep.equal([
        { model: 'm', prompt_tokens: 3, success: 1, status: null, message: null },
        { model: 'fails', prompt_tokens: 0, success: 0, status: 429, message: '{"error":"too many"}' },
      ]);
      value(await opened.close());
    });

    it('has a service that refuses what it cannot read', async () => {
      const { code, err } = await run(path.join(BUILT, 'serve.js'), ['--database', `sqlite:${folder}`, '--port', '0']);
      expect(err).to.include('is a directory, not a database');
      expect(code).to.equal(2);
    });
  });
});

/** The highest version in the example's migrations: what CURRENT_SCHEMA_VERSION has to be. */
function newestStep(): string {
  const names = readdirSync(path.join(EXAMPLE, 'migrations')).toSorted();
  return /^\d+/.exec(names.at(-1) ?? '')?.[0] ?? '';
}

async function listeningOn(service: ChildProcess): Promise<string> {
  if (service.stdout === null) throw new Error('its output is not piped');
  for await (const line of createInterface({ input: service.stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('it ended before it listened');
}
