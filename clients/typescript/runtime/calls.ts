/** A call, its slot, and what becomes of it. */

import type { AnyMethod } from "./contract.js";
import type { Reason, UnknownCause } from "./errors.js";

export const Status = { Done: 0, Failed: 1, Panicked: 2, ReplyLost: 3, GivenUp: 4 } as const;
/** The statuses of calls that did not run (W12). */
export const REASONS = new Map<number, Reason>([
  [16, "cancelled"],
  [17, "deadline"],
  [18, "busy"],
  [19, "draining"],
  [20, "no such method"],
  [21, "bad arguments"],
  [22, "too large"],
  [23, "denied"],
]);
/** W12: what servers of an earlier page say in place of milliseconds. */
export const NOT_KEPT = "its reply was sent once and not kept";

/** Bounds and times, in milliseconds and bytes. */
export interface Settings {
  /** Calls in flight at once that the client asks for. */
  readonly slots: number;
  /** Calls that may wait for a slot. */
  readonly waiting: number;
  /** The time that a call has, if it says nothing else. */
  readonly timeout: number;
  /** The time for the first connection. */
  readonly connect: number;
  /** The time for one attempt to connect. */
  readonly attempt: number;
  /** The longest reply that is read. */
  readonly longestBody: number;
  /** False: no checksums over bodies, if the server agrees. Those of headers remain. */
  readonly checksums: boolean;
  /** True: a call that the server refuses as busy or draining, and one of an idempotent method whose reply is lost, is made again. */
  readonly retry: boolean;
}

export const DEFAULTS: Settings = {
  slots: 64,
  waiting: 4096,
  timeout: 5000,
  connect: 5000,
  attempt: 2000,
  longestBody: 4 << 20,
  checksums: true,
  retry: true,
};

/** What became of a call. */
export type Outcome =
  | { readonly kind: "reply"; readonly status: number; readonly body: Buffer; readonly detail: string; readonly retryAfter: number }
  | { readonly kind: "refused"; readonly reason: Reason; readonly detail: string; readonly retryAfter: number }
  | { readonly kind: "unknown"; readonly cause: UnknownCause };

export function refused(reason: Reason, detail = "", retryAfter = 0): Outcome {
  return { kind: "refused", reason, detail, retryAfter };
}

/** One call. `outcome` is what its caller is told; `final` is what became of it, if that is known later. */
export class Call {
  outcome: Outcome | undefined;
  final: Outcome | undefined;
  done: () => void = () => undefined;
  orphaned = false;
  /** 0 as long as it was not sent. */
  seq = 0;
  code = 0;
  frameBody: Buffer = Buffer.alloc(0);
  bodyCrc = 0;
  resendAt = Infinity;
  pause = 1000;
  repeats = 0;
  notBefore = 0;

  constructor(
    readonly method: AnyMethod,
    readonly body: Buffer,
    readonly extra: Buffer,
    readonly deadline: number,
  ) {}
}

/** A place for one call at a time, and the acknowledgement of the last reply in it. */
export class Slot {
  seq = 0;
  call: Call | undefined;
  answered = 0;
  ackAt = Infinity;
}
