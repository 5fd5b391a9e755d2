"""The client's side of the protocol, without sockets, threads and clocks (W20 to W37 of docs/wire.md).

A driver tells the time, carries the bytes, and wakes the callers. It must hold a lock, if threads share the client.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Callable

from . import wire
from .calls import DONE, FAILED, GIVEN_UP, NEVER, NOT_EXECUTED, NOT_KEPT, REASONS, REPLY_LOST, Call, Outcome, Settings, Slot
from .contract import Contract, Judgement, judge, no_service
from .errors import Reason, UnknownCause
from .wire import Broken, Decoder, Frame, Session, Table, Unsound, Welcome

class Core:
    """The state of a client. Its connection is down, connecting, greeting or up."""

    def __init__(self, contracts: list[Contract], settings: Settings, draw: Callable[[int], bytes]) -> None:
        self.contracts, self.settings, self.draw = contracts, settings, draw
        self.random = random.Random(draw(16))
        self.services = [(contract.service, contract.hash, contract.types) for contract in contracts]
        self.owner = {method.id: contract.service for contract in contracts for method in contract.methods}
        self.wanted = wire.PROPERTIES | wire.GIVEN_UP | wire.DENIED | wire.METADATA | wire.TYPES
        if not settings.checksums:
            self.wanted |= wire.UNCHECKED
        self.features = 0
        self.peer = ""
        self.state = "down"
        self.session: Session | None = None
        self.nonce = b""
        self.slots: list[Slot] = []
        self.free: list[int] = []
        self.queue: deque[Call] = deque()
        self.orphans = 0
        self.judgements: dict[str, Judgement] = {}
        self.tables_at, self.tables_pause = NEVER, 1.0
        self.longest = wire.LONGEST_BEFORE_WELCOME
        self.out = bytearray()
        self.decoder = Decoder()
        self.failures = 0
        self.failure = ""
        self.refused_for_good = False
        self.connect_at = 0.0
        self.hello_at: list[float] = []
        self.attempt_ends = NEVER
        self.heard_at, self.pinged_at, self.pings = 0.0, 0.0, 0
        self.draining = False
        self.closed = False
        self.wants_close = False
        self.wanted_once = True
        self.budget, self.budget_at = 10.0, 0.0

    # Calls

    def submit(self, call: Call, now: float) -> None:
        """Begins a call. Its outcome may be there at once."""
        why = self._refusal(call)
        if why is not None:
            self._finish(call, why)
        elif len(self.queue) >= self.settings.waiting:
            self._finish(call, self._never_sent(Reason.NO_FREE_SLOT))
        else:
            self.queue.append(call)
            self._fill(now)

    def _refusal(self, call: Call) -> Outcome | None:
        if self.closed:
            return Outcome(reason=Reason.CLOSED)
        if self.refused_for_good:
            return Outcome(reason=Reason.UNREACHABLE, detail=self.failure)
        if self.session is None:
            return None
        size = len(call.body) + len(call.extra)
        if size > self.longest:
            return Outcome(reason=Reason.TOO_LARGE, detail=f"{size} bytes; the server takes {self.longest}")
        judgement = self.judgements.get(self.owner.get(call.method.id, ""))
        difference = judgement.refused.get(call.method.id) if judgement else None
        return Outcome(reason=Reason.CONTRACT, detail=difference) if difference else None

    def _never_sent(self, reason: Reason) -> Outcome:
        """The nearest cause first: a call that waited out a drain was not stopped by full slots, nor by the network."""
        if self.draining:
            return Outcome(reason=Reason.DRAINING)
        return Outcome(reason=reason) if self.state == "up" else Outcome(reason=Reason.UNREACHABLE, detail=self.failure)

    def _finish(self, call: Call, outcome: Outcome) -> None:
        call.final = outcome
        call.outcome = call.outcome or outcome
        call.done()

    def _fill(self, now: float) -> None:
        """Sends calls that wait, as long as there are slots."""
        if self.state != "up" or self.draining:
            return
        held: list[Call] = []
        while self.queue and self.free:
            call = self.queue.popleft()
            judgement = self.judgements.get(self.owner.get(call.method.id, ""))
            why = self._refusal(call)
            if why is not None:
                self._finish(call, why)
            elif call.not_before > now:
                held.append(call)
            elif judgement is not None and judgement.waiting:
                call.not_before = 0.0  # no timer: the table is awaited
                held.append(call)
            else:
                self._send_call(call, self.free.pop(), now)
        self.queue.extendleft(reversed(held))

    def _send_call(self, call: Call, number: int, now: float) -> None:
        slot = self.slots[number]
        if len(self.free) == len(self.slots) - 1:
            self.heard_at, self.pings = now, 0  # silence counts from here
        has_metadata = bool(call.extra) and bool(self.features & wire.METADATA)
        call.code = wire.HAS_METADATA if has_metadata else 0
        call.frame_body = call.body + call.extra if has_metadata else call.body
        call.body_crc = 0 if self.features & wire.UNCHECKED else wire.crc32c(call.frame_body)
        slot.seq += 1
        slot.call, slot.ack_at = call, NEVER  # this call acknowledges the reply before it
        call.seq, call.pause = slot.seq, 1.0
        self._transmit(number, call, now)

    def _transmit(self, number: int, call: Call, now: float) -> None:
        """Sends a call for the first time or again; for an orphan, CANCEL."""
        if call.orphaned:
            self._send(wire.CANCEL, slot=number, seq=call.seq)
        else:
            left = call.deadline - now
            millis = wire.NO_DEADLINE if left > 4_000_000 else max(0, int(left * 1000))
            call_frame = (call.code, number, call.seq, call.method.id, millis, call.body_crc)
            self.out += wire.frame(wire.CALL, call.frame_body, *call_frame)
        call.resend_at = now + call.pause * self.random.uniform(0.8, 1.2)
        call.pause = min(call.pause * 2, 30.0)

    def give_up(self, call: Call, cause: UnknownCause, reason: Reason, now: float) -> None:
        """Its caller waits no longer. A call that was not sent is taken back; one that was leaves its slot orphaned (W27)."""
        if call.outcome is not None:
            return
        if call.seq == 0:
            try:
                self.queue.remove(call)
            except ValueError:
                pass
            self._finish(call, self._never_sent(reason) if reason is not Reason.CANCELLED else Outcome(reason=reason))
            return
        call.outcome = Outcome(cause=cause)
        self._orphan(call, now)
        call.done()

    def _orphan(self, call: Call, now: float) -> None:
        number = next(at for at, slot in enumerate(self.slots) if slot.call is call)
        call.orphaned, call.pause = True, 1.0
        self.orphans += 1
        if self.state == "up":
            self._transmit(number, call, now)

    # The connection

    def wants_connection(self, now: float) -> bool:
        """True if the driver should connect now."""
        return self.state == "down" and now >= self.connect_at and self._has_work()

    def _has_work(self) -> bool:
        if self.closed or self.refused_for_good:
            return False
        leaves = self.draining and self.session is not None
        return self.wanted_once or leaves or bool(self.queue) or any(slot.call for slot in self.slots)

    def connecting(self, now: float) -> None:
        self.state, self.attempt_ends = "connecting", now + self.settings.attempt
        self.wants_close = False

    def connected(self, peer: str, now: float) -> None:
        self.state, self.peer = "greeting", peer
        self.out.clear()
        self.decoder = Decoder()
        self.hello_at = [now + 0.25, now + 0.75, now + 1.75]
        self.heard_at, self.pings, self.draining = now, 0, False
        self._hello()

    def _hello(self) -> None:
        if self.session is None and not self.nonce:
            self.nonce = self.draw(16)
        body = wire.hello(self.services, self.settings.slots, self.wanted, self.nonce, self.session)
        self._send(wire.HELLO, body)

    def lost(self, why: str, now: float, refused: bool = False) -> None:
        """The connection has ended, or could not be made."""
        if self.state == "down":
            return
        left_drain = self.draining
        self.state, self.failure = "down", why
        self.out.clear()
        pause = min(0.05 * 2 ** min(self.failures, 10), 1.0)
        self.failures += 1
        self.connect_at = max(self.connect_at, now + self.random.uniform(0, pause))
        self.attempt_ends, self.tables_at = NEVER, NEVER
        if refused and left_drain:
            # Nothing listens there any more: the server that was shutting down has ended (W32).
            self._lose_session(UnknownCause.SESSION_LOST, now)
            for call in self._take_queue():
                self._finish(call, Outcome(reason=Reason.DRAINING, detail="nothing listens at its address now"))
            self.draining = False

    def _close(self, why: str) -> None:
        self.wants_close, self.failure = True, why

    def _send(self, kind: int, body: bytes = b"", slot: int = 0, seq: int = 0) -> None:
        checked = kind == wire.HELLO or not self.features & wire.UNCHECKED
        self.out += wire.frame(kind, body, slot=slot, seq=seq, body_crc=None if checked else 0)

    def _take_queue(self) -> list[Call]:
        taken = list(self.queue)
        self.queue.clear()
        return taken

    def _lose_session(self, cause: UnknownCause, now: float) -> None:
        """Every call that was sent is unknown for ever (W30)."""
        slots, self.slots, self.free = self.slots, [], []
        self.session, self.nonce, self.orphans = None, b"", 0
        self.judgements.clear()
        for slot in slots:
            call = slot.call
            if call is not None and not (call.outcome is None and self._again(call, 0.0, now, call.method.idempotent)):
                self._finish(call, Outcome(cause=cause))

    def _again(self, call: Call, pause: float, now: float, allowed: bool) -> bool:
        """Makes a call once more, as a new one (W37), if the budget and its deadline allow that."""
        self.budget = min(100.0, self.budget + 10.0 * (now - self.budget_at)) if self.budget_at else self.budget
        self.budget_at = now
        pause = max(pause, min(0.05 * 2**call.repeats, 2.0)) * self.random.uniform(1.0, 2.0)
        if not (allowed and self.settings.retry) or self.closed or self.budget < 1.0 or now + pause >= call.deadline:
            return False
        self.budget -= 1.0
        call.repeats += 1
        call.seq, call.resend_at, call.not_before = 0, NEVER, now + pause
        self.queue.append(call)
        return True

    # Frames

    def received(self, data: bytes, now: float) -> None:
        """Takes bytes of the server."""
        self.expire(now)  # a reply that is read at the deadline or later makes no other verdict (W33)
        self.heard_at, self.pings = now, 0
        self.decoder.add(data)
        try:
            while not self.wants_close and (frame := self.decoder.next()) is not None:
                self._frame(frame, now)
        except Unsound as error:
            first = self.session is None and self.state == "greeting"
            self._close(f"{self.peer} does not speak this protocol: {error}" if first else f"{self.peer}: {error}")
        except Broken as error:
            self._broken(str(error), now)
        self._fill(now)
        self._leave_when_settled()

    def _broken(self, why: str, now: float) -> None:
        self._close(f"{self.peer} broke the protocol: {why}")
        self._lose_session(UnknownCause.BROKEN_SERVER, now)

    def _frame(self, frame: Frame, now: float) -> None:
        if frame.kind == wire.REJECT:
            text = frame.body.decode(errors="replace") or f"code {frame.code}"
            self._close(f"{self.peer} has closed the connection: {text}")
            if frame.code == wire.REJECT_VERSION:
                self.refused_for_good = True
                self._lose_session(UnknownCause.SESSION_LOST, now)
                for call in self._take_queue():
                    self._finish(call, Outcome(reason=Reason.UNREACHABLE, detail=self.failure))
        elif self.state == "greeting":
            self._greeted(frame, now)
        elif frame.kind == wire.REPLY:
            self._reply(frame, now)
        elif frame.kind == wire.GOAWAY:
            self._goaway(now)
        elif frame.kind == wire.TABLE:
            self._table(Table.read(frame.body, self.features), now)

    def _greeted(self, frame: Frame, now: float) -> None:
        if frame.kind == wire.WELCOME:
            self._welcome(Welcome.read(frame.body), now)
        elif frame.kind == wire.SESSION_LOST:
            self._close(f"{self.peer} does not know this session any more")
            self.failures = 0
            self._lose_session(UnknownCause.SESSION_LOST, now)
        elif frame.kind == wire.BUSY:
            self._close(f"{self.peer} has no room for a new session")
            self.nonce = b""
            self.connect_at = now + frame.millis / 1000 * self.random.uniform(1.0, 2.0)

    def _welcome(self, welcome: Welcome, now: float) -> None:
        resumes = self.session is not None
        terms = welcome.version == 1 and len(welcome.agreements) == len(self.services) and welcome.resumed == resumes
        if not terms or welcome.features & ~self.wanted or not 1 <= welcome.slots <= 1024:
            raise Broken("a WELCOME with other terms than those that were asked for")
        if resumes and (welcome.session, welcome.features, welcome.slots) != (self.session, self.features, len(self.slots)):
            raise Broken("a WELCOME that resumes another session")
        if not resumes:
            if welcome.slots > max(1, self.settings.slots):
                raise Broken("a WELCOME with more slots than were asked for")
            self.session, self.features = welcome.session, welcome.features
            self.slots = [Slot() for _ in range(welcome.slots)]
            self.free = list(range(welcome.slots))[::-1]
        self.state, self.longest, self.nonce = "up", welcome.longest, b""
        self.decoder.longest = self.settings.longest_body
        self.decoder.checked = not self.features & wire.UNCHECKED
        self.attempt_ends, self.wanted_once = NEVER, False
        self.judgements = {
            contract.service: Judgement(waiting=agreement != 0)
            for contract, agreement in zip(self.contracts, welcome.agreements)
        }
        self._ask(now)
        self._resume(now)

    def _ask(self, now: float) -> None:
        """Asks for the tables that are still awaited."""
        waiting = [name for name, judgement in self.judgements.items() if judgement.waiting]
        for name in waiting:
            self._send(wire.METHODS, wire.methods(name))
        self.tables_at = now + self.tables_pause if waiting else NEVER

    def _table(self, table: Table, now: float) -> None:
        if table.service == "":
            for judgement in self.judgements.values():
                for id, text in judgement.refused.items():
                    if not text:
                        name = next(name for name, known in self.judgements.items() if known is judgement)
                        judgement.refused[id] = judgement.missing = no_service(name, table.rows)
                        judgement.waiting = False
            return
        judgement = self.judgements.get(table.service)
        contract = next((contract for contract in self.contracts if contract.service == table.service), None)
        if judgement is None or contract is None or not judgement.waiting:
            return
        if table.rows:
            judgement.refused, judgement.waiting = judge(contract, table), False
        else:
            judgement.refused = {method.id: "" for method in contract.methods}
            self._send(wire.METHODS, wire.methods(""))

    def _resume(self, now: float) -> None:
        for number, slot in enumerate(self.slots):
            if slot.call is not None:
                slot.call.pause = 1.0
                self._transmit(number, slot.call, now)
            elif slot.answered:
                slot.ack_at = now

    def _goaway(self, now: float) -> None:
        self.draining = True
        for slot in self.slots:
            if slot.ack_at != NEVER:
                slot.ack_at = now
        self._acknowledge(now)

    def _leave_when_settled(self) -> None:
        """BYE once a server that shuts down has answered everything (W32)."""
        if self.draining and self.state == "up" and not any(slot.call for slot in self.slots):
            self._bye()
            self._close(f"{self.peer} is shutting down")

    def _bye(self) -> None:
        self._send(wire.BYE)
        self.session, self.nonce, self.slots, self.free = None, b"", [], []

    def _reply(self, frame: Frame, now: float) -> None:
        if frame.slot >= len(self.slots) or frame.seq > self.slots[frame.slot].seq:
            raise Broken("a reply to a call that was never made")
        slot = self.slots[frame.slot]
        call = slot.call
        if call is None or frame.seq != call.seq:
            return
        if frame.code > GIVEN_UP and frame.code not in REASONS:
            raise Broken(f"unknown status {frame.code}")
        slot.call, slot.answered = None, frame.seq
        slot.ack_at = now if len(frame.body) >= 4096 else now + 1.0
        self.free.append(frame.slot)
        self.orphans -= call.orphaned
        self.failures = 0
        outcome = self._outcome(frame)
        lost = outcome.status == REPLY_LOST and outcome.reason is None and outcome.retry_after > 0 and call.method.idempotent
        refused = outcome.reason in (Reason.BUSY, Reason.DRAINING)
        if call.outcome is not None or not self._again(call, outcome.retry_after, now, lost or refused):
            self._finish(call, outcome)
        self._acknowledge(now)

    def _outcome(self, frame: Frame) -> Outcome:
        pause = frame.millis / 1000
        if frame.too_long:
            if frame.code in (DONE, FAILED):
                return Outcome(REPLY_LOST, detail=f"it is longer than the {self.settings.longest_body} bytes that this client reads")
            return Outcome(frame.code)
        if frame.code >= NOT_EXECUTED:
            return Outcome(reason=REASONS[frame.code], detail=_text(frame.body), retry_after=pause)
        if frame.code in (DONE, FAILED):
            return Outcome(frame.code, frame.body)
        text = _text(frame.body)
        if frame.code == REPLY_LOST and text == NOT_KEPT:
            pause = pause or 0.05
        return Outcome(frame.code, detail=text, retry_after=pause)

    # Time

    def _acknowledge(self, now: float) -> None:
        for number, slot in enumerate(self.slots):
            if slot.ack_at <= now and slot.call is None:
                slot.ack_at = NEVER
                self._send(wire.ACK, slot=number, seq=slot.answered)

    def expire(self, now: float) -> None:
        """Ends the calls whose deadline has passed."""
        late = [call for call in self.queue if call.deadline <= now]
        late += [slot.call for slot in self.slots if slot.call is not None and slot.call.deadline <= now]
        for call in late:
            reason = Reason.DEADLINE if self.free or call.not_before else Reason.NO_FREE_SLOT
            self.give_up(call, UnknownCause.DEADLINE, reason, now)

    def tick(self, now: float) -> None:
        """Does what is due."""
        self.expire(now)
        if self.state in ("connecting", "greeting") and now >= self.attempt_ends:
            self._close(f"{self.peer or 'the server'} gave no answer within {self.settings.attempt:g} s")
        elif self.state == "greeting" and self.hello_at and now >= self.hello_at[0]:
            self.hello_at.pop(0)
            self._hello()
        elif self.state == "up":
            for number, slot in enumerate(self.slots):
                if slot.call is not None and now >= slot.call.resend_at:
                    self._transmit(number, slot.call, now)
            self._acknowledge(now)
            if now >= self.tables_at:
                self._ask(now)
            self._watch(now)
            self._fill(now)
            self._leave_when_settled()

    def _watch(self, now: float) -> None:
        """PING after 2 s of silence while a reply is due; the third without an answer is the last (W31)."""
        if now < self._ping_at():
            return
        if self.pings == 3:
            self._close(f"{self.peer} has been silent for {now - self.heard_at:.0f} s")
        else:
            self.pings, self.pinged_at = self.pings + 1, now
            self._send(wire.PING)

    def _ping_at(self) -> float:
        if len(self.free) == len(self.slots):
            return NEVER
        return (self.pinged_at if self.pings else self.heard_at) + 2.0

    def wakeup(self) -> float:
        """The time at which `tick` is needed next."""
        times = [call.deadline for call in self.queue]
        if self.state == "down" and self._has_work():
            times.append(self.connect_at)
        times += (slot.call.deadline for slot in self.slots if slot.call is not None and slot.call.outcome is None)
        if self.state in ("connecting", "greeting"):
            times.append(self.attempt_ends)
            times += self.hello_at[:1] if self.state == "greeting" else []
        elif self.state == "up":
            times += (slot.call.resend_at for slot in self.slots if slot.call is not None)
            times += (slot.ack_at for slot in self.slots)
            if self.free and not self.draining:
                times += (call.not_before for call in self.queue if call.not_before)
            times += (self.tables_at, self._ping_at())
        return min(times, default=NEVER)

    def ready(self) -> bool:
        """True if the session stands, and all tables that are needed are here."""
        return self.state == "up" and not any(judgement.waiting for judgement in self.judgements.values())

    def missing(self) -> str:
        """A sentence about a service that the server does not have; empty if it has all."""
        return next((judgement.missing for judgement in self.judgements.values() if judgement.missing), "")

    def close(self, now: float) -> None:
        """Ends the session at once, whatever is under way."""
        if self.closed:
            return
        self.closed = True
        if self.state == "up":
            self._send(wire.BYE)
        for call in self._take_queue():
            self._finish(call, Outcome(reason=Reason.CLOSED))
        self._lose_session(UnknownCause.CLOSED, now)
        self._close("the client is closed")


def _text(body: bytes) -> str:
    return body.decode(errors="replace")

