//! The wrong solutions of the exercises on the path of a call: frames, stubs, sending again, the filter, orphaned slots.

use super::Wrong;

/// The wrong solutions, by exercise.
pub(crate) static WRONG: [(&str, &[Wrong]); 6] = [
    ("frames", FRAMES),
    ("client_stub", CLIENT_STUB),
    ("server_stub", SERVER_STUB),
    ("retry", RETRY),
    ("filter", FILTER),
    ("orphans", ORPHANS),
];

const FRAMES: &[Wrong] = &[
    Wrong {
        name: "the highest byte of the length first",
        find: "(frame.body.len() as u32).to_le_bytes()",
        put: "(frame.body.len() as u32).to_be_bytes()",
        told: "the first four bytes are not the length of the body",
    },
    Wrong {
        name: "a number of four bytes",
        find: "frame.seq.to_le_bytes()",
        put: "(frame.seq as u32).to_le_bytes()",
        told: "bytes are missing at the end",
    },
    Wrong {
        name: "each read is taken for a whole frame",
        find: "self.bytes.extend(bytes);",
        put: "self.bytes = bytes.to_vec();",
        told: "as if bytes of an earlier `push` were lost",
    },
    Wrong {
        name: "what is behind a frame is thrown away",
        find: ".drain(..12 + length).skip(12).collect()",
        put: ".drain(..).skip(12).take(length).collect()",
        told: "it has to come out now, also if it came with another one",
    },
    Wrong {
        name: "a long frame is believed",
        find: "length > MOST",
        put: "length > 10 * MOST",
        told: "`next` has to refuse it at once",
    },
    Wrong {
        name: "the longest body that is allowed is 100 bytes",
        find: "length > MOST",
        put: "length > MOST / 10",
        told: "no frame here is longer than 1000 bytes",
    },
    Wrong {
        name: "the body is taken before it is there",
        find: "self.bytes.len() < 12 + length",
        put: "self.bytes.len() < 12",
        told: "your code panics: range end index",
    },
];

const CLIENT_STUB: &[Wrong] = &[
    Wrong {
        name: "the arguments in the wrong order",
        find: "&(key, value)",
        put: "&(value, key)",
        told: "and the implementation runs append(\"1997\", \"year\")",
    },
    Wrong {
        name: "another method",
        find: "method(\"Kv.append\"), &(key, value))",
        put: "method(\"Kv.get\"), &(key,))",
        told: "the implementation runs get(",
    },
    Wrong {
        name: "a method that does not exist",
        find: "method(\"Kv.get\"), &(key,)",
        put: "method(\"Kv.read\"), &(key,)",
        told: "there is no method `Kv.read`: there are Kv.get and Kv.append",
    },
    Wrong {
        name: "an error becomes a value",
        find: "&(key,))",
        put: "&(key,)).or(Ok(None))",
        told: "an error of the call belongs to the caller",
    },
    Wrong {
        name: "a call is made twice",
        find: "self.caller.call::<u64, Never>(",
        put: "let _ = self.append_once(key, value);\n        self.append_once(key, value)\n    }\n}\n\nimpl Mine {\n    \
              fn append_once(&self, key: &str, value: &str) -> Result<u64, CallError> {\n        self.caller.call::<u64, Never>(",
        told: "ran twice: the framework sends a request again when that is safe",
    },
    Wrong {
        name: "another value",
        find: "&(key, value))",
        put: "&(key, value)).map(|_| value.len() as u64)",
        told: "and the program gets",
    },
];

const SERVER_STUB: &[Wrong] = &[
    Wrong {
        name: "the arguments in the wrong order",
        find: "let (key, value): (&str, &str)",
        put: "let (value, key): (&str, &str)",
        told: "and the implementation runs append(\"1997\", \"year\")",
    },
    Wrong {
        name: "methods numbered from one",
        find: "match call.method()",
        put: "match call.method() + 1",
        told: "the implementation does not run",
    },
    Wrong {
        name: "the method runs twice",
        find: "call.reply::<u64>(",
        put: "self.service.append(key, value);\n                call.reply::<u64>(",
        told: "and the implementation runs twice",
    },
    Wrong {
        name: "arguments that cannot be read are taken as empty",
        find: "let (key, value): (&str, &str) = call.arguments()?;",
        put: "let (key, value): (&str, &str) = call.arguments().unwrap_or_default();",
        told: "the implementation runs all the same: read them first",
    },
    Wrong {
        name: "another value",
        find: "(self.service.append(key, value))",
        put: "({ self.service.append(key, value); value.len() as u64 })",
        told: "and the client gets",
    },
];

