//! The committed corpora: inputs that reach all code that the fuzzers have reached. Each is run again, and they stay small.

use std::fs;
use std::path::{Path, PathBuf};

use rpc_tests::bytes::{TARGETS, Target};

/// Most files of one corpus: they are read by people when one of them fails.
const MOST_FILES: usize = 120;
/// Most bytes of one corpus: every clone of the repository carries them.
const MOST_BYTES: usize = 100 << 10;

/// The stack of a thread that runs inputs: syn follows nesting by recursion, and unoptimised a level takes kilobytes. rustc
/// gives macros 8 MiB at least.
const STACK: usize = 32 << 20;

/// Runs this on a thread whose stack is like a compiler's.
pub(crate) fn on_a_large_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// The folder of a target's corpus.
pub(crate) fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name)
}

/// The inputs of a target's corpus with their names, in the order of the names.
pub(crate) fn inputs(target: &Target) -> Vec<(String, Vec<u8>)> {
    let folder = folder(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry of the corpus");
            let bytes = fs::read(entry.path()).expect("a file of the corpus");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn every_input_of_the_corpora_is_run_again() {
    on_a_large_stack(|| {
        for target in &TARGETS {
            for (name, bytes) in inputs(target) {
                if let Err(panic) = std::panic::catch_unwind(|| (target.body)(&bytes)) {
                    eprintln!("the input is tests/fuzz/corpus/{}/{name}", target.name);
                    std::panic::resume_unwind(panic);
                }
            }
        }
    });
}

#[test]
fn the_corpora_are_there_and_small() {
    for target in &TARGETS {
        let inputs = inputs(target);
        let bytes: usize = inputs.iter().map(|(_, bytes)| bytes.len()).sum();
        let longest = inputs.iter().map(|(_, bytes)| bytes.len()).max().unwrap_or(0);
        assert!((10..=MOST_FILES).contains(&inputs.len()), "{}: {} files", target.name, inputs.len());
        assert!(bytes <= MOST_BYTES, "{}: {bytes} bytes", target.name);
        assert!(longest <= target.longest, "{}: an input of {longest} bytes", target.name);
    }
}
