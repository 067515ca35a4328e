// Runs the metrics-proxy example as a reader of its README does: the demo whole, the service, and every command in the text.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';

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
    let service: ChildProcess | undefined;
    before(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'metrics-proxy-'));
    });
    after(async () => {
      if (service !== undefined && service.exitCode === null && service.signalCode === null) {
        service.kill('SIGTERM');
        await once(service, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    });

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

    it('has a service that starts as it says, and answers as it says', async () => {
      const command = COMMANDS.find((line) => line.includes('serve.js')) ?? '';
      const [, script = '', ...args] = command.replace('--port 8787', '--port 0').split(' ');
      service = spawn(process.execPath, [path.resolve(script), ...args], {
        cwd: folder,
        env: PLAIN,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const url = await listeningOn(service);
      expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);

      const answers: { status: number; body: unknown }[] = [];
      for (const line of COMMANDS.filter((one) => one.startsWith('curl'))) {
        const [, target = '', body] =
          /^curl -s '?http:\/\/127\.0\.0\.1:8787([^ ']+)'?(?: -d '(.*)')?$/.exec(line) ?? [];
        const response = await fetch(`${url}${target}`, body === undefined ? {} : { method: 'POST', body });
        answers.push({ status: response.status, body: await response.json() });
      }
      const [health, created, listed, metrics] = answers;
      expect(health).to.deep.include({ status: 200 });
      expect(health?.body).to.include({ status: 'ready', schemaVersion: newestStep() });
      expect(created?.status).to.equal(201);
      expect(listed?.body).to.deep.include({ total: 1, requests: [created?.body] });
      expect(metrics?.body).to.deep.equal({
        models: [{ provider: 'openai', model: 'gpt-4o', requests: 1, failed: 0, tokens: 1052, mean_ms: 3391 }],
      });
    });

    it('has a service that refuses what it cannot read', async () => {
      const { code, err } = await run(path.join(BUILT, 'serve.js'), ['--database', folder, '--port', '0']);
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
