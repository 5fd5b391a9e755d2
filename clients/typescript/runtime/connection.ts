/** A session with a server over node's sockets. */

import { randomBytes } from "node:crypto";
import { type Socket, connect } from "node:net";

import { Call, DEFAULTS, type Outcome, type Settings, Status, refused } from "./calls.js";
import { DecodeError, EncodeError, decode, encode } from "./codec.js";
import type { Contract, Method } from "./contract.js";
import { Core } from "./core.js";
import { ConnectError, GivenUp, NotExecuted, Panicked, ReplyLost, UnknownOutcome } from "./errors.js";
import { metadata } from "./wire.js";

/** The options of a call. */
export interface CallOptions {
  /** The time that the call has, in milliseconds. */
  readonly timeout?: number;
  /** Short texts beside the arguments, each under a key. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Gives the call up when it is aborted. */
  readonly signal?: AbortSignal;
}

const LONGEST_TIMER = 2 ** 31 - 1; // node takes no longer one

function split(address: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d+)$/.exec(address) ?? [];
  if (host === undefined || Number(port) > 65535) {
    throw new TypeError(`"${address}" is no address: write host:port, as in 127.0.0.1:4000`);
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

function isRefused(error: NodeJS.ErrnoException & { errors?: readonly NodeJS.ErrnoException[] }): boolean {
  const errors = error.errors ?? [error];
  return errors.every(({ code }) => code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EAI_AGAIN");
}

/** A session with a server, and the connection that carries it. It connects again by itself. */
export class Connection {
  private readonly core: Core;
  private readonly settings: Settings;
  private readonly target: { host: string; port: number };
  private socket: Socket | undefined;
  private timer: NodeJS.Timeout | undefined;
  private refused = false;
  private changed: () => void = () => undefined;

  private constructor(
    readonly peer: string,
    contracts: readonly Contract[],
    settings: Partial<Settings>,
  ) {
    this.target = split(peer);
    this.settings = { ...DEFAULTS, ...settings };
    this.core = new Core(contracts, this.settings, randomBytes);
  }

  /** Connects. Throws `ConnectError` if there is no server of this protocol with these services. */
  static async connect(address: string, contracts: readonly Contract[], settings: Partial<Settings> = {}): Promise<Connection> {
    const connection = new Connection(address, contracts, settings);
    await connection.untilReady();
    return connection;
  }

  private async untilReady(): Promise<void> {
    const until = performance.now() + this.settings.connect;
    this.pump();
    while (!this.core.ready()) {
      const left = until - performance.now();
      if (this.refused || this.core.refusedForGood || left <= 0) {
        const why = this.core.failure || `${this.peer} gave no answer within ${this.settings.connect / 1000} s`;
        this.close();
        throw new ConnectError(why);
      }
      await this.change(left);
    }
    const missing = this.core.missing();
    if (missing !== "") {
      this.close();
      throw new ConnectError(`${this.peer}: ${missing}`);
    }
  }

  private change(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout);
      this.changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Makes a call. */
  async call<A extends readonly unknown[], T>(method: Method<A, T>, values: A, options: CallOptions = {}): Promise<T> {
    const now = performance.now();
    const call = this.made(method, values, options, now);
    const outcome = await new Promise<Outcome>((resolve) => {
      const giveUp = () => {
        this.core.giveUp(call, "cancelled", performance.now());
        this.pump();
      };
      call.done = () => {
        options.signal?.removeEventListener("abort", giveUp);
        resolve(call.outcome as Outcome);
      };
      if (options.signal?.aborted) return resolve(refused("cancelled"));
      options.signal?.addEventListener("abort", giveUp, { once: true });
      this.core.submit(call, now);
      this.pump();
    });
    return this.value(method, call, outcome);
  }

  private made<A extends readonly unknown[], T>(method: Method<A, T>, values: A, options: CallOptions, now: number): Call {
    const deadline = now + (options.timeout ?? method.timeout ?? this.settings.timeout);
    try {
      const extra = options.metadata === undefined ? Buffer.alloc(0) : metadata(options.metadata);
      return new Call(method, Buffer.from(encode(method.arguments, values)), extra, deadline);
    } catch (error) {
      if (!(error instanceof EncodeError || error instanceof RangeError || error instanceof TypeError)) throw error;
      const path = error instanceof EncodeError ? error.path : "";
      const [, at, rest] = /^\[(\d+)\](.*)$/s.exec(path) ?? [];
      const place = at === undefined ? path : `${method.names[Number(at)] ?? at}${rest ?? ""}`;
      const text = error instanceof EncodeError ? error.text : error.message;
      throw new NotExecuted(`${method.name} at ${this.peer}`, "encode", place === "" ? text : `\`${place}\`: ${text}`);
    }
  }

  private value<A extends readonly unknown[], T>(method: Method<A, T>, call: Call, outcome: Outcome): T {
    const target = `${method.name} at ${this.peer}`;
    if (outcome.kind === "refused") throw new NotExecuted(target, outcome.reason, outcome.detail, outcome.retryAfter);
    if (outcome.kind === "unknown") {
      throw new UnknownOutcome<T>(target, outcome.cause, (timeout) => this.resolved(method, call, outcome, timeout));
    }
    try {
      if (outcome.status === Status.Done) return decode(method.value, outcome.body);
      if (outcome.status === Status.Failed && method.fails !== undefined) throw method.fails(target, outcome.body);
    } catch (error) {
      const isUnread = error instanceof DecodeError || error instanceof RangeError;
      throw isUnread ? new ReplyLost(target, `its reply could not be decoded: ${error.message}`) : error;
    }
    if (outcome.status === Status.Panicked) throw new Panicked(target, outcome.detail);
    if (outcome.status === Status.GivenUp) throw new GivenUp(target, outcome.detail);
    throw new ReplyLost(target, outcome.detail);
  }

  private async resolved<A extends readonly unknown[], T>(
    method: Method<A, T>,
    call: Call,
    known: Outcome,
    timeout: number,
  ): Promise<T> {
    if (call.final === undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout);
        call.done = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.value(method, call, call.final ?? known);
  }

  /** Ends the session. Calls that are under way are unknown. */
  close(): void {
    this.core.close(performance.now());
    this.pump();
  }

  // Events

  /** Does what is due: writes, closes, connects, and sets the timer. */
  private pump(): void {
    const now = performance.now();
    const core = this.core;
    core.tick(now);
    if (this.socket !== undefined && core.out.length > 0) {
      this.socket.write(core.out.length === 1 ? (core.out[0] as Buffer) : Buffer.concat(core.out));
      core.out = [];
    }
    if (core.wantsClose) {
      const socket = this.socket;
      socket?.destroySoon();
      this.forget(socket, core.failure);
    }
    if (core.wantsConnection(now)) {
      core.connecting(now);
      this.connect();
    }
    clearTimeout(this.timer);
    const wakeup = core.closed ? Infinity : core.wakeup();
    if (wakeup !== Infinity) {
      this.timer = setTimeout(() => this.pump(), Math.min(Math.max(0, Math.ceil(wakeup - now)), LONGEST_TIMER));
    }
    this.changed();
  }

  private connect(): void {
    const socket = connect({ ...this.target, noDelay: true, keepAlive: true });
    this.socket = socket;
    let failure: NodeJS.ErrnoException | undefined;
    socket.on("connect", () => {
      if (this.socket !== socket) return;
      this.refused = false;
      this.core.connected(this.peer, performance.now());
      this.pump();
    });
    socket.on("data", (data: Buffer) => {
      if (this.socket !== socket) return;
      this.core.received(data, performance.now());
      this.pump();
    });
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      if (this.socket !== socket) return;
      const isConnecting = this.core.state === "connecting";
      this.refused = isConnecting && failure !== undefined && isRefused(failure);
      const text = failure?.message || failure?.code || "it was closed";
      const why = isConnecting ? `connecting to ${this.peer} failed: ${text}` : `the connection to ${this.peer} was lost: ${text}`;
      this.forget(socket, why);
      this.pump();
    });
  }

  private forget(socket: Socket | undefined, why: string): void {
    if (socket !== this.socket) return;
    this.socket = undefined;
    this.core.lost(why, performance.now(), this.refused);
    this.core.wantsClose = false;
  }
}
