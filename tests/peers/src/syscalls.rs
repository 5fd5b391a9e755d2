//! System calls of a process, counted by `perf stat` in a part of a measurement.

use std::process::{Child, Command, Stdio};

/// `perf` counts for this long.
pub(crate) const COUNTED: f64 = 0.3;

/// A `perf` that counts.
#[derive(Debug)]
pub(crate) struct Counting(Child);

fn perf(arguments: &[&str]) -> Command {
    let mut command = Command::new("perf");
    command.args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Returns the reason why system calls cannot be counted here.
pub(crate) fn cannot_count() -> Option<String> {
    match perf(&["true"]).output() {
        Err(error) => Some(format!("perf cannot be started: {error}")),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr);
            let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            count(&text).is_none().then(|| format!("perf says: {first}"))
        }
    }
}

/// Begins to count the system calls of a process.
pub(crate) fn begin(process: u32) -> Option<Counting> {
    perf(&["-p", &process.to_string(), "sleep", &COUNTED.to_string()]).spawn().ok().map(Counting)
}

impl Counting {
    /// Returns the system calls per second.
    pub(crate) fn per_second(self) -> Option<f64> {
        let output = self.0.wait_with_output().ok()?;
        count(&String::from_utf8_lossy(&output.stderr)).map(|count| count / COUNTED)
    }
}

fn count(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.contains("raw_syscalls"))?;
    line.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn a_count_of_perf_is_a_number_or_the_reason_why_not() {
        assert_eq!(count("7260,,raw_syscalls:sys_enter,300000000,100.00,,\n"), Some(7260.0));
        assert_eq!(count("<not supported>,,raw_syscalls:sys_enter,0,100.00,,\n"), None);
        assert_eq!(count("event syntax error: 'raw_syscalls:sys_enter'\n"), None);
    }
}
