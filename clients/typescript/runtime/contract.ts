/** What a client expects of a service, and the differences to what the server has (W16 and W17 of docs/wire.md). */

import type { Codec } from "./codec.js";
import type { ServiceError } from "./errors.js";
import type { Row, Table } from "./wire.js";

/** A method: its id, the format of its arguments and replies, and its policies. */
export interface Method<A extends readonly unknown[], T> {
  readonly name: string;
  readonly id: bigint;
  readonly types: bigint;
  readonly signature: string;
  readonly formats: string;
  readonly names: readonly string[];
  readonly arguments: Codec<A>;
  readonly value: Codec<T>;
  /** Reads the service's own error, and makes what is thrown. */
  readonly fails?: (target: string, body: Buffer) => ServiceError<unknown>;
  readonly idempotent?: boolean;
  /** Its own deadline, in milliseconds. */
  readonly timeout?: number;
}

/** What is known of a method without the types of its values. */
export type AnyMethod = Pick<Method<readonly unknown[], unknown>, "name" | "id" | "types" | "signature" | "formats" | "idempotent">;

/** A service: its name, and the hashes over its methods and their types. */
export interface Contract {
  readonly service: string;
  readonly hash: bigint;
  readonly types: bigint;
  readonly methods: readonly AnyMethod[];
}

/** The methods of a service that must not be called, with the reasons; all of them while the server's table is awaited. */
export interface Judgement {
  waiting: boolean;
  refused: Map<bigint, string>;
  missing: string;
}

/** The methods that the server has otherwise, with the difference. */
export function judge(contract: Contract, table: Table): Map<bigint, string> {
  const refused = new Map<bigint, string>();
  for (const method of contract.methods) {
    const row = table.rows.find((row) => row.id === method.id);
    if (row === undefined) {
      refused.set(method.id, otherSignature(method, table));
    } else if (method.types !== 0n && row.types !== 0n && method.types !== row.types) {
      const found = difference(method.formats, row.formats);
      if (found !== undefined) refused.set(method.id, found);
    }
  }
  return refused;
}

function listed(rows: readonly Row[]): string {
  return rows.map((row) => `\`${row.name}\``).join(", ") || "none";
}

function otherSignature(method: AnyMethod, table: Table): string {
  const theirs = table.rows.find((row) => row.name === method.name);
  if (theirs !== undefined) return `\`${method.signature}\` here, \`${theirs.signature}\` there`;
  return `the server has no method \`${method.name}\`; those that it has: ${listed(table.rows)}`;
}

/** A sentence about a service that the server does not have. */
export function noService(name: string, known: readonly Row[]): string {
  return `the server has no service \`${name}\`; those that it has: ${listed(known)}`;
}

/** The first difference of two texts of formats; none if they differ in names of types, or in last variants, only. */
function difference(here: string, there: string): string | undefined {
  try {
    const [ours, theirs] = [new Text(here), new Text(there)];
    return new Comparison(ours.types, theirs.types).compare(ours.root, theirs.root, "");
  } catch {
    return `types that cannot be compared: \`${here}\` here, \`${there}\` there`;
  }
}

type Format =
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "enum"; readonly variants: readonly (readonly [string, Format])[] }
  /** A word and its parts: `steps` is how a path goes on to each. */
  | { readonly kind: "parts"; readonly word: string; readonly steps: readonly string[]; readonly parts: readonly Format[] };

const TOKEN = /\s*("(?:[^"\\]|\\.)*"(?:'\w+)?|[\p{L}\p{N}_]+(?:'\w+)?|->|.)/gu;
const LEAVES = "bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes".split(" ");

/** Reads the text of W17b. */
class Text {
  private readonly tokens: string[];
  private at = 0;
  readonly types = new Map<string, Format>();
  readonly root: Format;

  constructor(text: string) {
    this.tokens = [...text.matchAll(TOKEN)].map((found) => found[1] as string);
    this.expect("fn");
    this.expect("(");
    const parts = this.until(")", () => this.format());
    const steps = parts.map((_, at) => `argument ${at + 1}`);
    this.expect("->");
    steps.push("the reply");
    if (this.takes("Result")) {
      this.expect("<");
      parts.push(this.format());
      this.expect(",");
      parts.push(this.format());
      this.expect(">");
      steps.push("the error");
    } else {
      parts.push(this.format());
    }
    this.root = { kind: "parts", word: "fn", steps, parts };
    while (this.takes(";")) this.definition();
    if (this.at !== this.tokens.length) throw new Error(text);
  }

  private next(): string {
    this.at += 1;
    return this.tokens[this.at - 1] ?? "";
  }

  private takes(token: string): boolean {
    const found = this.tokens[this.at] === token;
    this.at += found ? 1 : 0;
    return found;
  }

  private expect(token: string): void {
    if (!this.takes(token)) throw new Error(`${token} is expected at ${this.tokens[this.at] ?? "the end"}`);
  }

