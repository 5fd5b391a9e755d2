//! The memory that the kernel has for each thread beside the memory of the process: its kernel stack, which the resident set
//! does not count.

use std::io;
use std::sync::{Arc, Barrier};
use std::thread;

/// Threads that are started to measure it: enough to stand out from the threads of other programs.
const THREADS: u64 = 500;
/// Measurements; the median counts, since other programs start and end threads meanwhile.
const TRIES: usize = 5;
/// The size on 64-bit x86 and ARM, for systems that do not tell.
const USUAL_KIB: u64 = 16;

/// The kernel stack of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelStack {
    pub(crate) kib: u64,
    pub(crate) is_measured: bool,
}

/// Measures it by the `KernelStack` of /proc/meminfo, before threads are started and while they wait.
pub(crate) fn measure() -> KernelStack {
    let mut sizes: Vec<u64> = (0..TRIES).filter_map(|_| one_measurement().ok().flatten()).collect();
    sizes.sort_unstable();
    match sizes.get(sizes.len() / 2) {
        Some(&kib) if (4..=64).contains(&kib) => KernelStack { kib, is_measured: true },
        _ => KernelStack { kib: USUAL_KIB, is_measured: false },
    }
}

/// In KiB for each thread, rounded to whole pages of 4 KiB.
fn one_measurement() -> io::Result<Option<u64>> {
    let Some(before) = all_kernel_stacks() else { return Ok(None) };
    let end = Arc::new(Barrier::new(THREADS as usize + 1));
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let waits = Arc::clone(&end);
        threads.push(thread::Builder::new().stack_size(64 << 10).spawn(move || {
            waits.wait();
        })?);
    }
    let after = all_kernel_stacks();
    end.wait();
    for thread in threads {
        thread.join().map_err(|_| io::Error::other("a thread panicked"))?;
    }
    Ok(after.map(|after| (after.saturating_sub(before) + 2 * THREADS) / THREADS / 4 * 4))
}

fn all_kernel_stacks() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("KernelStack:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
