//! The output file of callgrind: the instructions of a whole run, and the calls of the allocator.

use std::collections::HashMap;

/// The functions that allocate, as the C library names them.
const ALLOCATORS: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// The counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instructions of the program, without those of the kernel.
    pub instructions: u64,
    /// Calls of functions that allocate.
    pub allocations: u64,
}

impl Counts {
    /// Reads an output file; `None` if it has no total.
    ///
    /// A function is written once with its number and its name, `cfn=(7) malloc`, and later by its number, `cfn=(7)`; the line
    /// `calls=3 ..` after it says how often it is called from there.
    pub fn read(text: &str) -> Option<Self> {
        let (mut names, mut called) = (HashMap::new(), "");
        let mut counts = Counts::default();
        let mut has_total = false;
        for line in text.lines() {
            if let Some(function) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
                let (number, name) = function.split_once(' ').unwrap_or((function, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                called = names.get(number).copied().unwrap_or_default();
            } else if let Some(calls) = line.strip_prefix("calls=") {
                let count = calls.split(' ').next().and_then(|count| count.parse::<u64>().ok())?;
                if ALLOCATORS.contains(&called) {
                    counts.allocations += count;
                }
            } else if let Some(total) = line.strip_prefix("totals: ") {
                counts.instructions = total.trim().parse().ok()?;
                has_total = true;
            }
        }
        has_total.then_some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn calls_of_the_allocator_are_summed_and_other_calls_are_not() {
        let text = "fn=(1) main\n16 9\ncfn=(2) malloc\ncalls=3 0\n16 20\ncfn=(3) free\ncalls=50 0\n16 4\n\
                    fn=(2)\n8 30\ncfn=(4) _int_malloc\ncalls=3 0\n8 12\nfn=(3)\n9 1\ncfn=(2)\ncalls=4 0\n9 5\n\
                    totals: 4711\n";
        assert_eq!(Counts::read(text), Some(Counts { instructions: 4711, allocations: 7 }));
        assert_eq!(Counts::read("fn=(1) main\n16 9\n"), None, "the file of a run that was cut off");
    }
}
