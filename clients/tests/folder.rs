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
    assert!(generated.left_out.is_empty(), "{:?}", generated.left_out);
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

/// The folder with node's packages: TypeScript, and the types of node. `clients/check` makes it, and says where it is.
fn node_modules() -> Option<PathBuf> {
    let told = std::env::var_os("CLIENTS_NODE_MODULES").map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients-tools/node_modules");
    told.or_else(|| own.exists().then_some(own))
}

/// Compiles programs of `tests/programs` with the package that was generated into a folder. Returns false if there is no compiler.
pub(crate) fn compiled(folder: &Path, programs: &[&str]) -> bool {
    let Some(modules) = node_modules() else {
        eprintln!("TypeScript is not here: run clients/check, which installs it");
        return false;
    };
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    for program in programs {
        std::fs::copy(own.join(program), folder.join("src").join(program)).expect("a program of the tests");
    }
    std::os::unix::fs::symlink(modules.canonicalize().expect("it is there"), folder.join("node_modules"))
        .expect("a folder of this test");
    let output = Command::new("node_modules/.bin/tsc").current_dir(folder).output().expect("a compiler");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "in strict mode:\n{said}");
    true
}

/// Runs a program that was compiled, in node.
pub(crate) fn node(folder: &Path, program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("node");
    command.arg(folder.join("dist").join(program)).args(arguments).current_dir(folder);
    command
}

/// Waits for a program, and returns what it has said.
pub(crate) fn said(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    said
}
