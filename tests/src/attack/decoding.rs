//! Attacks on the decoder: lengths, nesting and elements that a body claims and does not have, and values that grow.

use std::time::Duration;

use super::attacker::{Attacker, call_raw, encoded};
use super::case::{Case, Scene, Trial, bound};
use super::process::Limits;

const FAMILY: &str = "decoding";
const WAIT: Duration = Duration::from_secs(10);
/// Bytes of a body just under the limit.
const BODY: usize = (4 << 20) - 64;

/// The cases.
pub(super) const CASES: &[Case] = &[
    Case {
        family: FAMILY,
        name: "elements without bytes",
        sent: "`Vec<()>` of 1,033, 2 x 10^9 and 2^64 - 1 elements (B4 4)",
        answer: "BadArguments at once; 1,032 elements are allowed",
        quick: true,
        alone: false,
        run: units,
    },
    Case {
        family: FAMILY,
        name: "nested values",
        sent: "an enum in an enum, 64 to 500,000 levels deep (B4 5)",
        answer: "BadArguments beyond 64 levels; no stack overflows",
        quick: true,
        alone: false,
        run: nested,
    },
    Case {
        family: FAMILY,
        name: "lengths that are only claimed",
        sent: "strings, bytes, lists and maps that claim 4 GiB, 2^63 and 2^64 - 1 (B4 6)",
        answer: "BadArguments; at most 8 MiB are pinned",
        quick: true,
        alone: false,
        run: lengths,
    },
    Case {
        family: FAMILY,
        name: "values that do not exist",
        sent: "a bool 2, an option tag 7, a surrogate, bad UTF-8, bytes left over, bytes missing (B4 7)",
        answer: "BadArguments for each, and the connection lives",
        quick: true,
        alone: false,
        run: values,
    },
    Case {
        family: FAMILY,
        name: "values that are larger in memory",
        sent: "`Vec<Option<[u64; 32]>>` of 4 MiB of absent elements (F12)",
        answer: "at most 8 MiB are pinned: BadArguments, or a bound in bytes of memory",
        quick: true,
        alone: false,
        run: fat,
    },
    Case {
        family: FAMILY,
        name: "strings without text",
        sent: "`Vec<String>` of 4 MiB of empty strings, and a map whose keys are all alike",
        answer: "at most 32 MiB while it is decoded: 24 bytes in memory for 8 on the wire; then nothing",
        quick: true,
        alone: false,
        run: strings,
    },
    Case {
        family: FAMILY,
        name: "a reply over the limit",
        sent: "a call whose reply has 5 MiB, asked for three times (B4 21)",
        answer: "ReplyLost each time, and it runs once",
        quick: true,
        alone: false,
        run: over_limit,
    },
];

fn refused(trial: &mut Trial, attacker: &mut Attacker, seq: u64, name: &str, body: &[u8], what: &str) {
    attacker.send(&call_raw(name, 0, seq, body));
    let answer = attacker.hear(WAIT).text();
    trial.holds(format!("{what} is refused"), answer == "Refused(BadArguments)", answer);
}

