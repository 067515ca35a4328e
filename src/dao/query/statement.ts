// A statement while it is written: its values in the order of their placeholders.
import type { Flavour, Script } from '../app/flavour.js';

export class Statement {
  readonly flavour: Flavour;
  readonly #values: unknown[] = [];

  constructor(flavour: Flavour) {
    this.flavour = flavour;
  }

  /** The placeholder for the next value. */
  bind(value: unknown): string {
    this.#values.push(value);
    return this.flavour.placeholder(this.#values.length);
  }

  ended(sql: string): Script {
    return { sql, values: this.#values };
  }
}
