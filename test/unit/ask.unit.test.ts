// A question: every way to leave it is an answer, and it has no colours where none are wanted.
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { askText } from '#src/cli/ask.js';

describe('a question', () => {
  const noColour = process.env['NO_COLOR'];
  afterEach(() => {
    if (noColour === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = noColour;
  });

  const asked = async (typed: (input: PassThrough) => void): Promise<{ answer: string | undefined; shown: string }> => {
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined });
    const output = new PassThrough();
    let shown = '';
    output.setEncoding('utf8').on('data', (chunk: string) => (shown += chunk));
    setTimeout(() => typed(input), 50);
    const answer = await askText({ message: 'Name?', colour: false }, { input, output });
    await new Promise((resolve) => setImmediate(resolve));
    return { answer, shown };
  };

  it('gives what was typed', async () => {
    expect((await asked((input) => input.write('app.db\r'))).answer).to.equal('app.db');
  });

  for (const [how, leave] of [
    ['Ctrl-C', (input: PassThrough) => input.write('\u0003')],
    ['Ctrl-D', (input: PassThrough) => input.write('\u0004')],
    ['the end of its input', (input: PassThrough) => input.end()],
  ] as const) {
    it(`has no answer after ${how}`, async () => {
      const { answer, shown } = await asked(leave);
      expect(answer).to.equal(undefined);
      expect(shown, 'colours').not.to.match(/\u001b\[3\dm/);
      expect(shown, 'the cursor is back').to.include('\u001b[?25h');
    });
  }
});
