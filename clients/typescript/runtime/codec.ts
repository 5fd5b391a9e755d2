/** Values to bytes and back (W14, W15 of docs/wire.md): one `Codec` for each format. */

const NESTING = 64; // levels of a value, as servers take by default
const SPARE_ELEMENTS = 1024; // elements of lists and maps beyond the bytes of a body

/** A value that is none of its format. */
export class EncodeError extends Error {
  constructor(
    readonly text: string,
    readonly path = "",
  ) {
    super(path === "" ? text : `${path}: ${text}`);
  }

  below(step: string): EncodeError {
    const between = this.path === "" || this.path.startsWith("[") ? "" : ".";
    return new EncodeError(this.text, step + between + this.path);
  }
}

/** Bytes that are no value of the format. */
export class DecodeError extends Error {}

/** A value that is present, where the value itself can be `null`: an option of an option. */
export interface Some<T> {
  readonly some: T;
}

/** The bytes of a value, and its present depth. */
export class Writer {
  private buffer = Buffer.alloc(128);
  private length = 0;
  depth = 0;

  /** Room for so many bytes at the end. */
  room(count: number): { bytes: Buffer; at: number } {
    const at = this.length;
    this.length += count;
    if (this.length > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(this.length, 2 * this.buffer.length));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    return { bytes: this.buffer, at };
  }

  put(data: Uint8Array): void {
    const { bytes, at } = this.room(data.length);
    bytes.set(data, at);
  }

  count(number: number): void {
    const { bytes, at } = this.room(8);
    bytes.writeBigUInt64LE(BigInt(number), at);
  }

  enter(): void {
    this.depth += 1;
    if (this.depth > NESTING) throw new EncodeError(`nested deeper than ${NESTING} levels`);
  }

  taken(): Buffer {
    return this.buffer.subarray(0, this.length);
  }
}

/** Reads a body from its beginning. It takes no more elements than the body can pay for. */
export class Reader {
  private at = 0;
  private elements: number;
  depth = 0;

  constructor(private readonly data: Buffer) {
    this.elements = data.length + SPARE_ELEMENTS;
  }

