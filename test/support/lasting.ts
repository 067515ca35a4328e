// Watches what this process makes last: every fsync and every rename, in the order in which they end, by the name of the file.
import fs, { readlinkSync } from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

export interface Lasting {
  /** `sync NAME` and `rename FROM -> TO`, as they ended. */
  readonly done: readonly string[];
  stop(): void;
}

/** Asks the kernel for names, so Linux only. `nameOf` shortens a path for the record. */
export async function watchLasting(nameOf: (file: string) => string): Promise<Lasting> {
  const done: string[] = [];
  const fileOf = (fd: number): string => nameOf(readlinkSync(`/proc/self/fd/${fd}`));
  const probe = await promises.open('/dev/null');
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const { sync, datasync } = handles;
  const { rename } = promises;
  const { fsyncSync, renameSync } = fs;
  const noted = (original: () => Promise<void>) =>
    async function (this: FileHandle): Promise<void> {
      const name = fileOf(this.fd);
      await original.call(this);
      done.push(`sync ${name}`);
    };
  handles.sync = noted(sync);
  handles.datasync = noted(datasync);
  promises.rename = async (from, to) => {
    await rename(from, to);
    done.push(`rename ${nameOf(String(from))} -> ${nameOf(String(to))}`);
  };
  fs.fsyncSync = (fd) => {
    const name = fileOf(fd);
    fsyncSync(fd);
    done.push(`sync ${name}`);
  };
  fs.renameSync = (from, to) => {
    renameSync(from, to);
    done.push(`rename ${nameOf(String(from))} -> ${nameOf(String(to))}`);
  };
  syncBuiltinESMExports();
  return {
    done,
    stop: () => {
      Object.assign(handles, { sync, datasync });
      Object.assign(promises, { rename });
      Object.assign(fs, { fsyncSync, renameSync });
      syncBuiltinESMExports();
    },
  };
}
