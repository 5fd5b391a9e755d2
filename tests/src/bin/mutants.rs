//! Plants one fault after the other into a copy of the sources and runs the simulation on it: each must be found.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rpc_tests::mutants::{Mutant, parse};

fn main() -> Result<(), String> {
    let only: Vec<String> = std::env::args().skip(1).collect(); // parts of names; none: all
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?.to_owned();
    let list = read(&root.join("tests/mutants/mutants.txt"))?;
    let copy = std::env::temp_dir().join(format!("rpc-mutants-{}", std::process::id()));
    copy_tree(&root, &copy)?;
    let mut survivors = 0;
    for mutant in parse(&list).into_iter().filter(|mutant| chosen(mutant, &only)) {
        let began = Instant::now();
        let mut originals = Vec::new();
        for (file, old, new) in &mutant.patches {
            let path = copy.join(file);
            let text = read(&path)?;
            if text.matches(old.as_str()).count() != 1 {
                return Err(format!("{}: the old text does not occur once in {file}", mutant.name));
            }
            write(&path, &text.replace(old.as_str(), new))?;
            originals.push((path, text));
        }
        let verdict = judge(&copy)?;
        survivors += usize::from(verdict.starts_with("SURVIVED"));
        println!("{:<62} {:>4} s  {verdict}", mutant.name, began.elapsed().as_secs());
        for (path, text) in originals.iter().rev() {
            write(path, text)?; // the first original of a file patched twice is written last
        }
    }
    std::fs::remove_dir_all(&copy).map_err(|error| error.to_string())?;
    if survivors > 0 { Err(format!("{survivors} survived")) } else { Ok(()) }
}

fn chosen(mutant: &Mutant, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|part| mutant.name.contains(part.as_str()))
}

/// Runs the simulation in the copy and says what found the fault.
fn judge(copy: &Path) -> Result<String, String> {
    // A planted fault may make a test run for ever.
    let output = Command::new("timeout")
        .args(["240", env!("CARGO")])
        .args(["test", "-q", "--offline", "-p", "rpc-tests", "--test", "simulation", "--", "--nocapture"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .env("RUST_BACKTRACE", "0")
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok("SURVIVED".to_owned());
    }
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if text.contains("could not compile") {
        return Ok("SURVIVED: it does not compile".to_owned());
    }
    let telling =
        |line: &&str| line.starts_with("seed ") || line.starts_with("error[") || line.contains("panicked at");
    let mut lines = text.lines().filter(telling);
    let first = lines.next().unwrap_or("the test failed");
    let seeded = text.lines().find(|line| line.starts_with("seed ")).unwrap_or(first);
    Ok(format!("killed: {}", seeded.chars().take(110).collect::<String>()))
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::create_dir_all(to).map_err(|error| error.to_string())?;
    for entry in std::fs::read_dir(from).map_err(|error| error.to_string())? {
        let path: PathBuf = entry.map_err(|error| error.to_string())?.path();
        let Some(name) = path.file_name() else { continue };
        if name == "target" || name == ".git" {
            continue;
        }
        if path.is_dir() {
            copy_tree(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name)).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
