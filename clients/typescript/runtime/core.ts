/**
 * The client's side of the protocol, without sockets and clocks (W20 to W37 of docs/wire.md). A driver tells the time and carries
 * the bytes.
 */

import { Call, NOT_KEPT, type Outcome, REASONS, type Settings, Slot, Status, refused } from "./calls.js";
import { type Contract, type Judgement, judge, noService } from "./contract.js";
import type { Reason, UnknownCause } from "./errors.js";
import {
  Broken,
  Decoder,
  Feature,
  type Fixed,
  type Frame,
  HAS_METADATA,
  Kind,
  LONGEST_BEFORE_WELCOME,
  NO_DEADLINE,
  REJECT_VERSION,
  type Session,
  type Table,
  Unsound,
  type Welcome,
  crc32c,
  frame,
  hello,
  methods,
  readTable,
  readWelcome,
} from "./wire.js";

function between(low: number, high: number): number {
  return low + Math.random() * (high - low);
}

/** The state of a client. */
export class Core {
  state: "down" | "connecting" | "greeting" | "up" = "down";
  out: Buffer[] = [];
  failure = "";
  refusedForGood = false;
  closed = false;
  wantsClose = false;
  private peer = "";
  private session: Session | undefined;
  private nonce: Buffer = Buffer.alloc(0);
  private features = 0;
  private slots: Slot[] = [];
  private free: number[] = [];
  private queue: Call[] = [];
  private judgements = new Map<string, Judgement>();
  private readonly owner = new Map<bigint, string>();
  private readonly wanted: number;
  private longest = LONGEST_BEFORE_WELCOME;
  private decoder = new Decoder();
  private failures = 0;
  private connectAt = 0;
  private helloAt: number[] = [];
  private attemptEnds = Infinity;
  private tablesAt = Infinity;
  private heardAt = 0;
  private pingedAt = 0;
  private pings = 0;
  private draining = false;
  private wantedOnce = true;
  private budget = 10;
  private budgetAt = 0;

  constructor(
    private readonly contracts: readonly Contract[],
    private readonly settings: Settings,
    private readonly draw: (bytes: number) => Buffer,
  ) {
    for (const contract of contracts) for (const method of contract.methods) this.owner.set(method.id, contract.service);
    const { Properties, GivenUp, Denied, Metadata, Types, Unchecked } = Feature;
    this.wanted = Properties | GivenUp | Denied | Metadata | Types | (settings.checksums ? 0 : Unchecked);
  }

  // Calls

  /** Begins a call. Its outcome may be there at once. */
  submit(call: Call, now: number): void {
    const why = this.refusal(call);
    if (why !== undefined) {
      this.finish(call, why);
    } else if (this.queue.length >= this.settings.waiting) {
      this.finish(call, this.neverSent("no free slot"));
    } else {
      this.queue.push(call);
      this.fill(now);
    }
  }

  private judgementOf(call: Call): Judgement | undefined {
    return this.judgements.get(this.owner.get(call.method.id) ?? "");
  }

  private refusal(call: Call): Outcome | undefined {
    if (this.closed) return refused("closed");
    if (this.refusedForGood) return refused("unreachable", this.failure);
    if (this.session === undefined) return undefined;
    const size = call.body.length + call.extra.length;
    if (size > this.longest) return refused("too large", `${size} bytes; the server takes ${this.longest}`);
    const difference = this.judgementOf(call)?.refused.get(call.method.id);
    return difference ? refused("contract", difference) : undefined;
  }

  /** The nearest cause first: a call that waited out a drain was not stopped by full slots, nor by the network. */
  private neverSent(reason: Reason): Outcome {
    if (this.draining) return refused("draining");
    return this.state === "up" ? refused(reason) : refused("unreachable", this.failure);
  }

  private finish(call: Call, outcome: Outcome): void {
    call.final = outcome;
    call.outcome ??= outcome;
    call.done();
  }

  /** Sends calls that wait, as long as there are slots. */
  private fill(now: number): void {
    if (this.state !== "up" || this.draining) return;
    const held: Call[] = [];
    let call: Call | undefined;
    while (this.free.length > 0 && (call = this.queue.shift()) !== undefined) {
      const why = this.refusal(call);
      if (why !== undefined) {
        this.finish(call, why);
      } else if (call.notBefore > now) {
        held.push(call);
      } else if (this.judgementOf(call)?.waiting) {
        call.notBefore = 0; // no timer: the table is awaited
        held.push(call);
      } else {
        this.sendCall(call, this.free.pop() as number, now);
      }
    }
    this.queue.unshift(...held);
  }

