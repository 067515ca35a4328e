// PostgreSQL's splitter as a program holds it: what it takes is loaded with the first script, so that a start with nothing to do loads none of it.
import type { Result } from 'neverthrow';
import type { Script, ScriptError, ScriptSplitter } from '../../../core/ports/script-splitter.js';

export class LazyPostgresSplitter implements ScriptSplitter {
  #splitter: ScriptSplitter | undefined;

  async prepare(): Promise<void> {
    if (this.#splitter !== undefined) return;
    const { PostgresScriptSplitter } = await import('./sql/script.js');
    const splitter = new PostgresScriptSplitter();
    await splitter.prepare();
    this.#splitter = splitter;
  }

  split(script: string, options?: { readonly transactionControl: 'refuse' | 'keep' }): Result<Script, ScriptError> {
    if (this.#splitter === undefined) throw new Error('a splitter is prepared before it is asked to split');
    return this.#splitter.split(script, options);
  }
}