  take(count: number): Buffer {
    const end = this.at + count;
    if (end > this.data.length) {
      throw new DecodeError(`${count} bytes are needed at byte ${this.at}, and ${this.data.length - this.at} are there`);
    }
    const taken = this.data.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  length(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  /** The number of elements of a list or map, taken from what is left of them. */
  count(): number {
    const number = this.length();
    this.elements -= number;
    if (this.elements < 0) throw new DecodeError(`${number} elements are more than the bytes can have`);
    return number;
  }

  enter(): void {
    this.depth += 1;
    if (this.depth > NESTING) throw new DecodeError(`nested deeper than ${NESTING} levels`);
  }

  end(): void {
    if (this.at !== this.data.length) throw new DecodeError(`${this.data.length - this.at} bytes are left over`);
  }
}

/** Writes and reads the values of one format. */
export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

export function encode<T>(codec: Codec<T>, value: T): Buffer {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.taken();
}

export function decode<T>(codec: Codec<T>, data: Buffer): T {
  const reader = new Reader(data);
  const value = codec.read(reader);
  reader.end();
  return value;
}

function expected(what: string, value: unknown): EncodeError {
  let shown: string;
  try {
    shown = typeof value === "bigint" ? `${value}n` : (JSON.stringify(value) ?? String(value));
  } catch {
    shown = typeof value;
  }
  return new EncodeError(`expected ${what}, got ${shown.length <= 60 ? shown : shown.slice(0, 57) + "..."}`);
}

function small(bytes: number, signed: boolean): Codec<number> {
  const low = signed ? -(2 ** (8 * bytes - 1)) : 0;
  const high = low + 2 ** (8 * bytes) - 1;
  const name = `${signed ? "i" : "u"}${8 * bytes}`;
  return {
    write(writer, value) {
      if (!Number.isInteger(value) || value < low || value > high) {
        throw expected(`an integer from ${low} to ${high} (${name})`, value);
      }
      const room = writer.room(bytes);
      if (signed) room.bytes.writeIntLE(value, room.at, bytes);
      else room.bytes.writeUIntLE(value, room.at, bytes);
    },
    read: (reader) => (signed ? reader.take(bytes).readIntLE(0, bytes) : reader.take(bytes).readUIntLE(0, bytes)),
  };
}

function large(words: number, signed: boolean): Codec<bigint> {
  const bits = 64 * words;
  const name = `${signed ? "i" : "u"}${bits}`;
  return {
    write(writer, value) {
      const fits = typeof value === "bigint" && (signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) === value;
      if (!fits) throw expected(`a bigint that fits into ${name}`, value);
      const room = writer.room(8 * words);
      for (let word = 0; word < words; word += 1) {
        room.bytes.writeBigUInt64LE(BigInt.asUintN(64, value >> BigInt(64 * word)), room.at + 8 * word);
      }
    },
    read(reader) {
      const bytes = reader.take(8 * words);
      let value = 0n;
      for (let word = words - 1; word >= 0; word -= 1) value = (value << 64n) | bytes.readBigUInt64LE(8 * word);
      return signed ? BigInt.asIntN(bits, value) : value;
    },
  };
}

function float(bytes: 4 | 8): Codec<number> {
  return {
    write(writer, value) {
      if (typeof value !== "number") throw expected("a number", value);
      if (bytes === 4 && Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
        throw expected("a number that fits into f32", value);
      }
      const room = writer.room(bytes);
      if (bytes === 4) room.bytes.writeFloatLE(value, room.at);
      else room.bytes.writeDoubleLE(value, room.at);
    },
    read: (reader) => (bytes === 4 ? reader.take(4).readFloatLE() : reader.take(8).readDoubleLE()),
  };
}

function flag(reader: Reader): boolean {
  const byte = reader.take(1)[0];
  if (byte !== 0 && byte !== 1) throw new DecodeError(`${byte} is no flag`);
  return byte === 1;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function text(data: Buffer): string {
  try {
    return utf8.decode(data);
  } catch {
    throw new DecodeError("no UTF-8");
  }
}

function utf8Of(value: string): Buffer {
  const data = Buffer.from(value, "utf8");
  // A single surrogate becomes U+FFFD there, and would arrive as another text.
  if (data.includes("\ufffd") && data.toString("utf8") !== value) throw expected("text without single surrogates", value);
  return data;
}

export const U8 = small(1, false);
export const U16 = small(2, false);
export const U32 = small(4, false);
export const I8 = small(1, true);
export const I16 = small(2, true);
export const I32 = small(4, true);
export const U64 = large(1, false);
export const I64 = large(1, true);
export const U128 = large(2, false);
export const I128 = large(2, true);
export const F32 = float(4);
export const F64 = float(8);

export const UNIT: Codec<undefined> = {
  write(_writer, value) {
    if (value !== undefined) throw expected("undefined", value);
  },
  read: () => undefined,
};

export const BOOL: Codec<boolean> = {
  write(writer, value) {
    if (typeof value !== "boolean") throw expected("true or false", value);
    writer.put(Uint8Array.of(value ? 1 : 0));
  },
  read: flag,
};

export const CHAR: Codec<string> = {
  write(writer, value) {
    if (typeof value !== "string" || [...value].length !== 1) throw expected("one character", value);
    writer.put(utf8Of(value));
  },
  read(reader) {
    const first = reader.take(1);
    const byte = first[0] ?? 0;
    const more = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    return text(Buffer.concat([first, reader.take(more)]));
  },
};

export const STR: Codec<string> = {
  write(writer, value) {
    if (typeof value !== "string") throw expected("a string", value);
    const data = utf8Of(value);
    writer.count(data.length);
    writer.put(data);
  },
  read: (reader) => text(reader.take(reader.length())),
};

export const BYTES: Codec<Uint8Array> = {
  write(writer, value) {
    if (!(value instanceof Uint8Array)) throw expected("a Uint8Array", value);
    writer.count(value.length);
    writer.put(value);
  },
  read: (reader) => new Uint8Array(reader.take(reader.length())),
};

/** Bytes of one length, which is not written: `[u8; 4]`. */
export function byteArray(length: number): Codec<Uint8Array> {
  return {
    write(writer, value) {
      if (!(value instanceof Uint8Array) || value.length !== length) throw expected(`a Uint8Array of ${length} bytes`, value);
      writer.put(value);
    },
    read: (reader) => new Uint8Array(reader.take(length)),
  };
}

function deeper<T>(place: Writer | Reader, run: () => T): T {
  place.enter();
  const value = run();
  place.depth -= 1;
  return value;
}

function within(step: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    throw error instanceof EncodeError ? error.below(step) : error;
  }
}

/** A value or `null`. */
export function option<T>(inner: Codec<T>): Codec<T | null> {
  return {
    write(writer, value) {
      writer.put(Uint8Array.of(value === null ? 0 : 1));
      if (value !== null) deeper(writer, () => inner.write(writer, value));
    },
    read: (reader) => (flag(reader) ? deeper(reader, () => inner.read(reader)) : null),
  };
}

/** `{ some: value }` or `null`, where the value itself can be `null`. */
export function some<T>(inner: Codec<T>): Codec<Some<T> | null> {
  return {
    write(writer, value) {
      if (value !== null && (typeof value !== "object" || !("some" in value))) throw expected("null or { some: .. }", value);
      writer.put(Uint8Array.of(value === null ? 0 : 1));
      if (value !== null) deeper(writer, () => inner.write(writer, value.some));
    },
    read: (reader) => (flag(reader) ? deeper(reader, () => ({ some: inner.read(reader) })) : null),
  };
}

/** A list of any length. */
export function list<T>(inner: Codec<T>): Codec<readonly T[]> {
  return {
    write(writer, value) {
      if (!Array.isArray(value)) throw expected("an array", value);
      writer.count(value.length);
      deeper(writer, () => value.forEach((one: T, at) => within(`[${at}]`, () => inner.write(writer, one))));
    },
    read(reader) {
      const count = reader.count();
      return deeper(reader, () => Array.from({ length: count }, () => inner.read(reader)));
    },
  };
}

/** A map whose keys a `Map` cannot look up, as its entries. */
export function pairs<K, V>(key: Codec<K>, value: Codec<V>): Codec<readonly (readonly [K, V])[]> {
  return {
    write(writer, entries) {
      if (!Array.isArray(entries)) throw expected("an array of pairs", entries);
      writer.count(entries.length);
      deeper(writer, () =>
        entries.forEach(([one, other]: readonly [K, V], at) =>
          within(`[${at}]`, () => {
            key.write(writer, one);
            value.write(writer, other);
          }),
        ),
      );
    },
    read(reader) {
      const count = reader.count();
      return deeper(reader, () => Array.from({ length: count }, () => [key.read(reader), value.read(reader)] as const));
    },
  };
}

/** A map. */
export function map<K, V>(key: Codec<K>, value: Codec<V>): Codec<ReadonlyMap<K, V>> {
  const inner = pairs(key, value);
  return {
    write(writer, entries) {
      if (!(entries instanceof Map)) throw expected("a Map", entries);
      inner.write(writer, [...entries]);
    },
    read: (reader) => new Map(inner.read(reader)),
  };
}

/** The values of codecs, one behind the other. */
type Values<C extends readonly Codec<unknown>[]> = { readonly [I in keyof C]: C[I] extends Codec<infer T> ? T : never };

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- a codec takes its own type only, so a list of them has no other type */
type AnyCodec = Codec<any>;

/** A tuple: values of these formats, one behind the other. */
export function tuple<C extends readonly AnyCodec[]>(...inner: C): Codec<Values<C>> {
  return {
    write(writer, value: readonly unknown[]) {
      if (!Array.isArray(value) || value.length !== inner.length) throw expected(`an array of ${inner.length}`, value);
      deeper(writer, () => inner.forEach((codec, at) => within(`[${at}]`, () => codec.write(writer, value[at]))));
    },
    read: (reader) => deeper(reader, () => inner.map((codec): unknown => codec.read(reader))) as Values<C>,
  };
}

/** So many values of one format. */
export function array<T>(inner: Codec<T>, length: number): Codec<readonly T[]> {
  return {
    write(writer, value) {
      if (!Array.isArray(value) || value.length !== length) throw expected(`an array of ${length}`, value);
      deeper(writer, () => value.forEach((one: T, at) => within(`[${at}]`, () => inner.write(writer, one))));
    },
    read: (reader) => deeper(reader, () => Array.from({ length }, () => inner.read(reader))),
  };
}

/** An object: its fields in their order. */
export function record<T extends object>(name: string, fields: { readonly [F in keyof T]: Codec<T[F]> }): Codec<T> {
  const list = Object.entries(fields) as [string, AnyCodec][];
  return {
    write(writer, value) {
      if (typeof value !== "object" || (value as unknown) === null) throw expected(`a ${name}`, value);
      const own = value as Record<string, unknown>;
      deeper(writer, () => list.forEach(([field, codec]) => within(field, () => codec.write(writer, own[field]))));
    },
    read: (reader) =>
      deeper(reader, () => Object.fromEntries(list.map(([field, codec]) => [field, codec.read(reader) as unknown]))) as T,
  };
}

function variantOf(reader: Reader, count: number, name: string): number {
  const number = reader.take(4).readUInt32LE();
  if (number >= count) throw new DecodeError(`${name} has no variant ${number}`);
  return number;
}

function putVariant(writer: Writer, number: number): void {
  const room = writer.room(4);
  room.bytes.writeUInt32LE(number, room.at);
}

/** An enum whose variants have no fields: their names, in the order of their numbers. */
export function names<N extends string>(name: string, variants: readonly N[]): Codec<N> {
  return {
    write(writer, value) {
      const number = variants.indexOf(value);
      if (number < 0) throw expected(`a variant of ${name}`, value);
      putVariant(writer, number);
    },
    read: (reader) => variants[variantOf(reader, variants.length, name)] as N,
  };
}

/** An enum: objects whose `kind` names the variant, in the order of their numbers. */
export function variants<T extends { readonly kind: string }>(name: string, all: readonly (readonly [T["kind"], AnyCodec])[]): Codec<T> {
  const numbers = new Map<string, number>(all.map(([kind], number) => [kind, number]));
  return {
    write(writer, value) {
      const number = typeof value === "object" && (value as unknown) !== null ? numbers.get(value.kind) : undefined;
      const found = number === undefined ? undefined : all[number];
      if (number === undefined || found === undefined) throw expected(`a variant of ${name}`, value);
      putVariant(writer, number);
      within(found[0], () => found[1].write(writer, value));
    },
    read(reader) {
      const [kind, codec] = all[variantOf(reader, all.length, name)] as readonly [string, AnyCodec];
      return { kind, ...(codec.read(reader) as object) } as T;
    },
  };
}

/** The codec of a type that is defined later: it contains itself. */
export function lazy<T>(codec: () => Codec<T>): Codec<T> {
  return { write: (writer, value) => codec().write(writer, value), read: (reader) => codec().read(reader) };
}
