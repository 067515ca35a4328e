// No password in what is printed.
import { expect } from 'chai';
import fc from 'fast-check';
import { repeatFlags } from '#src/cli/repeat-flags.js';
import { withoutPassword } from '#src/cli/secrets.js';

describe('a URL that is printed', () => {
  it('keeps all but the password', () => {
    const meant: readonly (readonly [string, string])[] = [
      ['postgres://ann:s3cret@db:5432/app?sslmode=require', 'postgres://ann@db:5432/app?sslmode=require'],
      ['postgres://ann@db/app', 'postgres://ann@db/app'],
      ['postgres://db/app?user=ann&password=s3cret', 'postgres://db/app?user=ann'],
      ['postgres://db/app?password=s3cret&sslmode=require', 'postgres://db/app?sslmode=require'],
      ['postgres://ann:p@s3cret@db/app', 'postgres://ann@db/app'],
      ['sqlite:app.db', 'sqlite:app.db'],
      ['app.db', 'app.db'],
      ['sqlite:a:b@c.db', 'sqlite:a:b@c.db'],
    ];
    for (const [url, shown] of meant) expect(withoutPassword(url), url).to.equal(shown);
  });

  it('tells nothing of it whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (rest) => {
        expect(withoutPassword(`postgres://ann:s3cret${rest}@db/app`)).not.to.contain('s3cret');
      }),
    );
  });

  it('is what a command to be typed has', () => {
    expect(repeatFlags('Type: migrate-safe up', { database: 'postgres://ann:s3cret@db/app' })).to.equal(
      'Type: migrate-safe --database postgres://ann@db/app up',
    );
  });
});
