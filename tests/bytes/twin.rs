//! Mutations of the corpora by proptest: from a fixed seed and from a new one in each run, shrunk when one fails.

use std::time::{SystemTime, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use rpc_tests::bytes::{TARGETS, Target};

use crate::corpus;

/// The seed of the runs that are the same every time.
const FIXED_SEED: u64 = 1;
/// Most edits of one input: more make it noise.
const MOST_EDITS: usize = 8;
/// Longest part that one edit moves or takes out.
const LONGEST_PART: usize = 16;

/// A change of an input.
#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    /// Goes on with another input of the corpus from here.
    Splice(Index, Index),
}

impl Edit {
    fn strategy() -> impl Strategy<Value = Edit> {
        let at = any::<Index>;
        prop_oneof![
            (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
            (at(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
            (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
            (at(), 1..LONGEST_PART).prop_map(|(at, length)| Edit::Remove(at, length)),
            (at(), 1..LONGEST_PART).prop_map(|(at, length)| Edit::Repeat(at, length)),
            (at(), at()).prop_map(|(at, other)| Edit::Splice(at, other)),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        if let Edit::Insert(at, byte) = self {
            return bytes.insert(at.index(bytes.len() + 1), *byte);
        }
        if bytes.is_empty() {
            return;
        }
        let place = |at: &Index| at.index(bytes.len());
        match self {
            Edit::Set(at, byte) => {
                let at = place(at);
                bytes[at] = *byte;
            }
            Edit::Flip(at, bit) => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
            Edit::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            Edit::Repeat(at, length) => {
                let at = place(at);
                let part = bytes[at..(at + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            Edit::Splice(at, other) => {
                let at = place(at);
                let other = other.get(corpus);
                bytes.truncate(at);
                bytes.extend_from_slice(other.get(at..).unwrap_or_default());
            }
            Edit::Insert(..) => {}
        }
    }
}

/// Runs `cases` mutated inputs from a seed. An error names the smallest input that was found.
fn search(target: &Target, seed: u64, cases: u32) -> Result<(), String> {
    let corpus: Vec<Vec<u8>> = corpus::inputs(target).into_iter().map(|(_, bytes)| bytes).collect();
    let mut seed_bytes = [0; 32];
    seed_bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed_bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let start = any::<Index>();
    let edits = vec(Edit::strategy(), 0..=MOST_EDITS);
    let input = (start, edits).prop_map(move |(start, edits)| {
        let mut bytes = start.get(&corpus).clone();
        for edit in &edits {
            edit.apply(&mut bytes, &corpus);
        }
        bytes.truncate(target.longest);
        bytes
    });
    let outcome = runner.run(&input, |bytes| {
        (target.body)(&bytes);
        Ok(())
    });
    outcome.map_err(|error| match error {
        TestError::Fail(why, bytes) => {
            format!("{}: {why}\n  the smallest input found: {}", target.name, crate::page::shown(&bytes))
        }
        TestError::Abort(why) => format!("{}: given up: {why}", target.name),
    })
}

/// `RPC_SEED`, or a seed that no run had before.
fn moving_seed() -> u64 {
    let said = std::env::var("RPC_SEED").ok().and_then(|text| text.parse().ok());
    said.unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        since.as_nanos() as u64
    })
}

fn twin_of(name: &'static str, cases: u32) {
    corpus::on_a_large_stack(move || run_twin_of(name, cases));
}

fn run_twin_of(name: &str, cases: u32) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    for seed in [FIXED_SEED, moving_seed()] {
        println!("{name}: {cases} inputs from seed {seed}");
        if let Err(found) = search(target, seed, cases) {
            panic!(
                "{found}\n  again: RPC_SEED={seed} cargo test -p rpc-tests --test bytes {name}; \
                 when it is mended, keep the input in tests/fuzz/corpus/{name}"
            );
        }
    }
}

#[test]
fn mutated_frames_pass_the_decoder() {
    twin_of("decoder", 4_000);
}

#[test]
fn mutated_messages_come_back_as_they_were() {
    twin_of("messages", 4_000);
}

#[test]
fn mutated_values_stay_within_the_bounds_of_the_codec() {
    twin_of("codec", 4_000);
}

#[test]
fn mutated_steps_break_no_rule_of_the_server() {
    twin_of("server", 4_000);
}

#[test]
fn mutated_steps_break_no_rule_of_the_client() {
    twin_of("client", 4_000);
}

#[test]
fn mutated_traits_never_make_the_macro_panic() {
    twin_of("macro_input", 1_000);
}

#[test]
fn a_body_that_fails_is_found_and_its_input_shrunk() {
    let quiet = |bytes: &[u8]| {
        if bytes.contains(&0xab) {
            std::panic::resume_unwind(Box::new("planted"));
        }
    };
    let target = Target { body: quiet, ..TARGETS[0] };
    let found = search(&target, FIXED_SEED, 10_000).expect_err("one of 10,000 inputs has that byte");
    assert!(found.contains("the smallest input found: ") && found.contains("ab"), "{found}");
}
