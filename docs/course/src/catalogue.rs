//! The exercises in their order, with their hints.

use std::path::{Path, PathBuf};

/// An exercise.
#[derive(Debug)]
pub struct Exercise {
    /// The name of its judge's module, and the end of its file's name.
    pub name: &'static str,
    /// One line on what is to be written.
    pub title: &'static str,
    /// Hints, each nearer to the solution than the one before.
    pub hints: &'static [&'static str],
}

/// The exercises.
pub static EXERCISES: [Exercise; 12] = [
    Exercise {
        name: "frames",
        title: "frames as bytes, and frames out of a stream that arrives in pieces",
        hints: &[
            "TCP is a stream of bytes. It keeps their order, and not the borders between your writes: one read may return half a \
             frame, or three of them. So keep the bytes that have arrived in a list, and look only at its start.",
            "`next` needs the first 4 bytes to know the length of the body, and 12 + length bytes to return the frame. If there \
             are fewer, return `Ok(None)`, and leave the list as it is.",
            "The test for `TooLong` comes as soon as the length is known, before the body has arrived. `u32::from_le_bytes` reads \
             four bytes; `self.bytes.drain(..12 + length)` takes a frame off the start of the list.",
        ],
    },
    Exercise {
        name: "client_stub",
        title: "a client stub: a call that looks local, and is not",
        hints: &[
            "A stub does three things: it names the method, it packs the arguments into one tuple, and it says how the reply is \
             read. The framework does the rest.",
            "`self.caller.call::<T, E>(method, &arguments)` sends a call and waits. `T` is the type of the value that comes back. A \
             method without an error type of its own has `E` = `Never`.",
            "For `get`: `self.caller.call::<Option<String>, Never>(method(\"Kv.get\"), &(key,))`. A tuple with one part is \
             written with a comma.",
        ],
    },
    Exercise {
        name: "server_stub",
        title: "a server stub: from bytes to the implementation and back",
        hints: &[
            "The server stub is one `match` over `call.method()`: method 0 is `get`, method 1 is `append`. Each arm does what the \
             client stub does, in reverse: read the arguments, call, write the reply.",
            "`let (key, value): (&str, &str) = call.arguments()?;` reads the arguments of `append`. The `?` refuses a call whose \
             arguments cannot be read, before anything runs.",
            "`call.reply::<u64>(..)` writes the reply of `append` and ends the arm. Its argument is the call of the \
             implementation: `self.service.append(key, value)`.",
        ],
    },
    Exercise {
        name: "retry",
        title: "a client that sends again, and tells its caller the truth",
        hints: &[
            "A lost request and a lost reply look alike to the client: nothing comes. So it sends the request again, and under the \
             same number. The server knows by the number that it is the same call.",
            "Take a new number once for each call. Then repeat, while there is time: send, and wait for at most 100 ms and at most \
             the time that is left. A reply with another number belongs to an earlier call: wait on.",
            "Keep a `bool` that is true as soon as one `send` has returned true. At the deadline it decides: `Unknown` if it is \
             true, `NotExecuted` if it is not.",
        ],
    },
    Exercise {
        name: "filter",
        title: "the duplicate filter: each call runs at most once",
        hints: &[
            "A slot carries one call after the other, with the numbers 1, 2, 3 .. So one record for each slot is enough: the \
             number of its last call, and that call's reply if there is one.",
            "Compare the number with the last one of its slot. Higher: a new call, which runs. Equal: a duplicate of the last call. \
             Lower: an old copy that was late; the client has that reply, since it has sent a later call.",
            "For an equal number there are two cases. The handler still runs: `Ignore`, the reply goes out when it has ended. It \
             has ended: `Reply` with the kept reply. When a new call begins, the kept reply of the slot is deleted.",
        ],
    },
    Exercise {
        name: "orphans",
        title: "slots whose callers give up",
        hints: &[
            "When a caller gives up, its call goes on: the request may be on its way, or the handler may run. So the slot is not \
             free. It is orphaned: under way, and without a caller.",
            "Keep three things for each slot: the number of its last call, if that call is under way, and if its caller waits. \
             `give_up` changes the last one only.",
            "`reply` looks at the number first: a copy of an older reply changes nothing, and no caller waits for it. For the right \
             number the slot becomes free, and the result is true only if the caller still waits.",
        ],
    },
    Exercise {
        name: "vote",
        title: "a vote that leaves no thread behind",
        hints: &[
            "Start with the channel: which thread waits, and for which? With the capacity 0 a thread that sends waits for the collector. When the \
             collector has returned, it never receives again.",
            "There are two ways out. A channel with room for every vote: no thread ever waits to send. Or a count behind a lock, and a \
             condition variable: a thread that counts its vote waits for nothing.",
            "The collector receives until the count of yes reaches `need`, or more than `count - need` have said no. It does not receive \
             all votes: a slow voter would keep it.",
        ],
    },
    Exercise {
        name: "wait_group",
        title: "a wait group, from a lock and a condition variable",
        hints: &[
            "`wait` looks at the count under the lock. If it is not zero, the thread waits for a signal. Without the wait it would ask again and \
             again, and take a whole processor for it.",
            "A thread that wakes up looks at the count again, in a `while`: it may have been woken without a signal, and the lock was free in \
             between.",
            "`done` sends the signal while it holds the lock or after it, when the count has reached zero. More than one thread may wait, so it is \
             `notify_all`.",
        ],
    },
    Exercise {
        name: "crawl",
        title: "the end of a crawl: when is there nothing left to read?",
        hints: &[
            "An empty list is not the end, since a busy worker may add to it. The end is: the list is empty, and no worker is busy. So count the \
             workers that read a page.",
            "`next` takes a page and counts itself as busy under one lock. In between no other worker may see an empty list and no busy worker.",
            "`finished` counts one less. If the crawl is over then, the workers that wait in `next` have to wake up, all of them, and return \
             `None`.",
        ],
    },
    Exercise {
        name: "pool",
        title: "a pool of threads that run jobs",
        hints: &[
            "`work` is a loop: take the lock, wait while there is no job and the pool is not stopped, take a job, release the lock, run the job.",
            "`while let Some(job) = self.state.lock().jobs.pop_front() { job(); }` holds the lock while the job runs: the guard lives until the \
             end of the loop's body. `drop(state)` releases it before.",
            "`stop` wakes all threads, since each of them has to end. A thread ends when there is no job *and* the pool is stopped.",
        ],
    },
    Exercise {
        name: "generic_stub",
        title: "a generic stub: the method is a text",
        hints: &[
            "Look the name up in the table first. `table.iter().find(|(known, _)| known == name)` returns the pair, or `None`.",
            "`let Some((_, number)) = .. else { return Err(..) };` leaves the function if there is none. The names of the table are what the \
             error lists.",
            "`ok_or(Failure::Refused)?` makes an error of a `None`. The same for `decode`, with `Failure::WrongType`.",
        ],
    },
    Exercise {
        name: "macro_rule",
        title: "a rule of a macro that writes a client stub",
        hints: &[
            "Write the methods of exercise 2 by hand first, and look at what differs between the two. What differs is a `$..` of the pattern.",
            "The tuple of the arguments is `&($($argument,)*)`: each argument with a comma behind it, also if there is one.",
            "The name is `method(concat!(stringify!($service), \".\", stringify!($name)))`.",
        ],
    },
];

impl Exercise {
    /// Returns its number, from 1.
    pub fn number(&self) -> usize {
        EXERCISES.iter().position(|exercise| exercise.name == self.name).map_or(0, |at| at + 1)
    }

    /// Returns the exercise with this number.
    pub fn find(number: usize) -> Option<&'static Exercise> {
        EXERCISES.get(number.checked_sub(1)?)
    }

    /// Returns the name of its file: `05_filter.rs`.
    pub fn file(&self) -> String {
        format!("{:02}_{}.rs", self.number(), self.name)
    }

    /// Returns the path of its solution.
    pub fn solution(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("solutions").join(self.file())
    }
}

/// Returns the folder with the exercises of this copy of the project.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("exercises")
}
