// What is to be done when the process ends that runs the tests: one for all of them, or one of several that share the files.
const jobs: (() => void)[] = [];

/** `job` is done once, after all tests of this process; nobody waits for what it starts. */
export function atEnd(job: () => void): void {
  if (jobs.length === 0)
    process.once('exit', () => {
      for (const each of jobs) each();
    });
  jobs.push(job);
}
