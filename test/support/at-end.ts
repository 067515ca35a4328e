// What is to be done after the last test of a run.
const jobs: (() => Promise<void>)[] = [];

/** `job` is done once, after all tests. */
export const atEnd = (job: () => Promise<void>): void => void jobs.push(job);

export async function doAll(): Promise<void> {
  for (const job of jobs.splice(0)) await job();
}
