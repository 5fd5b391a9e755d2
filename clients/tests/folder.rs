//! Folders of generated clients, and the programs that use them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rpc_clients::{Language, ServiceDescription, generate};

/// Returns a folder of a test for files that are generated, empty.
pub(crate) fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("a folder of this test");
    }
    std::fs::create_dir_all(&folder).expect("a folder of this test");
    folder
}

/// Generates the client of these services into a folder.
pub(crate) fn generated(language: Language, services: &[ServiceDescription], folder: &Path) {
    let generated = generate(language, services, "generated", "a test").expect("known types");
    assert_eq!(generated.left_out, [String::new(); 0]);
    generated.write(folder).expect("it is written");
}

/// Runs a program of `tests/programs` in Python, with the generated package in a folder.
pub(crate) fn python(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let mut command = Command::new("python3");
    command
        .arg("-B")
        .arg(programs.join(program))
        .args(arguments)
        .env("PYTHONPATH", folder)
        .current_dir(folder);
    command
}

/// Waits for a program, and returns what it has said.
pub(crate) fn said(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}
