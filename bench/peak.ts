// How far a process's memory grew beyond what it had at one moment, as the system counted it: nothing in it has to watch.

/** Gives, when it is asked, the megabytes that the process had more at its highest than now. */
export function peakFromHere(): () => number {
  const start = process.memoryUsage.rss();
  // Kilobytes, https://nodejs.org/api/process.html#processresourceusage
  return () => (process.resourceUsage().maxRSS * 1024 - start) / 1e6;
}
