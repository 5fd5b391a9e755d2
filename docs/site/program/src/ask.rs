//! The questions that the page asks, and their answers as JSON: arguments and a text in, a text out.

use bytes::Bytes;
use rpc_codegen::print::expand_file;
use serde::Serialize;
use serde_json::{Value, json};

use crate::frames::open;
use crate::lessons::LESSONS;
use crate::link::{Story, VERSION};
use crate::stage::Stage;

/// Answers a question: `lessons`, `play STORY [CLICKS]`, `frame HEX`, or `expand` of the text that is read.
///
/// A mistake in the question is the field `error` of the answer, in a sentence.
pub fn answer(question: &[String], read: impl FnOnce() -> String) -> Value {
    let words: Vec<&str> = question.iter().map(String::as_str).collect();
    match words[..] {
        ["lessons"] => json!({ "version": VERSION, "lessons": LESSONS }),
        ["play", story] => play(story, None),
        ["play", story, clicks] => play(story, clicks.parse().ok()),
        ["frame", hex] => frame(hex),
        ["expand"] => expand(&read()),
        _ => error("the questions are `lessons`, `play STORY [CLICKS]`, `frame HEX` and `expand`"),
    }
}

fn error(text: impl ToString) -> Value {
    json!({ "error": text.to_string() })
}

fn play(story: &str, clicks: Option<usize>) -> Value {
    let story: Story = match story.parse() {
        Ok(story) => story,
        Err(wrong) => return error(wrong),
    };
    let count = clicks.unwrap_or(story.clicks.len());
    match Stage::play(&story, count) {
        Ok(stage) => json!(stage.look(&story, count)),
        Err(wrong) => error(wrong),
    }
}

/// Opens a frame, from two digits for each byte.
fn frame(hex: &str) -> Value {
    let digits = hex.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    match digits.collect::<Option<Vec<u8>>>() {
        Some(bytes) => json!(open(&Bytes::from(bytes))),
        None => error("a frame is given as two hexadecimal digits for each byte"),
    }
}

/// A message of the macro.
#[derive(Serialize)]
struct Message {
    line: usize,
    column: usize,
    text: String,
}

/// Expands the traits of a source text.
fn expand(source: &str) -> Value {
    match expand_file(source) {
        Ok(stubs) => json!({ "stubs": stubs, "messages": [] }),
        Err(diagnostics) => {
            let messages = diagnostics.iter().map(|found| Message {
                line: found.line(),
                column: found.column(),
                text: found.to_string(),
            });
            json!({ "stubs": "", "messages": messages.collect::<Vec<_>>() })
        }
    }
}
