//! The copy of the workspace that faults are planted in: it stays, so that a later run builds only what has changed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder, in the workspace's build folder, that holds the copy and what is built from it.
pub fn work_folder(root: &Path) -> PathBuf {
    root.join("target/mutants")
}

/// The copy, in a work folder.
pub fn tree(work: &Path) -> PathBuf {
    work.join("tree")
}

/// Makes the copy the same as the workspace, but for the files that are `replaced`. A file that is the same already is
/// not touched, so that cargo does not build it again.
///
/// # Errors
/// A file that cannot be read or written.
pub fn mirror(root: &Path, replaced: &BTreeMap<String, String>) -> Result<(), String> {
    let tree = tree(&work_folder(root));
    let added = |error| format!("copying the workspace to {}: {error}", tree.display());
    copy(root, &tree, "", replaced).map_err(added)
}

fn copy(from: &Path, to: &Path, at: &str, replaced: &BTreeMap<String, String>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut kept = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "target" || name == ".git" {
            continue;
        }
        let path = format!("{at}{}", name.to_string_lossy());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(&name), &format!("{path}/"), replaced)?;
        } else if !replaced.contains_key(&path) {
            write(&to.join(&name), &fs::read(entry.path())?)?;
        }
        kept.push(name);
    }
    for (path, text) in replaced {
        let here = path.strip_prefix(at).filter(|name| !name.contains('/'));
        if let Some(name) = here {
            write(&to.join(name), text.as_bytes())?;
            kept.push(name.into());
        }
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if kept.contains(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?
        } else {
            fs::remove_file(entry.path())?
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    fs::write(path, bytes)
}
