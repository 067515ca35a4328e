// How the demo speaks: scenes, facts, checks; coloured on a terminal, plain text elsewhere.
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const coloured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
const paint = (style: Style, text: string): string => (coloured ? styleText(style, text) : text);
const print = (line = ''): void => void process.stdout.write(`${line.trimEnd()}\n`);

const WIDTH = 88;
let scenes = 0;
const failures: string[] = [];
let checks = 0;

/** The first lines. */
export function title(name: string, about: string): void {
  print();
  print(`${paint('bold', name)}   ${paint('dim', about)}`);
}

/** Begins a scene: what it is called, and why it is shown. */
export function scene(name: string, ...why: readonly string[]): void {
  print();
  print(paint('bold', `${String(++scenes).padStart(2)}  ${name}`));
  for (const line of why) print(paint('dim', `    ${line}`));
  print();
}

/** A fact with its name before it. */
export function fact(name: string, value: string): void {
  print(`      ${paint('cyan', name.padEnd(24))}${value}`);
}

/** The heading of a step that runs. */
export function heading(text: string): void {
  print(`      ${text}`);
}

/** Something that the engine did, or could not do. */
export function mark(how: 'done' | 'refused' | 'note', what: string, value: string): void {
  const sign = how === 'done' ? paint('green', '✔') : how === 'refused' ? paint('red', '✖') : paint('yellow', '•');
  print(`        ${sign} ${what.padEnd(10)}${value}`);
}

/** What an error says, as the one who runs the service reads it. */
export function quote(text: string): void {
  print();
  for (const line of text.split('\n').flatMap(wrap)) print(line === '' ? '' : `      ${paint('dim', '│')} ${line}`);
  print();
}

/** Breaks a line at blanks where it is wider than the page. */
function wrap(line: string): readonly string[] {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > WIDTH) {
    const at = rest.lastIndexOf(' ', WIDTH);
    if (at <= 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...lines, rest];
}

/** Says that something holds, having looked. What does not hold makes the demo fail at its end. */
export function check(claim: string, holds: boolean, seen = ''): void {
  checks++;
  if (!holds) failures.push(claim);
  const detail = seen === '' ? '' : `   ${paint('dim', seen)}`;
  print(holds ? `    ${paint('green', '✔')} ${claim}${detail}` : `    ${paint('red', `✖ ${claim}`)}   ${seen}`);
}

/** Whether everything that was looked at held. */
export const allHold = (): boolean => failures.length === 0;

/** The last lines; gives back the exit code. */
export function verdict(seconds: number, where: string): number {
  print();
  print(`    ${where}`);
  for (const claim of failures) print(paint('red', `    ✖ did not hold: ${claim}`));
  const sum = `${checks - failures.length} of ${checks} checks hold, in ${seconds.toFixed(1)} s`;
  print(paint(failures.length === 0 ? 'green' : 'red', `    ${sum}`));
  print();
  return failures.length === 0 ? 0 : 1;
}
