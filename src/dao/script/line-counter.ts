// Lines of a script, for messages.

/** Gives the 1-based line of an offset; asked for offsets that only grow, it reads the script once. CRLF is one end. */
export function lineCounter(script: string): (offset: number) => number {
  let line = 1;
  let scanned = 0;
  return (offset) => {
    for (let next = script.indexOf('\n', scanned); next >= 0 && next < offset; next = script.indexOf('\n', scanned)) {
      line += 1;
      scanned = next + 1;
    }
    return line;
  };
}
