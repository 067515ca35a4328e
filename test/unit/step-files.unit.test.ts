// What a step file's name, its markers and its bytes say, and what they are refused for.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { sha256 } from '#src/core/brands.js';
import { splitAtMarkers } from '#src/steps/sql-markers.js';
import { parseStepFileName } from '#src/steps/step-file-name.js';
import { checksumOf, readStepText } from '#src/steps/step-text.js';

describe('parseStepFileName', () => {
  const parsed = (name: string): unknown => parseStepFileName(name)._unsafeUnwrap();

  it('reads version, description, kind and direction', () => {
    expect(parsed('0001_create_users.up.sql')).to.deep.equal({
      version: '0001',
      description: 'create users',
      kind: 'sql',
      part: 'up',
    });
    expect(parsed('0001_create_users.down.sql')).to.deep.equal({
      version: '0001',
      description: 'create users',
      kind: 'sql',
      part: 'down',
    });
    expect(parsed('0002-both.sql')).to.deep.equal({ version: '0002', description: 'both', kind: 'sql', part: 'both' });
    for (const extension of ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs']) {
      expect(parsed(`20261120093000_add_index.${extension}`)).to.deep.equal({
        version: '20261120093000',
        description: 'add index',
        kind: 'module',
        part: 'both',
      });
    }
  });

  it('reads versions of any length as they are written', () => {
    expect(parsed('123456789012345678901234_x.sql')).to.include({ version: '123456789012345678901234' });
  });

  it('takes the version for the description where there is none, also of a pair', () => {
    expect(parsed('7.sql')).to.deep.equal({ version: '7', description: '7', kind: 'sql', part: 'both' });
    expect(parsed('7_.sql')).to.include({ description: '7' });
    expect(parsed('0007.up.sql')).to.deep.equal({ version: '0007', description: '0007', kind: 'sql', part: 'up' });
    expect(parsed('0007.down.sql')).to.deep.equal({ version: '0007', description: '0007', kind: 'sql', part: 'down' });
  });

  it('reads extensions and directions in any case', () => {
    expect(parsed('0001_x.UP.SQL')).to.deep.include({ kind: 'sql', part: 'up' });
  });

  it('passes over what is no step: other files, hidden ones, declarations, maps, and helpers that begin with _', () => {
    for (const name of [
      'README.md',
      '.0001_x.sql',
      '_shared.ts',
      '0001_x.d.ts',
      '0001_x.d.mts',
      '0001_x.js.map',
      '0001_x.sql.bak',
      '0001_x.sql~',
      'sql',
      '',
    ]) {
      expect(parsed(name), name).to.equal(undefined);
    }
  });

  it('refuses what nearly is one, with the reason', () => {
    for (const name of ['create_users.sql', 'v1_x.sql', 'x.ts', '1a.sql', '\u0661_x.sql']) {
      expect(parseStepFileName(name)._unsafeUnwrapErr(), name).to.contain('version');
    }
    expect(parseStepFileName('0001_x.up.ts')._unsafeUnwrapErr()).to.contain('both directions');
  });

  it('gives back the parts that a name was made of', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 24 });
    const words = fc.array(fc.string({ unit: fc.constantFrom(...'abcxyz0189é'), minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(digits, words, fc.constantFrom('up', 'down', 'both'), (version, description, part) => {
        const name = `${version}_${description.join('_')}${part === 'both' ? '' : `.${part}`}.sql`;
        expect(parsed(name)).to.deep.equal({ version, description: description.join(' '), kind: 'sql', part });
      }),
    );
  });
});