  private slot(number: number): Slot {
    return this.slots[number] as Slot;
  }

  private sendCall(call: Call, number: number, now: number): void {
    const slot = this.slot(number);
    if (this.free.length === this.slots.length - 1) {
      this.heardAt = now; // silence counts from here
      this.pings = 0;
    }
    const hasMetadata = call.extra.length > 0 && (this.features & Feature.Metadata) !== 0;
    call.code = hasMetadata ? HAS_METADATA : 0;
    call.frameBody = hasMetadata ? Buffer.concat([call.body, call.extra]) : call.body;
    call.bodyCrc = this.features & Feature.Unchecked ? 0 : crc32c(call.frameBody);
    slot.seq += 1;
    slot.call = call;
    slot.ackAt = Infinity; // this call acknowledges the reply before it
    call.seq = slot.seq;
    call.pause = 1000;
    this.transmit(number, call, now);
  }

  /** Sends a call for the first time or again; for an orphan, CANCEL. */
  private transmit(number: number, call: Call, now: number): void {
    const fixed: Fixed = { slot: number, seq: call.seq };
    if (call.orphaned) {
      this.send(Kind.Cancel, undefined, fixed);
    } else {
      const left = call.deadline - now;
      const millis = left > 4e9 ? NO_DEADLINE : Math.max(0, Math.floor(left));
      const { code, bodyCrc, method } = call;
      this.out.push(frame(Kind.Call, call.frameBody, { ...fixed, code, bodyCrc, millis, method: method.id }));
    }
    call.resendAt = now + call.pause * between(0.8, 1.2);
    call.pause = Math.min(2 * call.pause, 30_000);
  }

  /** Its caller waits no longer. A call that was not sent is taken back; one that was leaves its slot orphaned (W27). */
  giveUp(call: Call, cause: UnknownCause & Reason, now: number): void {
    if (call.outcome !== undefined) return;
    if (call.seq === 0) {
      this.queue = this.queue.filter((other) => other !== call);
      const late: Reason = this.state === "up" && this.free.length === 0 && !call.notBefore ? "no free slot" : cause;
      this.finish(call, cause === "cancelled" ? refused(cause) : this.neverSent(late));
      return;
    }
    call.outcome = { kind: "unknown", cause };
    call.orphaned = true;
    call.pause = 1000;
    if (this.state === "up") this.transmit(this.slots.findIndex((slot) => slot.call === call), call, now);
    call.done();
  }

  // The connection

  /** True if the driver should connect now. */
  wantsConnection(now: number): boolean {
    return this.state === "down" && now >= this.connectAt && this.hasWork();
  }

  private hasWork(): boolean {
    if (this.closed || this.refusedForGood) return false;
    const leaves = this.draining && this.session !== undefined;
    return this.wantedOnce || leaves || this.queue.length > 0 || this.slots.some((slot) => slot.call !== undefined);
  }

  connecting(now: number): void {
    this.state = "connecting";
    this.attemptEnds = now + this.settings.attempt;
    this.wantsClose = false;
  }

  connected(peer: string, now: number): void {
    this.state = "greeting";
    this.peer = peer;
    this.out = [];
    this.decoder = new Decoder();
    this.helloAt = [now + 250, now + 750, now + 1750];
    this.heardAt = now;
    this.pings = 0;
    this.draining = false;
    this.hello();
  }

  private hello(): void {
    if (this.session === undefined && this.nonce.length === 0) this.nonce = this.draw(16);
    const services = this.contracts.map(({ service, hash, types }) => ({ name: service, contract: hash, types }));
    this.send(Kind.Hello, hello(services, this.settings.slots, this.wanted, this.nonce, this.session));
  }

  /** The connection has ended, or could not be made. */
  lost(why: string, now: number, isRefused = false): void {
    if (this.state === "down") return;
    const leftDrain = this.draining;
    this.state = "down";
    this.failure = why;
    this.out = [];
    const pause = Math.min(50 * 2 ** Math.min(this.failures, 10), 1000);
    this.failures += 1;
    this.connectAt = Math.max(this.connectAt, now + between(0, pause));
    this.attemptEnds = this.tablesAt = Infinity;
    if (isRefused && leftDrain) {
      // Nothing listens there any more: the server that was shutting down has ended (W32).
      this.loseSession("session lost", now);
      for (const call of this.queue.splice(0)) this.finish(call, refused("draining", "nothing listens at its address now"));
      this.draining = false;
    }
  }

