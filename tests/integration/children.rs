//! Runs a test in a process of its own, for what would end or change this one.

/// Runs the ignored test with this path in a process of its own, and returns what it wrote to standard error.
///
/// # Panics
/// Panics if the test fails, or if the process ends in any other way, as by an abort.
pub(crate) fn run_child(before: &str, test: &str) -> String {
    let program = std::env::current_exe().expect("this program");
    let script = format!("{before} exec \"$0\" --ignored --exact --nocapture {test}");
    let child =
        std::process::Command::new("sh").args(["-c", &script]).arg(program).output().expect("a shell");
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", child.status);
    err.into_owned()
}
