/** Reads values of random types, compares them with what the test says of them, and writes them again. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { runtime } from "./index.js";
import * as samples from "./samples.js";

type Said = null | boolean | string | number | readonly Said[];
type Method = runtime.Method<readonly [unknown], unknown>;

function hexOf(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString("hex");
}

/** True if the value is what the test has said. */
function same(value: unknown, said: Said): boolean {
  if (said === null) return value === null || value === undefined || (isSome(value) && same(value.some, said));
  if (isSome(value)) return same(value.some, said);
  if (typeof said === "boolean") return value === said;
  if (typeof said === "string") {
    const rest = said.slice(2);
    if (said.startsWith("s:")) return value === rest;
    if (said.startsWith("b:")) return value instanceof Uint8Array && Buffer.from(value).toString("hex") === rest;
    if (said.startsWith("f:")) return typeof value === "number" && hexOf(value) === rest;
    return (typeof value === "number" || typeof value === "bigint") && String(value) === said;
  }
  if (typeof said === "number") return false;
  const [name, ...parts] = said;
  if (name === "list") {
    const list: unknown[] = value instanceof Map ? [...(value as Map<unknown, unknown>)] : (value as unknown[]);
    return list.length === parts.length && list.every((one, at) => same(one, parts[at] as Said));
  }
  if (typeof value === "string") return value === `Only${String(parts[0])}`;
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
  const fields = entries.filter(([field]) => field !== "kind");
  const kind = entries.find(([field]) => field === "kind")?.[1] as string | undefined;
  const isNamed = kind === undefined || String(name).endsWith(kind);
  return isNamed && fields.length === parts.length && fields.every(([, one], at) => same(one, parts[at] as Said));
}

function isSome(value: unknown): value is runtime.Some<unknown> {
  return typeof value === "object" && value !== null && Object.keys(value).join() === "some";
}

const lines = readFileSync(process.argv[2] as string, "utf8").trimEnd().split("\n");
const methods = samples.CONTRACT.methods as readonly Method[];
assert.equal(lines.length, methods.length);
for (const [at, method] of methods.entries()) {
  const line = lines[at] as string;
  const data = Buffer.from(line.slice(0, line.indexOf(" ")), "hex");
  const expected = JSON.parse(line.slice(line.indexOf(" ") + 1)) as Said;
  const [value] = runtime.codec.decode(method.arguments, data);
  if (!same(value, expected)) assert.fail(`${method.formats}\n${line}`);
  assert.equal(runtime.codec.encode(method.arguments, [value]).toString("hex"), data.toString("hex"), method.formats);
  for (let end = 0; end < Math.min(data.length, 40); end += 1) {
    assert.throws(() => runtime.codec.decode(method.arguments, data.subarray(0, end)), runtime.DecodeError, method.formats);
  }
}
console.log(`${methods.length} values are the same`);