  private leave(why: string): void {
    this.wantsClose = true;
    this.failure = why;
  }

  private send(kind: number, body: Buffer = Buffer.alloc(0), fixed: Fixed = {}): void {
    const isChecked = kind === Kind.Hello || (this.features & Feature.Unchecked) === 0;
    this.out.push(frame(kind, body, isChecked ? fixed : { ...fixed, bodyCrc: 0 }));
  }

  /** Every call that was sent is unknown for ever (W30). */
  private loseSession(cause: UnknownCause, now: number): void {
    const slots = this.slots;
    this.forgetSession();
    for (const { call } of slots) {
      if (call === undefined) continue;
      const isRepeated = call.outcome === undefined && this.again(call, 0, now, call.method.idempotent === true);
      if (!isRepeated) this.finish(call, { kind: "unknown", cause });
    }
  }

  private forgetSession(): void {
    this.session = undefined;
    this.nonce = Buffer.alloc(0);
    this.slots = [];
    this.free = [];
    this.judgements.clear();
  }

  /** Makes a call once more, as a new one (W37), if the budget and its deadline allow that. */
  private again(call: Call, asked: number, now: number, allowed: boolean): boolean {
    if (this.budgetAt > 0) this.budget = Math.min(100, this.budget + (10 * (now - this.budgetAt)) / 1000);
    this.budgetAt = now;
    const pause = Math.max(asked, Math.min(50 * 2 ** call.repeats, 2000)) * between(1, 2);
    const isLate = now + pause >= call.deadline;
    if (!allowed || !this.settings.retry || this.closed || this.budget < 1 || isLate) return false;
    this.budget -= 1;
    call.repeats += 1;
    call.seq = 0;
    call.resendAt = Infinity;
    call.notBefore = now + pause;
    this.queue.push(call);
    return true;
  }

  // Frames

  /** Takes bytes of the server. */
  received(data: Buffer, now: number): void {
    this.expire(now); // a reply that is read at the deadline or later makes no other verdict (W33)
    this.heardAt = now;
    this.pings = 0;
    this.decoder.add(data);
    try {
      let next: Frame | undefined;
      while (!this.wantsClose && (next = this.decoder.next()) !== undefined) this.frame(next, now);
    } catch (error) {
      if (error instanceof Unsound) {
        const isFirst = this.session === undefined && this.state === "greeting";
        this.leave(`${this.peer}${isFirst ? " does not speak this protocol" : ""}: ${error.message}`);
      } else if (error instanceof Broken) {
        this.leave(`${this.peer} broke the protocol: ${error.message}`);
        this.loseSession("broken server", now);
      } else {
        throw error;
      }
    }
    this.fill(now);
    this.leaveWhenSettled();
  }

  private frame(frame: Frame, now: number): void {
    if (frame.kind === Kind.Reject) {
      this.leave(`${this.peer} has closed the connection: ${frame.body.toString("utf8") || `code ${frame.code}`}`);
      if (frame.code === REJECT_VERSION) {
        this.refusedForGood = true;
        this.loseSession("session lost", now);
        for (const call of this.queue.splice(0)) this.finish(call, refused("unreachable", this.failure));
      }
    } else if (this.state === "greeting") {
      this.greeted(frame, now);
    } else if (frame.kind === Kind.Reply) {
      this.reply(frame, now);
    } else if (frame.kind === Kind.GoAway) {
      this.draining = true;
      for (const slot of this.slots) if (slot.ackAt !== Infinity) slot.ackAt = now;
      this.acknowledge(now);
    } else if (frame.kind === Kind.Table) {
      this.table(readTable(frame.body, this.features));
    }
  }

  private greeted(frame: Frame, now: number): void {
    if (frame.kind === Kind.Welcome) {
      this.welcome(readWelcome(frame.body), now);
    } else if (frame.kind === Kind.SessionLost) {
      this.leave(`${this.peer} does not know this session any more`);
      this.failures = 0;
      this.loseSession("session lost", now);
    } else if (frame.kind === Kind.Busy) {
      this.leave(`${this.peer} has no room for a new session`);
      this.nonce = Buffer.alloc(0);
      this.connectAt = now + frame.millis * between(1, 2);
    }
  }

