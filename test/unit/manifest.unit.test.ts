// The manifest of a backup set: what an earlier version wrote to a disk is read as long as there are such disks.
import { expect } from 'chai';
import { parseManifest, seal } from '#src/backup/manifest.js';
import { archiveRows, formText } from '#src/cli/backup-text.js';
import { backupDocument } from '#src/cli/documents.js';
import type { CopyFacts } from '#src/core/ports/backup-source.js';
import { value } from '../support/project.js';

/** As version 0.1.0 wrote it. */
const WRITTEN = `{
  "format": 1,
  "id": "20261121T094854490Z-9b307a6b",
  "series": "db",
  "kind": "file",
  "databaseId": "8df6bb6861bb0f80",
  "database": {
    "label": "app.db",
    "path": "/srv/app/app.db",
    "dialect": "sqlite"
  },
  "engine": "migrate-safe 0.1.0",
  "driver": "sqlite3",
  "createdAt": "2026-11-21T09:48:54.535Z",
  "reason": {
    "kind": "manual",
    "runId": "6f76dad5300ba008",
    "component": "main"
  },
  "journal": {
    "position": 8,
    "hash": "08330515b771ae5802ee71ccd378ea45752b87580b779c6845b94cad90499647"
  },
  "files": [
    {
      "path": "data/database.sqlite",
      "bytes": 20480,
      "sha256": "4c66dda73902af738d08baaeacc1225114224c520e84b49ff1a2c479fc993adf"
    }
  ],
  "copy": {
    "pageSize": 4096,
    "pageCount": 5,
    "userVersion": 0,
    "applicationId": 0,
    "journalMode": "delete",
    "tables": [
      "t"
    ]
  },
  "verified": {
    "at": "2026-11-21T09:48:54.535Z",
    "checks": [
      "header",
      "size",
      "sha256",
      "quick_check"
    ]
  },
  "checksum": "9ee38c6eaf81c083f5c0ced5e963cec78ec6d142d5c6d2f066e266a1ca296332"
}
`;

const ARCHIVE: CopyFacts = {
  tables: ['t'],
  archive: {
    serverVersion: '15.3',
    dumpVersion: '16.1',
    format: '1.15-0',
    encoding: 'UTF8',
    roles: ['app', 'reader'],
    extensions: [],
  },
};

const CLONE = {
  tables: ['orders'],
  clone: { database: 'migrate_safe_clone_x', oid: 16_400, bytes: 7_000_000, serverVersion: '15.3' },
};

describe('a manifest', () => {
  it('that an earlier version wrote is read, and would be written again byte for byte', () => {
    const manifest = value(parseManifest(WRITTEN));
    const { checksum, ...rest } = manifest;
    expect(`${JSON.stringify(seal(rest), null, 2)}\n`).to.equal(WRITTEN);
    expect(checksum).to.match(/^[0-9a-f]{64}$/);
  });

  it('of an archive keeps what a server must have to restore it', () => {
    const { checksum: _sealed, ...rest } = value(parseManifest(WRITTEN));
    const text = JSON.stringify(seal({ ...rest, copy: ARCHIVE }));
    expect(value(parseManifest(text)).copy).to.deep.equal(ARCHIVE);
    expect(parseManifest(text.replace('"reader"', '"other"')).isErr()).to.equal(true);
  });

  it('is shown with the details of its kind', () => {
    expect(archiveRows(value(parseManifest(WRITTEN)).copy)).to.deep.equal([]);
    expect(archiveRows(ARCHIVE)).to.deep.equal([
      ['server', '15.3, UTF8'],
      ['archive', 'format 1.15-0, by pg_dump 16.1'],
      ['roles', 'app, reader'],
      ['extensions', 'none'],
    ]);
    expect(archiveRows(CLONE)).to.deep.equal([
      ['server', '15.3'],
      ['clone', 'migrate_safe_clone_x'],
    ]);
  });

  it('of a clone tells programs the size of the database, and where that is', () => {
    const { checksum: _sealed, ...rest } = value(parseManifest(WRITTEN));
    const manifest = seal({ ...rest, kind: 'clone', copy: CLONE });
    expect(formText(manifest)).to.equal('clone');
    expect(backupDocument({ manifest, directory: '/b/x', file: '/b/x/data/clone.ndjson' })).to.deep.include({
      kind: 'clone',
      bytes: 7_000_000,
      path: null,
      sha256: null,
      clone: CLONE.clone,
      tables: ['orders'],
    });
  });
});