  private until<T>(end: string, one: () => T): T[] {
    const found: T[] = [];
    while (!this.takes(end)) {
      if (found.length > 0) {
        this.expect(",");
        if (this.takes(end)) break; // a tuple of one
      }
      found.push(one());
    }
    return found;
  }

  private format(): Format {
    const token = this.next();
    const of = (word: string, steps: string[], ...parts: Format[]): Format => ({ kind: "parts", word, steps, parts });
    if (token === "(") {
      const parts = this.until(")", () => this.format());
      return of("tuple", parts.map((_, at) => `.${at}`), ...parts);
    }
    if (token === "[") {
      const inner = this.format();
      const length = this.takes(";") ? this.next() : "";
      this.expect("]");
      return of(`list ${length}`, ["[]"], inner);
    }
    if (token === "{") {
      const key = this.format();
      this.expect(":");
      const value = this.format();
      this.expect("}");
      return of("map", ["{key}", "{value}"], key, value);
    }
    if (token === "Option") {
      this.expect("<");
      const inner = this.format();
      this.expect(">");
      return of("option", ["?"], inner);
    }
    if (LEAVES.includes(token)) return of(token, []);
    if (!/^["\p{L}\p{N}_]/u.test(token)) throw new Error(`${token} is no format`);
    return { kind: "named", name: token };
  }

  private definition(): void {
    const [kind, name] = [this.next(), this.next()];
    if (kind === "type") {
      this.expect("=");
      this.types.set(name, this.format());
    } else if (kind === "struct") {
      this.types.set(name, this.fields());
    } else {
      this.expect("{");
      this.types.set(name, { kind: "enum", variants: this.until("}", () => [this.next(), this.fields()] as const) });
    }
  }

  private fields(): Format {
    if (this.takes("(")) {
      const parts = this.until(")", () => this.format());
      return { kind: "parts", word: "struct", steps: parts.map((_, at) => `.${at}`), parts };
    }
    const field = (): readonly [string, Format] => {
      const name = this.next();
      this.expect(":");
      return [`.${name}`, this.format()];
    };
    const named = this.takes("{") ? this.until("}", field) : [];
    return { kind: "parts", word: "struct", steps: named.map(([name]) => name), parts: named.map(([, format]) => format) };
  }
}

class Comparison {
  private readonly seen = new Set<string>();

  constructor(
    private readonly here: Map<string, Format>,
    private readonly there: Map<string, Format>,
  ) {}

  /** The first difference. */
  compare(here: Format, there: Format, path: string): string | undefined {
    if (here.kind === "named" && there.kind === "named") {
      const pair = `${here.name} ${there.name}`;
      if (this.seen.has(pair)) return undefined;
      this.seen.add(pair);
      const [ours, theirs] = [this.here.get(here.name), this.there.get(there.name)];
      if (ours === undefined || theirs === undefined) throw new Error("a type that is not defined");
      return this.compare(ours, theirs, here.name.split("'")[0] as string);
    }
    if (here.kind === "enum" && there.kind === "enum") return this.variants(here.variants, there.variants, path);
    const isSame = here.kind === "parts" && there.kind === "parts" && here.word === there.word;
    if (!isSame) return `\`${path}\`: ${shown(here)} here, ${shown(there)} there`;
    if (here.steps.join() !== there.steps.join()) {
      const [ours, theirs] = [here, there].map(({ steps }) => steps.map((step) => step.replace(".", "")).join(", ") || "none");
      return `\`${path || "the method"}\`: the fields \`${ours}\` here, \`${theirs}\` there`;
    }
    for (const [at, part] of here.parts.entries()) {
      const found = this.compare(part, there.parts[at] as Format, path + (here.steps[at] as string));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Variants behind those of both are no difference: a reader refuses them by their numbers (W17a). */
  private variants(
    here: readonly (readonly [string, Format])[],
    there: readonly (readonly [string, Format])[],
    path: string,
  ): string | undefined {
    for (const [at, [name, fields]] of here.entries()) {
      const other = there[at];
      if (other === undefined) break;
      if (other[0] !== name) {
        const [ours, theirs] = [here, there].map((variants) => variants.map(([name]) => name).join(", "));
        return `\`${path}\`: the variants \`${ours}\` here, \`${theirs}\` there`;
      }
      const found = this.compare(fields, other[1], `${path}::${name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function shown(format: Format): string {
  if (format.kind === "named") return format.name;
  if (format.kind === "enum") return "an enum";
  const parts = format.parts.map(shown);
  if (format.word === "tuple") return `(${parts.join(", ")})`;
  if (format.word === "option") return `Option<${parts.join()}>`;
  if (format.word === "map") return `{${parts.join(": ")}}`;
  if (format.word.startsWith("list")) return `[${parts.join()}${format.word.slice(5) && `; ${format.word.slice(5)}`}]`;
  return format.word === "struct" ? "a struct" : format.word;
}