  private welcome(welcome: Welcome, now: number): void {
    const { session, features, slots } = welcome;
    const resumes = this.session !== undefined;
    const isAsked = welcome.version === 1 && welcome.agreements.length === this.contracts.length && welcome.resumed === resumes;
    const most = resumes ? 1024 : Math.max(1, this.settings.slots);
    if (!isAsked || (features & ~this.wanted) !== 0 || slots < 1 || slots > Math.min(most, 1024)) {
      throw new Broken("a WELCOME with other terms than those that were asked for");
    }
    if (this.session !== undefined) {
      const isSame = session.id.equals(this.session.id) && session.token.equals(this.session.token);
      if (!isSame || features !== this.features || slots !== this.slots.length) {
        throw new Broken("a WELCOME that resumes another session");
      }
    } else {
      this.session = session;
      this.features = features;
      this.slots = Array.from({ length: slots }, () => new Slot());
      this.free = Array.from({ length: slots }, (_, at) => slots - 1 - at);
    }
    this.state = "up";
    this.longest = welcome.longest;
    this.nonce = Buffer.alloc(0);
    this.decoder.longest = this.settings.longestBody;
    this.decoder.checked = (features & Feature.Unchecked) === 0;
    this.attemptEnds = Infinity;
    this.wantedOnce = false;
    this.judgements = new Map(
      this.contracts.map(({ service }, at) => [service, { waiting: welcome.agreements[at] !== 0, refused: new Map(), missing: "" }]),
    );
    this.ask(now);
    this.resume(now);
  }

  /** Asks for the tables that are still awaited. */
  private ask(now: number): void {
    const waiting = [...this.judgements].filter(([, judgement]) => judgement.waiting);
    for (const [name] of waiting) this.send(Kind.Methods, methods(name));
    this.tablesAt = waiting.length > 0 ? now + 1000 : Infinity;
  }

  private table(table: Table): void {
    if (table.service === "") {
      for (const [name, judgement] of this.judgements) {
        if (![...judgement.refused.values()].includes("")) continue;
        judgement.missing = noService(name, table.rows);
        judgement.waiting = false;
        for (const id of judgement.refused.keys()) judgement.refused.set(id, judgement.missing);
      }
      return;
    }
    const judgement = this.judgements.get(table.service);
    const contract = this.contracts.find((contract) => contract.service === table.service);
    if (judgement === undefined || contract === undefined || !judgement.waiting) return;
    if (table.rows.length > 0) {
      judgement.refused = judge(contract, table);
      judgement.waiting = false;
    } else {
      judgement.refused = new Map(contract.methods.map((method) => [method.id, ""]));
      this.send(Kind.Methods, methods(""));
    }
  }

  private resume(now: number): void {
    for (const [number, slot] of this.slots.entries()) {
      if (slot.call !== undefined) {
        slot.call.pause = 1000;
        this.transmit(number, slot.call, now);
      } else if (slot.answered > 0) {
        slot.ackAt = now;
      }
    }
  }

  /** BYE once a server that shuts down has answered everything (W32). */
  private leaveWhenSettled(): void {
    if (!this.draining || this.state !== "up" || this.free.length < this.slots.length || this.session === undefined) return;
    this.send(Kind.Bye);
    this.forgetSession();
    this.leave(`${this.peer} is shutting down`);
  }

  private reply(frame: Frame, now: number): void {
    const slot = this.slots[frame.slot];
    if (slot === undefined || frame.seq > slot.seq) throw new Broken("a reply to a call that was never made");
    const call = slot.call;
    if (call === undefined || frame.seq !== call.seq) return;
    if (frame.code > Status.GivenUp && !REASONS.has(frame.code)) throw new Broken(`unknown status ${frame.code}`);
    slot.call = undefined;
    slot.answered = frame.seq;
    slot.ackAt = frame.body.length >= 4096 ? now : now + 1000;
    this.free.push(frame.slot);
    this.failures = 0;
    const outcome = this.outcome(frame);
    const asked = outcome.kind === "unknown" ? 0 : outcome.retryAfter;
    const isLost = outcome.kind === "reply" && outcome.status === Status.ReplyLost && asked > 0 && call.method.idempotent === true;
    const isRefused = outcome.kind === "refused" && (outcome.reason === "busy" || outcome.reason === "draining");
    if (call.outcome !== undefined || !this.again(call, asked, now, isLost || isRefused)) this.finish(call, outcome);
    this.acknowledge(now);
  }

