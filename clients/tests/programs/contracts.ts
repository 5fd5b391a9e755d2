/** Meets a server whose types have changed, one without the service, one of another protocol, and none. */

import assert from "node:assert/strict";

import { ShopClient, runtime, types } from "./index.js";

async function thrown<E extends Error>(kind: abstract new (...all: never[]) => E, run: () => Promise<unknown>): Promise<E> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
    console.log(`${error.name}: ${error.message}`);
    return error;
  }
  throw new Error(`no ${kind.name}`);
}

const [changed, other, foreign, gone] = process.argv.slice(2) as [string, string, string, string];
const shop = await ShopClient.connect(changed);
const order = await thrown(runtime.NotExecuted, () => shop.order({ id: 1n, priority: 2 }));
assert.deepEqual([order.reason, order.detail], ["contract", "`Job.priority`: u8 here, u32 there"]);
const leave = await thrown(runtime.NotExecuted, () => shop.leave(1n));
assert.deepEqual(leave.detail, "`fn leave(id: u64) -> u64` here, `fn leave(id: u32) -> u64` there");
assert.equal(await shop.name(), "new");
assert.equal(await shop.promise(0n), undefined); // a variant behind the others is no difference
assert.equal((await thrown(types.RefusalException, () => shop.promise(1n))).error, "Full");
assert.match((await thrown(runtime.ReplyLost, () => shop.promise(2n))).message, /Refusal has no variant 1/);
shop.close();

const missing = await thrown(runtime.ConnectError, () => ShopClient.connect(other, { connect: 500 }));
assert.equal(missing.message, `${other}: the server has no service \`Shop\`; those that it has: \`ServerHealth\`, \`ServerReflection\``);
const strange = await thrown(runtime.ConnectError, () => ShopClient.connect(foreign, { connect: 500 }));
assert.ok(strange.message.startsWith(`${foreign} does not speak this protocol`), strange.message);
const refused = await thrown(runtime.ConnectError, () => ShopClient.connect(gone, { connect: 30_000 }));
assert.ok(refused.message.startsWith(`connecting to ${gone} failed: `), refused.message);
await thrown(runtime.ConnectError, () => ShopClient.connect("no-such-host.invalid:1", { connect: 30_000 }));
await thrown(TypeError, () => ShopClient.connect("127.0.0.1"));
console.log("all differences are told");
