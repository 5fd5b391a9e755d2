//! Builds the copy with cargo, and says which fault a compiler's error is about.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::tree;
use super::weave::Woven;

/// The feature with the audits of the state machines, which the unit tests of `rpc-core` call if they can.
const INSPECTION: &str = "rpc-core/__inspection";

/// An error of the compiler.
#[derive(Debug)]
pub struct CompileError {
    /// The fault that it is about; none if it is about none.
    pub fault: Option<u32>,
    /// The compiler's text.
    pub text: String,
}

/// Looks for faults that do not compile, without building anything.
///
/// # Errors
/// Cargo cannot be run.
pub fn check(root: &Path, woven: &Woven) -> Result<Vec<CompileError>, String> {
    let output = cargo(root, &["check", "-p", "rpc-core", "--features", INSPECTION])?;
    let errors = messages(&output.stdout)
        .iter()
        .filter(|message| message["reason"] == "compiler-message" && message["message"]["level"] == "error")
        .filter(|message| message["message"]["spans"].as_array().is_some_and(|spans| !spans.is_empty()))
        .map(|message| error_of(&message["message"], woven))
        .collect::<Vec<_>>();
    match (errors.is_empty(), output.success) {
        (true, false) => Err(format!("the copy cannot be built:\n{}", output.stderr)),
        _ => Ok(errors),
    }
}

/// Builds the test programs of the copy; gives their paths by target, as cargo names it.
///
/// # Errors
/// It does not compile.
pub fn build(root: &Path, targets: &[&str]) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut words = vec!["test", "--no-run", "-p", "rpc-core", "-p", "rpc-tests", "--features", INSPECTION];
    for target in targets {
        match *target {
            "lib" => words.push("--lib"),
            target => words.extend(["--test", target]),
        }
    }
    let output = cargo(root, &words)?;
    if !output.success {
        let rendered = messages(&output.stdout)
            .iter()
            .filter_map(|m| Some(m["message"]["rendered"].as_str()?.to_owned()))
            .collect::<String>();
        return Err(format!("the tests of the copy do not build:\n{rendered}{}", output.stderr));
    }
    let mut programs = BTreeMap::new();
    for message in messages(&output.stdout) {
        let (name, program) = (&message["target"]["name"], &message["executable"]);
        if let (Some(name), Some(program)) = (name.as_str(), program.as_str()) {
            let name = if name == "rpc_core" { "lib" } else { name };
            programs.insert(name.to_owned(), PathBuf::from(program));
        }
    }
    Ok(programs)
}

struct Output {
    success: bool,
    stdout: String,
    stderr: String,
}

fn cargo(root: &Path, words: &[&str]) -> Result<Output, String> {
    let work = tree::work_folder(root);
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(words)
        .arg("--message-format=json")
        .current_dir(tree::tree(&work))
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("CARGO_PROFILE_DEV_DEBUG", "0") // it is not debugged, and it is built once for all faults
        .env("RUSTFLAGS", "--cap-lints allow") // a fault may leave a variable unused
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    Ok(Output {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn messages(stdout: &str) -> Vec<Value> {
    stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The fault is the one that the first place of the error lies in, or else any other place that it names.
fn error_of(message: &Value, woven: &Woven) -> CompileError {
    let empty = Vec::new();
    let spans = message["spans"].as_array().unwrap_or(&empty);
    let (first, others): (Vec<&Value>, Vec<&Value>) =
        spans.iter().partition(|span| span["is_primary"] == true);
    let fault = first.into_iter().chain(others).find_map(|span| fault_of(span, woven));
    CompileError { fault, text: message["rendered"].as_str().unwrap_or_default().to_owned() }
}

/// A span in a macro of another crate is looked up where the macro is used.
fn fault_of(span: &Value, woven: &Woven) -> Option<u32> {
    let byte = usize::try_from(span["byte_start"].as_u64()?).ok()?;
    let here = woven.fault_at(span["file_name"].as_str()?, byte);
    here.or_else(|| span["expansion"].get("span").and_then(|outer| fault_of(outer, woven)))
}
