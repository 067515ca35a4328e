// Writes the reference of the public entries from their doc comments: docs/api, a page for each entry of package.json.
// With --check it writes nothing, and fails where a page is not what it would write, or an export says nothing.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format } from 'oxfmt';
import { docBefore, exportsOf, namedIn } from './api-exports.mjs';

const FOLDER = 'docs/api';
const { name: PACKAGE, exports: ENTRIES } = JSON.parse(readFileSync('package.json', 'utf8'));
const KINDS = ['Functions', 'Classes', 'Values', 'Types'];
const HIDDEN = 'Named by these';
const problems = [];

const entries = Object.entries(ENTRIES)
  .filter(([, target]) => target.types !== undefined)
  .map(([entry, { types }]) => ({
    name: path.posix.join(PACKAGE, entry),
    page: entry === '.' ? `${PACKAGE}.md` : `${entry.slice(2).replaceAll('/', '-')}.md`,
    about: aboutOf(types.replace('dist/', 'src/').replace(/\.d\.ts$/, '.ts')),
    symbols: exportsOf(path.normalize(types)),
  }));
/** Each name's page; where two entries export it, that of the first. */
const homes = new Map();
for (const { page, symbols } of entries) for (const { id } of symbols) if (!homes.has(id)) homes.set(id, page);

