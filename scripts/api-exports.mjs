// What an entry of the package exports: the declarations of each name, as tsc wrote them, however many files it passes through.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'oxc-parser';

const HERITAGE = new Set(['TSClassImplements', 'TSInterfaceHeritage']);
const modules = new Map();

/** A file's declarations, and where the names that it exports and imports come from. */
function moduleAt(file) {
  if (!modules.has(file)) modules.set(file, read(file));
  return modules.get(file);
}

function read(file) {
  const text = readFileSync(file, 'utf8');
  const { program, comments, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const found = { file, text, comments, declarations: new Map(), exports: new Map(), imports: new Map() };
  const declare = (name, node, outer) =>
    found.declarations.set(name, [...(found.declarations.get(name) ?? []), { node, outer }]);
  const fileOf = ({ value }) =>
    value.startsWith('.') ? path.join(path.dirname(file), declarationFile(value)) : undefined;
  for (const statement of program.body) {
    if (statement.type === 'ImportDeclaration')
      for (const { local, imported } of statement.specifiers)
        found.imports.set(local.name, { file: fileOf(statement.source), name: imported?.name });
    else if (statement.type === 'ExportAllDeclaration' || statement.type === 'ExportDefaultDeclaration')
      throw new Error(`${file}: names are exported one by one`);
    else if (statement.type === 'ExportNamedDeclaration' && statement.declaration === null)
      for (const { local, exported } of statement.specifiers)
        found.exports.set(exported.name, {
          file: statement.source === null ? file : fileOf(statement.source),
          name: local.name,
        });
    else
      for (const [name, node] of named(statement.declaration ?? statement)) {
        declare(name, node, statement);
        if (statement.declaration) found.exports.set(name, { file, name });
      }
  }
  return found;
}

const declarationFile = (specifier) => specifier.replace(/\.js$/, '.d.ts');
const named = (node) =>
  node.type === 'VariableDeclaration' ? node.declarations.map(({ id }) => [id.name, node]) : [[node.id.name, node]];

/** The declaration behind a name of a file, or undefined where another package has it. */
function behind(file, name) {
  const { declarations, exports, imports, ...where } = moduleAt(file);
  if (declarations.has(name)) return { id: `${file}#${name}`, name, where, parts: declarations.get(name) };
  const from = imports.get(name) ?? exports.get(name);
  return from?.file === undefined || from.name === undefined ? undefined : behind(from.file, from.name);
}

/** Everything that the entry exports, in its own order. */
export function exportsOf(file) {
  return [...moduleAt(file).exports].map(([exported, { file: from, name }]) => {
    const symbol = behind(from, name);
    if (symbol === undefined) throw new Error(`${file}: ${exported} is not from this package`);
    return { ...symbol, name: exported };
  });
}

/** The declarations of this package that a node names. */
export function namedIn(symbol, nodes) {
  const found = new Map();
  const visit = (node) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) return node.forEach(visit);
    const named = node.typeName ?? node.exprName ?? node.superClass ?? (HERITAGE.has(node.type) && node.expression);
    if (named?.type === 'Identifier') {
      const to = behind(symbol.where.file, named.name);
      if (to !== undefined) found.set(to.id, to);
    }
    for (const [key, value] of Object.entries(node)) if (key !== 'parent') visit(value);
  };
  visit(nodes);
  found.delete(symbol.id);
  return [...found.values()];
}

/** The doc comment that stands before a node. */
export function docBefore({ text, comments }, { start }) {
  return comments.findLast(
    ({ type, value, end }) =>
      type === 'Block' && value.startsWith('*') && end <= start && text.slice(end, start).trim() === '',
  );
}
