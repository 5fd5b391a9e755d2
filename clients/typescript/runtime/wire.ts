/** Frames and their bodies (W1 to W19 of docs/wire.md). */

export const Kind = {
  Hello: 1,
  Welcome: 2,
  Call: 3,
  Reply: 4,
  Cancel: 5,
  Ack: 6,
  Ping: 7,
  Pong: 8,
  GoAway: 9,
  SessionLost: 10,
  Busy: 11,
  Bye: 12,
  Methods: 13,
  Table: 14,
  Reject: 15,
} as const;

const FROM_SERVERS: readonly number[] = [2, 4, 8, 9, 10, 11, 14, 15];
const WITHOUT_BODY: readonly number[] = [5, 6, 7, 8, 9, 11, 12];

/** Features of W9. */
export const Feature = { Unchecked: 1, Properties: 2, GivenUp: 4, Denied: 8, Metadata: 16, Types: 32 } as const;
export const HAS_METADATA = 1; // a bit of the code of a CALL, W13a
export const REJECT_VERSION = 2; // a code of W19: after it the client does not connect again by itself
export const NO_DEADLINE = 2 ** 32 - 1;

const HEADER = 36;
export const LONGEST_BEFORE_WELCOME = 4096; // W4a
const LONGEST_METADATA = 1024; // W13a

/** Bytes that are no sound frame: the way may be at fault (W35). */
export class Unsound extends Error {}

/** A sound frame that breaks a rule: the server is broken (W35). */
export class Broken extends Error {}

const TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let crc = number;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (W5), by a table of our own: node's library has only the other polynomial. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

export interface Frame {
  readonly kind: number;
  readonly code: number;
  readonly slot: number;
  readonly seq: number;
  readonly millis: number;
  readonly body: Buffer;
  /** A REPLY over the client's limit, whose body was skipped (W4d). */
  readonly tooLong: boolean;
}

export interface Fixed {
  readonly code?: number;
  readonly slot?: number;
  readonly seq?: number;
  readonly method?: bigint;
  readonly millis?: number;
  readonly bodyCrc?: number;
}

/** The bytes of a frame. The checksum of its body is computed if it is not given. */
export function frame(kind: number, body: Uint8Array, fixed: Fixed = {}): Buffer {
  const bytes = Buffer.alloc(HEADER + body.length);
  bytes.writeUInt32LE(32 + body.length, 0);
  bytes.writeUInt8(kind, 4);
  bytes.writeUInt8(fixed.code ?? 0, 5);
  bytes.writeUInt16LE(fixed.slot ?? 0, 6);
  bytes.writeBigUInt64LE(BigInt(fixed.seq ?? 0), 8);
  bytes.writeBigUInt64LE(fixed.method ?? 0n, 16);
  bytes.writeUInt32LE(fixed.millis ?? 0, 24);
  bytes.writeUInt32LE(fixed.bodyCrc ?? crc32c(body), 28);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 32)), 32);
  bytes.set(body, HEADER);
  return bytes;
}

/** The frames in the bytes of one connection. */
export class Decoder {
  private buffer: Buffer = Buffer.alloc(0);
  private skip = 0;
  longest = LONGEST_BEFORE_WELCOME;
  checked = true;

  add(data: Buffer): void {
    const skipped = Math.min(this.skip, data.length);
    this.skip -= skipped;
    this.buffer = Buffer.concat([this.buffer, data.subarray(skipped)]);
  }

  /** The next whole frame. Throws `Unsound` or `Broken` for bytes that are none. */
  next(): Frame | undefined {
    const head = this.buffer;
    if (head.length < HEADER) return undefined;
    if (crc32c(head.subarray(0, 32)) !== head.readUInt32LE(32)) throw new Unsound("a header's checksum is wrong");
    const size = head.readUInt32LE(0) - 32;
    if (size < 0) throw new Unsound("a frame is shorter than its header");
    const kind = head.readUInt8(4);
    if (kind < 1 || kind > 15) throw new Unsound(`unknown frame kind ${kind}`);
    if (WITHOUT_BODY.includes(kind) && size > 0) throw new Unsound(`a frame of kind ${kind} with a body`);
    const fixed = {
      kind,
      code: head.readUInt8(5),
      slot: head.readUInt16LE(6),
      seq: Number(head.readBigUInt64LE(8)),
      millis: head.readUInt32LE(24),
    };
    if (size > this.longest) return this.skipped(size, { ...fixed, body: Buffer.alloc(0), tooLong: true });
    if (head.length < HEADER + size) return undefined;
    const body = head.subarray(HEADER, HEADER + size);
    this.buffer = head.subarray(HEADER + size);
    const isChecked = this.checked || kind === Kind.Welcome;
    if (isChecked && crc32c(body) !== head.readUInt32LE(28)) throw new Unsound("a body's checksum is wrong");
    if (!FROM_SERVERS.includes(kind)) throw new Broken(`a frame of kind ${kind} from a server`);
    return { ...fixed, body, tooLong: false };
  }