describe('splitAtMarkers', () => {
  const parts = (text: string): unknown => splitAtMarkers(text)._unsafeUnwrap();

  it('takes a file without markers for its up part', () => {
    expect(parts('select 1;\n')).to.deep.equal({ up: 'select 1;\n', down: undefined });
  });

  it('cuts at the markers and keeps every line in its place', () => {
    expect(parts('-- head\n-- migrate-safe:up\na;\n-- migrate-safe:down\nb;\n')).to.deep.equal({
      up: '-- head\n\na;\n\n\n',
      down: '\n\n\n\nb;\n',
    });
  });

  it('takes the parts in any order, and the markers in any writing', () => {
    expect(parts('--MIGRATE-SAFE: DOWN  \nb\n  --  migrate-safe:Up\na')).to.deep.equal({
      up: '\n\n\na',
      down: '\nb\n\n',
    });
  });

  it('takes an empty down part for one that is there', () => {
    expect(parts('a\n-- migrate-safe:down')).to.deep.equal({ up: 'a\n', down: '\n' });
  });

  it('refuses a part that begins twice, at its line', () => {
    expect(splitAtMarkers('-- migrate-safe:up\na\n-- migrate-safe:up\n')._unsafeUnwrapErr()).to.deep.include({
      line: 3,
      text: '-- migrate-safe:up',
    });
  });

  it('is no marker what only resembles one', () => {
    for (const line of [
      '-- migrate-safe:upper',
      '-- migrate-safe',
      'select 1; -- migrate-safe:down',
      '-- migrate-safe:down now',
    ]) {
      expect(parts(`${line}\na`)).to.deep.equal({ up: `${line}\na`, down: undefined });
    }
  });

  it('gives each line to one part only, at its own number', () => {
    const line = fc.constantFrom('a;', '', '-- note', '-- migrate-safe: may-lose-rows table=t', '  b');
    fc.assert(
      fc.property(fc.array(line), fc.array(line), fc.array(line), (head, up, down) => {
        const lines = [...head, '-- migrate-safe:up', ...up, '-- migrate-safe:down', ...down];
        const cut = splitAtMarkers(lines.join('\n'))._unsafeUnwrap();
        const [ups, downs] = [cut.up.split('\n'), (cut.down ?? '').split('\n')];
        expect([ups.length, downs.length]).to.deep.equal([lines.length, lines.length]);
        lines.forEach((text, index) => {
          const isMarker = /:(up|down)$/.test(text);
          expect([ups[index], downs[index]].filter((part) => part !== '')).to.deep.equal(
            text === '' || isMarker ? [] : [text],
          );
        });
      }),
    );
  });
});

describe('readStepText', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(path.join(tmpdir(), 'step-text-'))));
  after(() => rmSync(folder, { recursive: true }));
  const read = (bytes: Uint8Array | string): ReturnType<typeof readStepText> => {
    const file = path.join(folder, 'step.sql');
    writeFileSync(file, bytes);
    return readStepText(file, 'step.sql');
  };

  it('reads UTF-8, whatever it says', () => {
    expect(read("select 'Ünï 表 😀';")._unsafeUnwrap()).to.equal("select 'Ünï 表 😀';");
    expect(read('')._unsafeUnwrap()).to.equal('');
  });

  it('takes the byte order mark off, and only the first', () => {
    expect(read('\ufeffselect 1;')._unsafeUnwrap()).to.equal('select 1;');
    expect(read('\ufeff\ufeff')._unsafeUnwrap()).to.equal('\ufeff');
  });

  it('makes LF of CRLF, so that a checksum is the same on every system', () => {
    expect(read('a\r\nb\r\n')._unsafeUnwrap()).to.equal('a\nb\n');
    expect(checksumOf(read('\ufeffa\r\nb\r\n')._unsafeUnwrap())).to.equal(checksumOf(read('a\nb\n')._unsafeUnwrap()));
  });

  // Without its mark UTF-16 is valid UTF-8 full of NULs, which the splitter refuses with a word about UTF-16.
  it('refuses UTF-16 with its byte order mark, and Latin-1', () => {
    const utf16 = Buffer.from("select 'x';", 'utf16le');
    for (const bytes of [
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
      Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]),
      Buffer.from("select 'é';", 'latin1'),
    ]) {
      expect(read(bytes)._unsafeUnwrapErr(), bytes.toString('hex')).to.deep.equal({
        kind: 'step-file-encoding',
        file: 'step.sql',
      });
    }
  });

  it('says why a file cannot be read', () => {
    expect(readStepText(path.join(folder, 'none.sql'), 'none.sql')._unsafeUnwrapErr()).to.include({
      kind: 'step-load',
      file: 'none.sql',
    });
    expect(readStepText(folder, 'a folder')._unsafeUnwrapErr()).to.include({ kind: 'step-load', file: 'a folder' });
  });
});

describe('checksumOf', () => {
  it('names its algorithm', () => {
    expect(checksumOf('select 1;')).to.equal(`sha256:${sha256('select 1;')}`);
  });

  it('tells two texts from one that reads the same', () => {
    expect(new Set([checksumOf('a', 'b'), checksumOf('ab'), checksumOf('ab', ''), checksumOf('', 'ab')]).size).to.equal(
      4,
    );
  });
});
