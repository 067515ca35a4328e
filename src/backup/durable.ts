// The discipline of files that must last: exclusive creation, fsync of the file, rename, fsync of the directory.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;
const CHUNK = 1024 * 1024;

export const makeDirectory = async (directory: string): Promise<void> => {
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
};

/** Creates a directory whose name lasts, as that of each one above it that had to be made. */
export async function makeLastingDirectory(directory: string): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = path.dirname(made))
    await syncDirectory(path.dirname(made));
}

/** Creates an empty file that nobody else may read; fails if it is there. */
export async function createExclusive(file: string): Promise<void> {
  await (await open(file, 'wx', FILE_MODE)).close();
}

export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes renames and new names in a directory last. Windows cannot open a directory, and needs no such thing. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a whole file so that it is there complete or not at all. */
export async function writeDurably(file: string, content: string): Promise<void> {
  const handle = await open(`${file}.tmp`, 'w', FILE_MODE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.tmp`, file);
}

/** Moves a finished folder to its place: the commit point. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await makeLastingDirectory(path.dirname(to));
  await rename(from, to);
  await syncDirectory(path.dirname(to));
  await syncDirectory(path.dirname(from));
}

/** Reads the stored bytes back: their number, their sha256 and their first 16. */
export async function readBack(
  file: string,
  onBytes?: (done: number) => void,
): Promise<{ readonly bytes: number; readonly sha256: string; readonly head: Buffer }> {
  const hash = createHash('sha256');
  let bytes = 0;
  let head: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    if (bytes === 0) head = Buffer.from(chunk.subarray(0, 16));
    hash.update(chunk);
    bytes += chunk.length;
    onBytes?.(bytes);
  }
  return { bytes, sha256: hash.digest('hex'), head };
}

/** Copies a file in chunks; the target must not exist. */
export async function copyDurably(from: string, to: string): Promise<void> {
  await pipeline(
    createReadStream(from, { highWaterMark: CHUNK }),
    createWriteStream(to, { flags: 'wx', mode: FILE_MODE, highWaterMark: CHUNK }),
  );
  await syncFile(to);
  await syncDirectory(path.dirname(to));
}