  private skipped(size: number, found: Frame): Frame {
    if (this.longest === LONGEST_BEFORE_WELCOME) throw new Unsound(`a body of ${size} bytes before the session stands`);
    if (found.kind !== Kind.Reply || size > 16 * this.longest) {
      throw new Broken(`a body of ${size} bytes; the limit is ${this.longest}`);
    }
    const here = Math.min(size, this.buffer.length - HEADER);
    this.buffer = this.buffer.subarray(HEADER + here);
    this.skip = size - here;
    return found;
  }
}

/** Reads the body of a control frame (W7). */
class Fields {
  private at = 0;

  constructor(private readonly body: Buffer) {}

  take(count: number): Buffer {
    const taken = this.body.subarray(this.at, this.at + count);
    if (taken.length !== count) throw new Broken("a body that ends too early");
    this.at += count;
    return taken;
  }

  number(size: number): number {
    return this.take(size).readUIntLE(0, size);
  }

  big(): bigint {
    return this.take(8).readBigUInt64LE();
  }

  text(size: number): string {
    return this.take(size).toString("utf8");
  }

  name(): string {
    return this.text(this.number(1));
  }

  end(): void {
    if (this.at !== this.body.length) throw new Broken("a body with bytes left over");
  }
}

function name(text: string): Buffer {
  const data = Buffer.from(text, "utf8");
  return Buffer.concat([Uint8Array.of(data.length), data]);
}

function number(value: number | bigint, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  if (typeof value === "bigint") bytes.writeBigUInt64LE(value);
  else bytes.writeUIntLE(value, 0, size);
  return bytes;
}

/** What resumes a session. */
export interface Session {
  readonly id: Buffer;
  readonly token: Buffer;
}

export interface Service {
  readonly name: string;
  readonly contract: bigint;
  readonly types: bigint;
}

/** The body of HELLO (W9). */
export function hello(services: readonly Service[], slots: number, features: number, nonce: Buffer, resume?: Session): Buffer {
  const parts = [Buffer.from([0x41, 0x4d, 0x4f, 1]), number(1, 2), number(1, 2), number(features, 4), number(slots, 2)];
  parts.push(number(resume === undefined ? 0 : 1, 1));
  if (resume !== undefined) parts.push(resume.id, resume.token);
  parts.push(number(services.length, 1));
  for (const service of services) parts.push(number(service.contract, 8), name(service.name));
  if (resume === undefined) parts.push(number(1, 1), number(nonce.length, 2), nonce);
  if (services.length > 0) {
    parts.push(number(2, 1), number(8 * services.length, 2), ...services.map((service) => number(service.types, 8)));
  }
  return Buffer.concat(parts);
}

/** The body of WELCOME (W10). */
export interface Welcome {
  readonly version: number;
  readonly features: number;
  readonly session: Session;
  readonly slots: number;
  readonly longest: number;
  readonly resumed: boolean;
  readonly agreements: readonly number[];
}

export function readWelcome(body: Buffer): Welcome {
  const fields = new Fields(body);
  const [version, features] = [fields.number(2), fields.number(4)];
  fields.take(16); // the incarnation
  const session = { id: Buffer.from(fields.take(16)), token: Buffer.from(fields.take(32)) };
  const [slots, longest] = [fields.number(2), fields.number(4)];
  fields.take(4); // the lease
  const resumed = fields.number(1) === 1;
  const agreements = [...fields.take(fields.number(1))];
  fields.end();
  return { version, features, session, slots, longest, resumed, agreements };
}

/** A method in a TABLE, or a service in the TABLE of all services. */
export interface Row {
  readonly id: bigint;
  readonly name: string;
  readonly signature: string;
  readonly types: bigint;
  readonly formats: string;
}

/** The body of TABLE (W11). */
export interface Table {
  readonly service: string;
  readonly rows: readonly Row[];
}

export function readTable(body: Buffer, features: number): Table {
  const fields = new Fields(body);
  const service = fields.name();
  const rows: Row[] = [];
  for (let left = fields.number(2); left > 0; left -= 1) {
    const [id, name, signature] = [fields.big(), fields.name(), fields.text(fields.number(2))];
    if (features & Feature.Properties) fields.take(1);
    const typed = (features & Feature.Types) !== 0;
    const types = typed ? fields.big() : 0n;
    const formats = typed ? fields.text(fields.number(2)) : "";
    rows.push({ id, name, signature, types, formats });
  }
  fields.end();
  return { service, rows };
}

/** The body of METHODS; an empty name asks for all services. */
export function methods(service: string): Buffer {
  return name(service);
}

/** Metadata behind arguments (W13a). */
export function metadata(entries: Readonly<Record<string, string>>): Buffer {
  const sorted = Object.entries(entries).map(([key, value]) => [Buffer.from(key), Buffer.from(value)] as const);
  sorted.sort(([one], [other]) => Buffer.compare(one, other));
  const parts = sorted.flatMap(([key, value]) => {
    if (key.length < 1 || key.length > 255) throw new RangeError("a key of metadata has 1 to 255 bytes");
    if (value.length > LONGEST_METADATA) throw new RangeError(`metadata of more than ${LONGEST_METADATA} bytes`);
    return [number(key.length, 1), key, number(value.length, 2), value];
  });
  const body = Buffer.concat(parts);
  if (body.length > LONGEST_METADATA) throw new RangeError(`metadata of ${body.length} bytes; at most ${LONGEST_METADATA}`);
  return Buffer.concat([body, number(body.length, 2)]);
}
