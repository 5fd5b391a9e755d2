//! Answers from the files of a directory: indexes, listings where there is no index, and nothing from outside it.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::Answer;

/// The characters of a file name that must be escaped in a link.
const IN_LINK: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'&').add(b'%').add(b'?').add(b'#').add(b'/');

const HTML: &str = "text/html; charset=utf-8";

pub(super) fn answer(root: &Path, request: &str) -> io::Result<Answer> {
    let path = request.split(['?', '#']).next().unwrap_or_default();
    let Some(file) = file_of(root, path) else { return Ok(Answer::missing()) };
    if !file.is_dir() {
        let content_type = mime_guess::from_path(&file).first_or_octet_stream();
        return from_file(content_type.as_ref(), File::open(&file)?);
    }
    if !path.ends_with('/') {
        return Ok(Answer::moved(301, &format!("{path}/")));
    }
    match File::open(file.join("index.html")) {
        Ok(index) => from_file(HTML, index),
        Err(_) => Ok(Answer::page(HTML, listing(&file)?)),
    }
}

fn from_file(content_type: &str, file: File) -> io::Result<Answer> {
    let length = file.metadata()?.len();
    Ok(Answer::stream(content_type, file, Some(length)))
}

/// Returns the file at `path`, if it exists inside `root`: `..` and symbolic links that lead out of it are refused.
fn file_of(root: &Path, path: &str) -> Option<PathBuf> {
    let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8().ok()?;
    let plain = Path::new(path.as_ref()).components().all(|part| matches!(part, Component::Normal(_)));
    let file = fs::canonicalize(root.join(plain.then_some(path.as_ref())?)).ok()?;
    file.starts_with(root).then_some(file)
}

/// Returns a page of links to the content of a directory without an index, as most web servers do.
fn listing(directory: &Path) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let slash = if entry.path().is_dir() { "/" } else { "" };
        let name = utf8_percent_encode(&entry.file_name().to_string_lossy(), IN_LINK).to_string();
        names.push(format!("<li><a href=\"./{name}{slash}\">{name}{slash}</a>\n"));
    }
    names.sort_unstable();
    Ok(format!("<!DOCTYPE html><title>Directory</title>\n<ul>\n{}</ul>\n", names.concat()))
}
