/** The runtime of generated clients: node's own library and nothing else. */

export type { Settings } from "./calls.js";
export * as codec from "./codec.js";
export { DecodeError, EncodeError, type Some } from "./codec.js";
export { type CallOptions, Connection } from "./connection.js";
export type { Contract, Method } from "./contract.js";
export * from "./errors.js";
