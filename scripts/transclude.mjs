// Puts the code that the documentation shows where it is marked: <!-- from FILE --> ```ts … ``` <!-- end -->.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const pages = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
for (const page of pages) {
  const text = readFileSync(page, 'utf8');
  const filled = text.replaceAll(
    /(<!-- from (\S+) -->\n```\w+\n)[\s\S]*?(```\n)/g,
    (_, before, file, after) => `${before}${readFileSync(file, 'utf8')}${after}`,
  );
  if (filled !== text) writeFileSync(page, filled);
}
