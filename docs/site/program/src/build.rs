//! Builds the module of the page, and writes it as text into the script that the page loads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The target of the module: a program with arguments and output, for any host of WASI.
const TARGET: &str = "wasm32-wasip1";

/// Builds the page, and returns the path of its file.
///
/// # Errors
/// Returns a sentence: no target, a build that fails, or a file that cannot be written.
pub(crate) fn build() -> Result<PathBuf, String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR"));
    let site = program.parent().ok_or("the package has no folder above it")?;
    has_target()?;
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments = ["build", "--quiet", "--bin", "page", "--target", TARGET, "--profile", "page"];
    let built = Command::new(cargo).args(arguments).current_dir(program).status();
    match built {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("the module of the page was not built: cargo ended with {status}")),
        Err(error) => return Err(format!("cargo cannot be run: {error}")),
    }
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| site.join("../../target"), PathBuf::from);
    let module = target.join(TARGET).join("page/page.wasm");
    let bytes = fs::read(&module).map_err(|error| format!("{} cannot be read: {error}", module.display()))?;
    let script = site.join("module.js");
    let text = format!("\"use strict\";\nconst MODULE = \"{}\";\n", STANDARD.encode(&bytes));
    fs::write(&script, text).map_err(|error| format!("{} cannot be written: {error}", script.display()))?;
    let page = site.join("index.html");
    page.canonicalize().map_err(|error| format!("{}: {error}", page.display()))
}

/// Adds the target, if rustup is there and does not have it.
fn has_target() -> Result<(), String> {
    let manual = format!("add it with `rustup target add {TARGET}`, or as a package of your system");
    match Command::new("rustup").args(["target", "add", TARGET]).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "the page needs Rust's target {TARGET}, and rustup could not add it: {}; {manual}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(_) if has_library() => Ok(()), // a Rust that is not from rustup
        Err(_) => {
            Err(format!("the page needs Rust's target {TARGET}, and there is no rustup to add it; {manual}"))
        }
    }
}

/// Returns true if rustc has the standard library of the target.
fn has_library() -> bool {
    let asked = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    asked.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
