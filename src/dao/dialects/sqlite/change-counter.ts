// The file change counter in the header of a database: in rollback mode every commit counts it up, and it can be read
// while a lock keeps other connections out. https://sqlite.org/fileformat2.html#file_change_counter
import fs from 'node:fs';

/** Open until the process ends: to close one would drop every lock that the process has on that file. https://sqlite.org/howtocorrupt.html (2.2) */
const kept = new Map<string, number>();

/** Undefined where the file cannot be read. */
export function changeCounterOf(file: string): number | undefined {
  try {
    const { dev, ino } = fs.statSync(file, { bigint: true });
    const key = `${dev}:${ino}`;
    const descriptor = kept.get(key) ?? fs.openSync(file, 'r');
    kept.set(key, descriptor);
    const counter = Buffer.alloc(4);
    fs.readSync(descriptor, counter, 0, 4, 24);
    return counter.readUInt32BE(0);
  } catch {
    return undefined;
  }
}
