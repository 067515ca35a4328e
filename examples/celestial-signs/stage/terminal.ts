// How the example speaks: scenarios, commands with what they print, checks; coloured on a terminal, plain text elsewhere.
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

const coloured = process.stdout.isTTY && process.env['NO_COLOR'] === undefined && process.env['TERM'] !== 'dumb';
const paint = (style: Style, text: string): string => (coloured ? styleText(style, text) : text);
const print = (line = ''): void => void process.stdout.write(`${line.trimEnd()}\n`);

const failures: string[] = [];
let checks = 0;

/** The first lines. */
export function title(name: string, about: string): void {
  print();
  print(`${paint('bold', name)}   ${paint('dim', about)}`);
}

/** Begins a scenario: what it is called, and what the trouble is. */
export function scenario(name: string, ...problem: readonly string[]): void {
  print();
  print(paint('bold', name));
  for (const line of problem) print(paint('dim', `    ${line}`));
}

/** Something that happens, in a sentence of its own. */
export function told(text: string): void {
  print();
  print(`    ${text}`);
}

/** A command as it is typed, and then line by line what it prints. */
export function typed(command: string): void {
  print();
  print(`    ${paint('cyan', '$')} ${paint('bold', command)}`);
}
export function printed(text: string): void {
  for (const line of text.replace(/\n+$/, '').split('\n')) print(`      ${paint('dim', '│')} ${line}`);
}

/** Says that something holds, having looked. What does not hold makes the run fail at its end. */
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

/** `100,000`. */
export const countText = (count: number): string => count.toLocaleString('en-US');