fn units(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    for (seq, claim) in [1_033_u64, 2_000_000_000, u64::MAX].into_iter().enumerate() {
        refused(trial, &mut attacker, seq as u64 + 1, "units", &claim.to_le_bytes(), &claim.to_string());
    }
    attacker.send(&call_raw("units", 0, 9, &1_032_u64.to_le_bytes()));
    let answer = attacker.hear(WAIT).text();
    trial.holds("1,032 elements are allowed", answer == "Done", answer);
    let peak = scene.watch(Duration::from_millis(50));
    trial.memory("pinned", peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn nested(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    for (seq, depth) in [64_usize, 65, 1_000, 100_000, 500_000].into_iter().enumerate() {
        let mut body = 1_u32.to_le_bytes().repeat(depth); // Tree::Node
        body.extend([0, 0, 0, 0, 7]); // Tree::Leaf(7)
        refused(trial, &mut attacker, seq as u64 + 1, "nest", &body, &format!("a depth of {depth}"));
    }
    let mut body = 1_u32.to_le_bytes().repeat(30);
    body.extend([0, 0, 0, 0, 7]);
    attacker.send(&call_raw("nest", 0, 9, &body));
    let answer = attacker.hear(WAIT).text();
    trial.holds("30 levels are allowed", answer == "Done", answer);
    scene.finish(trial)
}

fn lengths(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    let mut seq = 0;
    for claim in [1_u64 << 32, 1 << 63, u64::MAX, BODY as u64 * 2] {
        for name in ["echo", "borrow", "strings", "map", "fat"] {
            seq += 1;
            let mut body = claim.to_le_bytes().to_vec();
            body.extend([1; 64]);
            refused(trial, &mut attacker, seq, name, &body, &format!("{name} of {claim}"));
        }
    }
    let peak = scene.watch(Duration::from_millis(50));
    trial.memory("pinned", peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn values(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    let text = |bytes: &[u8]| [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat();
    let mut left_over = encoded(&("x",));
    left_over.push(0);
    let bodies: [(&str, &str, Vec<u8>); 8] = [
        ("a bool of 2", "mix", vec![2, 0, b'a']),
        ("an option tag of 7", "mix", vec![1, 7, b'a']),
        ("a surrogate as a character", "mix", vec![1, 0, 0xed, 0xa0, 0x80]),
        ("text that is not UTF-8", "echo", text(&[0xff, 0xfe])),
        ("bytes left over", "echo", left_over),
        ("bytes missing", "echo", vec![1, 0, 0]),
        ("no arguments", "echo", Vec::new()),
        ("a variant of 9", "nest", vec![9, 0, 0, 0]),
    ];
    for (seq, (what, name, body)) in bodies.iter().enumerate() {
        refused(trial, &mut attacker, seq as u64 + 1, name, body, what);
    }
    let answer = attacker.ask("mix", 0, 99, &(true, Some(1_u8), 'a'));
    trial.holds("the connection lives, and values that exist are taken", answer == "Done", answer);
    scene.finish(trial)
}

fn fat(trial: &mut Trial) -> Result<(), String> {
    // A quarter of the body of the finding in a small run: its growth is the same, and it costs this machine less.
    let count = trial.size(BODY / 4, BODY);
    let limits = Limits { address_space: Some(2 << 30), ..Limits::default() };
    let mut scene = Scene::start(&limits)?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    let mut body = (count as u64).to_le_bytes().to_vec();
    body.resize(8 + count, 0);
    attacker.send(&call_raw("fat", 0, 1, &body));
    let peak = scene.watch(Duration::from_secs(1));
    let answer = attacker.hear(WAIT).text();
    trial.fact(format!("the answer is {answer}"));
    let peak = scene.watch(Duration::from_millis(50)).max(peak);
    trial.memory("pinned", peak, bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn strings(trial: &mut Trial) -> Result<(), String> {
    let mut scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    let count = (BODY / 8 - 1) as u64;
    let mut body = count.to_le_bytes().to_vec();
    body.resize(8 * (count as usize + 1), 0);
    let mut map = (BODY as u64 / 12 - 1).to_le_bytes().to_vec();
    map.resize(8 + 12 * (BODY / 12 - 1), 0); // the same empty key each time
    for (seq, (name, body)) in [("strings", body), ("map", map)].iter().enumerate() {
        attacker.send(&call_raw(name, 0, seq as u64 + 1, body));
        let answer = attacker.hear(WAIT).text();
        trial.fact(format!("{name}: {answer}"));
    }
    let peak = scene.watch(Duration::from_millis(50));
    trial.memory("pinned while decoding", peak, 32 << 20);
    trial.memory("pinned afterwards", scene.grown(), bound::ONE_CONNECTION);
    scene.finish(trial)
}

fn over_limit(trial: &mut Trial) -> Result<(), String> {
    let scene = Scene::plain()?;
    let mut attacker = Attacker::greeted(scene.server.address, 0, 4)?;
    for time in 1..=3 {
        let answer = attacker.ask("keep", 0, 1, &(5_u64 << 20,));
        trial.holds(format!("answer {time} is ReplyLost"), answer == "ReplyLost", answer);
    }
    trial.at_most("runs", super::sessions::runs(&scene)?, 1);
    scene.finish(trial)
}
