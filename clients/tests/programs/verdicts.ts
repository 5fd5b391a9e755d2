/** Calls of all kinds, and what their callers are told. */

import assert from "node:assert/strict";

import { ECHO, EchoClient, JOURNAL, JournalClient, runtime, types } from "./index.js";

async function thrown<E extends Error>(kind: abstract new (...all: never[]) => E, run: () => Promise<unknown>): Promise<E> {
  try {
    const value = await run();
    throw new assert.AssertionError({ message: `no ${kind.name} but ${String(value)}` });
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    console.log(`${error.name}: ${error.message}`);
    return error;
  }
}

const EVERYTHING: types.Everything = {
  bytes: Uint8Array.of(0, 255),
  maybe: { some: null },
  byUnit: new Map([[7, ["a", "\u00e9", "\u{1f600}"]]]),
  byList: [[Uint8Array.of(107), 0.5]],
  byLists: [[[1, 2], true]],
  hash: Uint8Array.of(1, 2, 3, 4),
  point: [1.5, -0, Infinity],
  one: [-128],
  long: Array.from({ length: 20 }, (_, at) => at),
  large: [2n ** 128n - 1n, -(2n ** 127n), 2n ** 64n - 1n, -(2n ** 63n)],
  tree: [[], [[]]],
  colour: { kind: "Err", value: "no" },
};
const NOTHING: types.Expression = { kind: "Nothing" };
const CALL: types.Expression = { kind: "Call", class: "c", arguments: [{ kind: "Number", value: -1n }, NOTHING], type: { some: null } };

/** A switch that the compiler checks: `kind` tells the variants apart. */
function depth(expression: types.Expression): number {
  switch (expression.kind) {
    case "Nothing":
    case "Number":
      return 1;
    case "Sum":
      return 1 + Math.max(depth(expression.f0), depth(expression.f1));
    case "Call":
      return 1 + Math.max(0, ...expression.arguments.map(depth));
  }
}

async function echoes(address: string): Promise<void> {
  const client = await EchoClient.connect(address);
  assert.deepEqual(await client.everything(EVERYTHING), EVERYTHING);
  const sum: types.Expression = { kind: "Sum", f0: CALL, f1: NOTHING };
  const back = await client.expression(sum);
  assert.deepEqual(back, sum);
  assert.equal(depth(back), 3);
  assert.equal(await client.nothing(), undefined);
  assert.deepEqual(await client.close_(1, [2, "x"]), [1, [2, "x"]]);
  let deep = NOTHING;
  for (let level = 0; level < 80; level += 1) deep = { kind: "Sum", f0: deep, f1: NOTHING };
  assert.equal((await thrown(runtime.NotExecuted, () => client.expression(deep))).reason, "encode");
  const large = await thrown(runtime.NotExecuted, () => client.close_(256, [0, ""]));
  assert.match(large.message, /`timeout`: expected an integer from 0 to 255 \(u8\), got 256/);
  const wrong = await thrown(runtime.NotExecuted, () => client.close_(0, [0, 7 as unknown as string]));
  assert.match(wrong.message, /`metadata\[1\]`: expected a string, got 7/);
  const many = await Promise.all(Array.from({ length: 300 }, (_, at) => client.close_(at % 256, [0, `${at}`])));
  assert.deepEqual(many, many.map((_, at) => [at % 256, [0, `${at}`]]));
  client.close();
  assert.equal((await thrown(runtime.NotExecuted, () => client.nothing())).reason, "closed");
}

async function journals(address: string): Promise<void> {
  const client = await JournalClient.connect(address);
  assert.equal(await client.append("one"), 1n);
  assert.equal(await client.appendNew("two"), 2n);
  const twice = await thrown(types.JournalErrorException, () => client.appendNew("two"));
  assert.deepEqual(twice.error, { kind: "Twice" });
  assert.equal(twice.ran, true);
  const long = await thrown(types.JournalErrorException, () => client.appendNew("x".repeat(30)));
  assert.ok(long instanceof runtime.Executed);
  assert.deepEqual(long.error, { kind: "TooLong", most: 20n });
  assert.match((await thrown(runtime.Panicked, () => client.appendAndPanic("three"))).message, /on purpose/);
  assert.equal((await thrown(runtime.GivenUp, () => client.appendAndGiveUp("four"))).detail, "half of it is done");
  assert.equal(await client.metadata("who", { metadata: { who: "b\u00e9", a: "" } }), "b\u00e9");
  assert.equal(await client.metadata("who"), null);
  const denied = await thrown(runtime.NotExecuted, () => client.append("never", { metadata: { denied: "not you" } }));
  assert.deepEqual([denied.reason, denied.detail, denied.mayPass], ["denied", "not you", false]);
  await thrown(runtime.NotExecuted, () => client.append("never", { metadata: { k: "v".repeat(2000) } }));
  assert.equal((await thrown(runtime.NotExecuted, () => client.append("x".repeat(5 << 20)))).reason, "too large");

  const unknown = await thrown(runtime.UnknownOutcome, () => client.appendSlowly("five", 300n, { timeout: 100 }));
  assert.deepEqual([unknown.isOpen, unknown.ran], [true, undefined]);
  assert.equal(await unknown.resolve(5000), 5n);
  const abort = new AbortController();
  const six = client.appendSlowly("six", 200n, { signal: abort.signal });
  setTimeout(() => abort.abort(), 50);
  const cancelled = await thrown(runtime.UnknownOutcome, () => six);
  assert.equal(await cancelled.resolve(5000), 6n);
  const gone = await thrown(runtime.NotExecuted, () => client.append("never", { signal: abort.signal }));
  assert.equal(gone.reason, "cancelled");
  assert.ok(!(await client.lines()).includes("never"));
  client.close();
}

async function options(address: string): Promise<void> {
  const unchecked = await JournalClient.connect(address, { checksums: false, slots: 2 });
  const none = await Promise.all(Array.from({ length: 20 }, () => unchecked.metadata("k")));
  assert.deepEqual(none, none.map(() => null));
  unchecked.close();
  const both = await runtime.Connection.connect(address, [ECHO, JOURNAL]);
  await new EchoClient(both).nothing();
  assert.equal(await new JournalClient(both).metadata("k"), null);
  both.close();
}

const address = process.argv[2] as string;
await echoes(address);
await journals(address);
await options(address);
console.log("all verdicts are right");
