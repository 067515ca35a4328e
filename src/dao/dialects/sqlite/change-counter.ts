// The file change counter in the header of a database: in rollback mode every commit counts it up, and it can be read
// while a lock keeps other connections out. https://sqlite.org/fileformat2.html#file_change_counter
import { spawnSync } from 'node:child_process';

const READ = `const fd = fs.openSync(process.argv[1], 'r'); const four = Buffer.alloc(4);
if (fs.readSync(fd, four, 0, 4, 24) === 4) process.stdout.write(String(four.readUInt32BE(0)))`;

/**
 * Read by another process: to close the file here would drop every lock that this process has on it.
 * https://sqlite.org/howtocorrupt.html (2.2). Undefined where it cannot be read.
 */
export function changeCounterOf(file: string): number | undefined {
  const { status, stdout } = spawnSync(process.execPath, ['-e', READ, file], {
    encoding: 'utf8',
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 10_000,
  });
  return status === 0 && stdout !== '' ? Number(stdout) : undefined;
}