  private outcome(frame: Frame): Outcome {
    const { code, body, millis } = frame;
    const reply = { kind: "reply", status: code, body, detail: "", retryAfter: 0 } as const;
    const hasValue = code === Status.Done || code === Status.Failed;
    if (frame.tooLong && hasValue) {
      const detail = `it is longer than the ${this.settings.longestBody} bytes that this client reads`;
      return { ...reply, status: Status.ReplyLost, detail };
    }
    if (hasValue) return { ...reply, body: Buffer.from(body) };
    const detail = body.toString("utf8");
    const reason = REASONS.get(code);
    if (reason !== undefined) return refused(reason, detail, millis);
    const retryAfter = code === Status.ReplyLost && detail === NOT_KEPT ? millis || 50 : millis;
    return { ...reply, detail, retryAfter };
  }

  // Time

  private acknowledge(now: number): void {
    for (const [number, slot] of this.slots.entries()) {
      if (slot.ackAt > now || slot.call !== undefined) continue;
      slot.ackAt = Infinity;
      this.send(Kind.Ack, undefined, { slot: number, seq: slot.answered });
    }
  }

  private expire(now: number): void {
    const late = this.queue.filter((call) => call.deadline <= now);
    for (const { call } of this.slots) if (call !== undefined && call.deadline <= now) late.push(call);
    for (const call of late) this.giveUp(call, "deadline", now);
  }

  /** Does what is due. */
  tick(now: number): void {
    this.expire(now);
    if (this.state === "up") {
      for (const [number, { call }] of this.slots.entries()) {
        if (call !== undefined && now >= call.resendAt) this.transmit(number, call, now);
      }
      this.acknowledge(now);
      if (now >= this.tablesAt) this.ask(now);
      this.watch(now);
      this.fill(now);
      this.leaveWhenSettled();
    } else if (now >= this.attemptEnds) {
      this.leave(`${this.peer || "the server"} gave no answer within ${this.settings.attempt / 1000} s`);
    } else if (this.state === "greeting" && now >= (this.helloAt[0] ?? Infinity)) {
      this.helloAt.shift();
      this.hello();
    }
  }

  /** PING after 2 s of silence while a reply is due; the third without an answer is the last (W31). */
  private watch(now: number): void {
    if (now < this.pingAt()) return;
    if (this.pings === 3) {
      this.leave(`${this.peer} has been silent for ${Math.round((now - this.heardAt) / 1000)} s`);
    } else {
      this.pings += 1;
      this.pingedAt = now;
      this.send(Kind.Ping);
    }
  }

  private pingAt(): number {
    if (this.free.length === this.slots.length) return Infinity;
    return (this.pings > 0 ? this.pingedAt : this.heardAt) + 2000;
  }

  /** The time at which `tick` is needed next. */
  wakeup(): number {
    const times = this.queue.map((call) => call.deadline);
    for (const { call } of this.slots) if (call !== undefined && call.outcome === undefined) times.push(call.deadline);
    if (this.state === "down") {
      if (this.hasWork()) times.push(this.connectAt);
    } else if (this.state === "up") {
      for (const { call, ackAt } of this.slots) times.push(ackAt, call?.resendAt ?? Infinity);
      const mayFill = this.free.length > 0 && !this.draining;
      if (mayFill) for (const call of this.queue) times.push(call.notBefore || Infinity);
      times.push(this.tablesAt, this.pingAt());
    } else {
      times.push(this.attemptEnds, this.state === "greeting" ? (this.helloAt[0] ?? Infinity) : Infinity);
    }
    return Math.min(Infinity, ...times);
  }

  /** True if the session stands, and all tables that are needed are here. */
  ready(): boolean {
    return this.state === "up" && ![...this.judgements.values()].some((judgement) => judgement.waiting);
  }

  /** A sentence about a service that the server does not have; empty if it has all. */
  missing(): string {
    return [...this.judgements.values()].find((judgement) => judgement.missing !== "")?.missing ?? "";
  }

  /** Ends the session at once, whatever is under way. */
  close(now: number): void {
    if (this.closed) return;
    this.closed = true;
    if (this.state === "up" && this.session !== undefined) this.send(Kind.Bye);
    for (const call of this.queue.splice(0)) this.finish(call, refused("closed"));
    this.loseSession("closed", now);
    this.leave("the client is closed");
  }
}