const check = process.argv.includes('--check');
for (const entry of entries) entry.groups = groupsOf(entry);
/** Where each name is explained: its page and its heading's anchor there. */
const anchors = new Map(entries.flatMap(anchorsOf));
const pages = new Map([['README.md', contents()]]);
for (const entry of entries) pages.set(entry.page, await pageOf(entry));
for (const [page, text] of pages) {
  const file = path.posix.join(FOLDER, page);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  if (check) problems.push(`${file} is not what the doc comments say: npm run docs:api`);
  else {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(file, text);
  }
}
for (const page of existsSync(FOLDER) ? readdirSync(FOLDER) : []) {
  if (pages.has(page)) continue;
  if (check) problems.push(`${FOLDER}/${page} is of no entry: npm run docs:api`);
  else rmSync(path.join(FOLDER, page));
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

/** What the first line of an entry's source says. */
function aboutOf(file) {
  const [line = ''] = readFileSync(file, 'utf8').split('\n');
  const said = line.replace(/^\/\/ (Entry `[^`]*`: )?/, '');
  return said[0].toUpperCase() + said.slice(1);
}

function contents() {
  const lines = entries.map(({ name, page, about }) => `- [\`${name}\`](${page}): ${about}`);
  return `# The public API\n\nMade from the doc comments by \`npm run docs:api\`. How to work with it: [the reference](../reference.md), [DAOs](../dao.md), [append-only tables](../append-only.md), [tests](../testing.md).\n\n${lines.join('\n')}\n`;
}

/** What a page explains: its own exports by kind, and what they name besides. */
function groupsOf({ name, page, symbols }) {
  const own = symbols.filter(({ id }) => homes.get(id) === page);
  for (const symbol of own) expectWords(name, symbol);
  return [...KINDS.map((kind) => [kind, own.filter((symbol) => kindOf(symbol) === kind)]), [HIDDEN, reached(own)]]
    .filter(([, members]) => members.length > 0)
    .map(([kind, members]) => [kind, members.toSorted(byName)]);
}

function byName(a, b) {
  return a.name < b.name ? -1 : 1;
}

/** As headings get them: a name that was there already gets a number. */
function anchorsOf({ page, groups }) {
  const seen = new Map();
  const anchor = (heading) => {
    const slug = heading.toLowerCase().replaceAll(' ', '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  };
  return groups.flatMap(([kind, members]) => {
    anchor(kind);
    return members.map(({ id, name }) => [homes.has(id) ? id : `${page} ${id}`, { page, name, anchor: anchor(name) }]);
  });
}

async function pageOf({ name, page, about, symbols, groups }) {
  const linkTo = ({ id }) => {
    const to = anchors.get(id) ?? anchors.get(`${page} ${id}`);
    return to && `[${to.name}](${to.page === page ? '' : to.page}#${to.anchor})`;
  };
  const elsewhere = symbols.filter(({ id }) => homes.get(id) !== page);
  const parts = [`# ${name}`, about];
  for (const [kind, members] of groups) parts.push(`**${kind}:** ${members.map(linkTo).join(' · ')}`);
  if (elsewhere.length > 0) parts.push(`**Exported here as well:** ${elsewhere.map(linkTo).join(' · ')}`);
  for (const [kind, members] of groups) {
    parts.push(`## ${kind}`);
    if (kind === HIDDEN) parts.push('Parts of what is above, which cannot be imported by name.');
    for (const symbol of members) parts.push(await sectionOf(symbol, linkTo));
  }
  return `${parts.join('\n\n')}\n`;
}

/** What the types of the page name besides, directly or not, and no entry exports. */
function reached(symbols) {
  const found = new Map();
  const follow = (symbol) => {
    for (const named of namedBy(symbol)) {
      if (homes.has(named.id) || found.has(named.id) || isMachinery(named)) continue;
      found.set(named.id, named);
      follow(named);
    }
  };
  for (const symbol of symbols) if (kindOf(symbol) !== 'Values') follow(symbol);
  return [...found.values()];
}

/** A generic alias about which nothing is said: it reckons a type out of others, and says nothing by itself. */
function isMachinery({ where, parts: [{ node, outer }] }) {
  return node.type === 'TSTypeAliasDeclaration' && node.typeParameters && docBefore(where, outer) === undefined;
}

function namedBy(symbol) {
  const nodes = symbol.parts.map(({ node }) =>
    node.type === 'ClassDeclaration' ? { ...node, implements: [], body: membersOf(symbol, node) } : node,
  );
  return namedIn(symbol, nodes);
}

function kindOf({ parts: [{ node }] }) {
  if (node.type === 'ClassDeclaration') return 'Classes';
  if (node.type !== 'VariableDeclaration') return node.type === 'TSDeclareFunction' ? 'Functions' : 'Types';
  return node.declarations[0].id.typeAnnotation?.typeAnnotation.type === 'TSFunctionType' ? 'Functions' : 'Values';
}

/** What a caller can use: nothing private or protected, and no constructor that wants what only this package has. */
function membersOf(symbol, { body }) {
  return body.body.filter(
    (member) =>
      member.key.type !== 'PrivateIdentifier' &&
      !member.computed &&
      ![member.accessibility, member.value?.accessibility].some((access) =>
        ['protected', 'private'].includes(access),
      ) &&
      !(member.kind === 'constructor' && namedIn(symbol, wanted(member)).some(({ id }) => !homes.has(id))),
  );
}
/** The parameters that a call cannot do without. */
function wanted({ value }) {
  return value.params.filter((param) => !param.optional);
}

function expectWords(entry, symbol) {
  const { name, where, parts } = symbol;
  if (docBefore(where, parts[0].outer) === undefined) problems.push(`${where.file}: ${name} of ${entry} says nothing`);
  for (const { node } of parts) {
    if (node.type !== 'ClassDeclaration') continue;
    for (const member of membersOf(symbol, node))
      if (member.kind !== 'constructor' && docBefore(where, member) === undefined)
        problems.push(`${where.file}: ${name}.${member.key.name} of ${entry} says nothing`);
  }
}

async function sectionOf(symbol, linkTo) {
  const { name, where, parts } = symbol;
  const doc = docBefore(where, parts[0].outer);
  const { code } = await format('x.d.ts', parts.map((part) => textOf(symbol, part)).join('\n'), {
    printWidth: 100,
    singleQuote: true,
    objectWrap: 'collapse',
  });
  const { prose, examples } = said(doc?.value ?? '');
  const links = namedBy(symbol).toSorted(byName).map(linkTo).filter(Boolean);
  return [
    `### ${name}`,
    ...(prose === '' ? [] : [prose]),
    fenced(code.replaceAll(/^(export )?(declare )/gm, '')),
    ...examples.flatMap((example, at) => [at === 0 ? 'For example:' : 'Or:', fenced(example)]),
    ...(links.length > 0 ? [`With ${links.join(', ')}.`] : []),
  ].join('\n\n');
}

/** The declaration, without what no caller can use. */
function textOf(symbol, { node, outer }) {
  const { where } = symbol;
  const whole = where.text.slice(outer.start, outer.end).replace(/^export (?!declare)/, '');
  if (node.type !== 'ClassDeclaration') return whole;
  const kept = new Set(membersOf(symbol, node));
  let text = '';
  let from = outer.start;
  const leaveOut = (start, end) => {
    text += where.text.slice(from, start);
    from = end;
  };
  if (node.implements.length > 0)
    leaveOut(where.text.lastIndexOf('implements', node.implements[0].start), node.body.start);
  for (const member of node.body.body)
    if (!kept.has(member)) leaveOut((docBefore(where, member) ?? member).start, member.end);
  return text + where.text.slice(from, outer.end);
}

function said(comment) {
  const text = comment.replaceAll(/^\s*\* ?/gm, '').trim();
  const [prose = '', ...examples] = text.split(/^@example\s*/m);
  const tag = /^@\w+/m.exec(prose);
  if (tag) throw new Error(`a doc comment has ${tag[0]}, which these pages do not show: ${prose}`);
  return { prose: prose.trim(), examples };
}

function fenced(code) {
  return `\`\`\`ts\n${code.trim()}\n\`\`\``;
}
