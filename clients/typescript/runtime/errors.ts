/**
 * The errors of a call. The class of each tells if the call ran.
 *
 *     RpcError
 *         ConnectError            there is no connection; nothing was called
 *         CallError
 *             NotExecuted         it did not run and never will: it is safe to call again
 *             Executed            it ran
 *                 ServiceError        and returned the service's own error
 *                 Panicked            and panicked: its effects may be partial
 *                 GivenUp             and was given up by the service: its effects may be partial
 *                 ReplyLost           and its reply is lost: read the state back
 *             UnknownOutcome      it may have run, or may still run
 */

const REASONS = {
  cancelled: "it was cancelled before it began",
  deadline: "its deadline passed before it began",
  busy: "the server is busy",
  draining: "the server is shutting down",
  "no such method": "the server has no such method",
  contract: "client and server disagree about the method",
  "bad arguments": "the server could not decode the arguments",
  denied: "it was denied",
  "too large": "the arguments are too large",
  encode: "the arguments could not be encoded",
  "no free slot": "no slot was free",
  unreachable: "the server could not be reached",
  closed: "the client is closed",
} as const;

/** The reason for which a call was not executed. */
export type Reason = keyof typeof REASONS;

const MAY_PASS: readonly Reason[] = ["cancelled", "deadline", "busy", "draining", "no free slot", "unreachable"];

const CAUSES = {
  deadline: "no reply arrived within its deadline",
  cancelled: "its caller gave it up before the reply arrived",
  "session lost": "the server restarted or forgot this client before it replied",
  "broken server": "the server broke the protocol",
  closed: "the client was closed before the reply arrived",
} as const;

/** The reason for which it is not known if a call ran. */
export type UnknownCause = keyof typeof CAUSES;

/** An error of this library. */
export class RpcError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** There is no connection to a server with these services. */
export class ConnectError extends RpcError {}

function behind(detail: string): string {
  return detail === "" ? "" : `: ${detail}`;
}

/** A call that returned no value. */
export abstract class CallError extends RpcError {
  /** True if it ran, false if it did not and never will, undefined if that is not known. */
  abstract readonly ran: boolean | undefined;

  constructor(
    /** The method and the server: `Kv.get at 127.0.0.1:4000`. */
    readonly target: string,
    text: string,
  ) {
    super(`${target} ${text}`);
  }
}

/** It did not run and never will: it is safe to call again. */
export class NotExecuted extends CallError {
  readonly ran = false;

  constructor(
    target: string,
    readonly reason: Reason,
    readonly detail = "",
    /** The pause that the server asks for before the next attempt, in milliseconds. */
    readonly retryAfter = 0,
  ) {
    super(target, `was not executed: ${REASONS[reason]}${behind(detail)}`);
  }

  /** True if the same call may succeed later. */
  get mayPass(): boolean {
    return MAY_PASS.includes(this.reason);
  }
}

/** It ran once; a call of an idempotent method ran at least once. */
export class Executed extends CallError {
  readonly ran = true;
}

/** It ran, and this is the service's own error. Generated code has a class for each type of error. */
export class ServiceError<E> extends Executed {
  constructor(
    target: string,
    readonly error: E,
  ) {
    super(target, `returned an error: ${shown(error)}`);
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? `${one}` : one)) ?? String(value);
}

/** It ran and panicked; its effects may be partial. */
export class Panicked extends Executed {
  constructor(
    target: string,
    readonly detail: string,
  ) {
    super(target, `panicked${behind(detail)}; its effects may be partial`);
  }
}

/** It began, and the service gave it up; its effects may be partial. */
export class GivenUp extends Executed {
  constructor(
    target: string,
    readonly detail: string,
  ) {
    super(target, `began and was given up by the service${behind(detail)}; its effects may be partial`);
  }
}

/** It ran, and its reply no longer exists: read the state back. */
export class ReplyLost extends Executed {
  constructor(
    target: string,
    readonly detail: string,
  ) {
    super(target, `was executed but its reply is lost${behind(detail)}; read the state back`);
  }
}

/** It was sent and has no reply: it may have run, or may still run. */
export class UnknownOutcome<T = unknown> extends CallError {
  readonly ran = undefined;
  /** True while the client goes on asking for the reply. */
  readonly isOpen: boolean;

  constructor(
    target: string,
    readonly reasonOfDoubt: UnknownCause,
    /** Waits for the outcome for so many milliseconds, and returns or throws what the call would have. */
    readonly resolve: (timeout: number) => Promise<T>,
  ) {
    const isOpen = reasonOfDoubt === "deadline" || reasonOfDoubt === "cancelled";
    super(target, `may or may not have run: ${CAUSES[reasonOfDoubt]}; ${isOpen ? "resolve it, or " : ""}read the state back`);
    this.isOpen = isOpen;
  }
}
