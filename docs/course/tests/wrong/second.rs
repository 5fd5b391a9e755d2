//! The wrong solutions of the exercises about threads, and of the last two about stubs.

use super::Wrong;

/// The wrong solutions, by exercise.
pub(crate) static WRONG: [(&str, &[Wrong]); 6] = [
    ("vote", VOTE),
    ("wait_group", WAIT_GROUP),
    ("crawl", CRAWL),
    ("pool", POOL),
    ("generic_stub", GENERIC_STUB),
    ("macro_rule", MACRO_RULE),
];

const VOTE: &[Wrong] = &[
    Wrong {
        name: "a channel without room",
        find: "channel(count)",
        put: "channel(0)",
        told: "waits to send: no thread receives, for ever: a thread is left behind with each vote",
    },
    Wrong {
        name: "room for one vote",
        find: "channel(count)",
        put: "channel(1)",
        told: "waits to send: the channel is full, for ever: a thread is left behind with each vote",
    },
    Wrong {
        name: "waits for all votes",
        find: "while yes < need && no <= count - need",
        put: "while yes + no < count",
        told: "the answers that have arrived decide the vote, and the collector does not return",
    },
    Wrong {
        name: "waits for yes only",
        find: "yes < need && no <= count - need",
        put: "yes < need",
        told: "the collector waits to receive",
    },
    Wrong {
        name: "one vote too few",
        find: "        yes >= need\n",
        put: "        yes > need\n",
        told: "and the collector returns false",
    },
    Wrong {
        name: "the first no decides",
        find: "no <= count - need",
        put: "no == 0",
        told: "and the collector returns false",
    },
];

const WAIT_GROUP: &[Wrong] = &[
    Wrong {
        name: "looks at the count once",
        find: "while *count > 0 {",
        put: "if *count > 0 {",
        told: "a thread that wakes up has to look at the count again",
    },
    Wrong { name: "no signal", find: "self.ended.notify_all();", put: "", told: "all tasks have ended, and" },
    Wrong {
        name: "a signal to one thread",
        find: "self.ended.notify_all",
        put: "self.ended.notify_one",
        told: "all tasks have ended, and",
    },
    Wrong {
        name: "asks again and again",
        find: "count = self.ended.wait(count);",
        put: "drop(count);\n            count = self.count.lock();",
        told: "a loop asks again and again. Wait for a signal instead",
    },
    Wrong {
        name: "a signal and no count",
        find: "        while *count > 0 {\n            count = self.ended.wait(count);\n        }",
        put: "        count = self.ended.wait(count);\n        drop(count);",
        told: "waits for a signal, for ever",
    },
    Wrong {
        name: "more than were added",
        find: "*count -= 1;",
        put: "*count -= 2;",
        told: "your code panics: attempt to subtract with overflow",
    },
];

const CRAWL: &[Wrong] = &[
    Wrong {
        name: "an empty list is the end",
        find: "while state.waiting.is_empty() && state.busy > 0",
        put: "while false",
        told: "an empty list is not the end",
    },
    Wrong {
        name: "the end is not told",
        find: "state.busy == 0 && state.waiting.is_empty()",
        put: "false",
        told: "the crawl is over, and the worker has to be told",
    },
    Wrong {
        name: "every link is a page to read",
        find: "state.seen.insert(page)",
        put: "state.seen.insert(page) || page > 0",
        told: "is read twice: a page that was found before",
    },
    Wrong {
        name: "one worker is told of the end",
        find: "notify_all",
        put: "notify_one",
        told: "the crawl is over, and the worker has to be told",
    },
    Wrong {
        name: "never busy",
        find: "state.busy += 1;",
        put: "state.busy += 0;",
        told: "your code panics: attempt to subtract with overflow",
    },
    Wrong {
        name: "the start is never read",
        find: "state.waiting.push_back(page);",
        put: "state.waiting.extend((page > 0).then_some(page));",
        told: "page 0 was found, and no worker has read it",
    },
];

const POOL: &[Wrong] = &[
    Wrong {
        name: "jobs run under the lock",
        find: "            drop(state);\n            job();",
        put: "            job();\n            drop(state);",
        told: "waits for the lock, for ever",
    },
    Wrong {
        name: "one thread is told to stop",
        find: "notify_all",
        put: "notify_one",
        told: "waits for a signal, for ever",
    },
    Wrong {
        name: "jobs that wait are dropped at the stop",
        find: "let Some(job) = state.jobs.pop_front() else { return };",
        put: "if state.is_stopped {\n                return;\n            }\n            let Some(job) = state.jobs.pop_front() else { return };",
        told: "the jobs that wait when the pool is stopped still run",
    },
    Wrong {
        name: "takes jobs after the stop",
        find: "if state.is_stopped {",
        put: "if false {",
        told: "the pool takes a job after it was stopped",
    },
    Wrong {
        name: "a thread ends when it has nothing to do",
        find: "while state.jobs.is_empty() && !state.is_stopped {",
        put: "while false {",
        told: "was taken, and never ran",
    },
    Wrong {
        name: "says false of a job that runs",
        find: "self.changed.notify_one();\n        true",
        put: "false",
        told: "`submit` said false of",
    },
];

const GENERIC_STUB: &[Wrong] = &[
    Wrong {
        name: "the number is the place in the table",
        find: "let reply = self.wire.send(*number,",
        put: "let number = table.iter().position(|(_, known)| known == number).unwrap_or(0) as u32;\n        let reply = self.wire.send(number,",
        told: "look the name up, since another server may have another order",
    },
    Wrong {
        name: "an unknown name is method 0",
        find: "return Err(Failure::NoSuchMethod(table.into_iter().map(|(name, _)| name).collect()));",
        put: "return decode(&self.wire.send(0, &encode(arguments)).ok_or(Failure::Refused)?).ok_or(Failure::WrongType);",
        told: "the table says so before anything is sent",
    },
    Wrong {
        name: "an error without the names",
        find: "table.into_iter().map(|(name, _)| name).collect()",
        put: "Vec::new()",
        told: "NoSuchMethod([\"Kv.get\", \"Kv.append\"])",
    },
    Wrong {
        name: "arguments as a text of their own",
        find: "&encode(arguments)",
        put: "&encode(&(arguments,))",
        told: "the arguments are not those of the program",
    },
    Wrong {
        name: "another type is a refusal",
        find: "decode(&reply).ok_or(Failure::WrongType)",
        put: "decode(&reply).ok_or(Failure::Refused)",
        told: "the program has to get Err(WrongType)",
    },
];

const MACRO_RULE: &[Wrong] = &[
    Wrong {
        name: "a name that is written out",
        find: "concat!(stringify!($service), \".\", stringify!($name));\n",
        put: "\"Kv.get\";\n",
        told: "bytes left over after the value",
    },
    Wrong {
        name: "a name without its service",
        find: "concat!(stringify!($service), \".\", stringify!($name));\n",
        put: "stringify!($name);\n",
        told: "there is no method `get`: there are Kv.get and Kv.append",
    },
    Wrong {
        name: "no arguments",
        find: "&($($argument,)*)",
        put: "&()",
        told: "the bytes end before the value does",
    },
];