const RETRY: &[Wrong] = &[
    Wrong {
        name: "a new number each time",
        find: "may_have_arrived |= ",
        put: "self.last += u64::from(may_have_arrived);\n            may_have_arrived |= ",
        told: "A request that is sent again keeps its number",
    },
    Wrong {
        name: "any reply is taken",
        find: "reply.seq == self.last",
        put: "reply.seq > 0",
        told: "gets the reply of another call",
    },
    Wrong {
        name: "sent once",
        find: "until.min(wire.now() + RESEND)",
        put: "until",
        told: "did not send the request again",
    },
    Wrong {
        name: "not executed, although it was sent",
        find: "if may_have_arrived {",
        put: "if false {",
        told: "says that it was not executed. Without a reply it cannot know",
    },
    Wrong {
        name: "unknown, although nothing was sent",
        find: "if may_have_arrived {",
        put: "if true {",
        told: "no byte of the request has left the client",
    },
    Wrong {
        name: "later than the deadline",
        find: "until.min(wire.now() + RESEND)",
        put: "wire.now() + RESEND + 7",
        told: "no wait may be longer than the time that is left",
    },
    Wrong {
        name: "sent again without a pause",
        find: "wire.now() + RESEND",
        put: "wire.now() + 1",
        told: "the client sends too often",
    },
    Wrong {
        name: "gives up after three times",
        find: "while wire.now() < until",
        put: "for _ in 0..3",
        told: "the client gives up at",
    },
    Wrong {
        name: "each call has the number 1",
        find: "self.last += 1;",
        put: "self.last = 1;",
        told: "which was append(\"a\"): the server takes it for a duplicate",
    },
];

const FILTER: &[Wrong] = &[
    Wrong {
        name: "runs again while it runs",
        find: "None => Decision::Ignore",
        put: "None => Decision::Run",
        told: "the first run has not ended yet",
    },
    Wrong {
        name: "runs again when it has ended",
        find: "Decision::Reply(Arc::clone(reply))",
        put: "Decision::Run",
        told: "it has the number of the last call of the slot",
    },
    Wrong {
        name: "an old copy runs",
        find: "seq > record.last",
        put: "seq != record.last",
        told: "its number is lower than that of the last call of the slot",
    },
    Wrong {
        name: "a duplicate is ignored for ever",
        find: "Decision::Reply(Arc::clone(reply))",
        put: "Decision::Ignore",
        told: "the client never gets it",
    },
    Wrong {
        name: "an old copy is answered",
        find: "seq < record.last",
        put: "false",
        told: "is answered with the reply of request",
    },
    Wrong {
        name: "every reply is kept",
        find: "record.reply = Some(reply);",
        put: "std::mem::forget(Arc::clone(&reply));\n            record.reply = Some(reply);",
        told: "or the server's memory grows with each call",
    },
    Wrong {
        name: "the reply of the last call stays",
        find: "*record = Record { last: seq, reply: None };",
        put: "record.last = seq;",
        told: "is answered with the reply of request",
    },
];

const ORPHANS: &[Wrong] = &[
    Wrong {
        name: "free when the caller gives up",
        find: "self.slots[slot].caller_waits = false;",
        put: "(self.slots[slot].caller_waits, self.slots[slot].under_way) = (false, false);",
        told: "a slot carries one call at a time",
    },
    Wrong {
        name: "never free again",
        find: "slot.under_way = false;",
        put: "slot.under_way = !slot.caller_waits;",
        told: "carries no call, and `take` does not give it",
    },
    Wrong {
        name: "the late reply is given to the caller that left",
        find: "        slot.caller_waits\n",
        put: "        true\n",
        told: "and its caller no longer waits",
    },
    Wrong {
        name: "the number of a reply is not looked at",
        find: "seq != slot.last || !slot.under_way",
        put: "!slot.under_way",
        told: "would get a value that is not its own",
    },
    Wrong {
        name: "a copy of a reply is taken for it",
        find: "seq != slot.last || !slot.under_way",
        put: "seq != slot.last",
        told: "no caller waits: it is a copy",
    },
    Wrong {
        name: "numbers begin anew",
        find: "slot.last += 1;",
        put: "slot.last = 1;",
        told: "and never runs it",
    },
];
