//! The arguments of a call from the words of the command line.
//!
//! One word that is JSON of an object or a list has all arguments. Else each word is one: `NAME=WORD` by its name, others in their order.
//! A word is read by the format of its argument, so a text needs no quotes. `@FILE` is the content of a file, `@@x` the text `@x`, and
//! `-` standard input.

use std::fs;
use std::io::{self, Read};

use rpc_core::reflection::{Format, Leaf};
use rpc_json::{JsonError, JsonMethod, Mistake, encode, encode_arguments};
use serde_json::{Map, Value, json};

use crate::status::Failure;

/// Most bytes that are read of a file or of standard input: more than any server takes in one call.
const MOST_READ: u64 = 1 << 30;

/// Returns the encoded arguments of a call of this method.
pub(crate) fn arguments(method: &JsonMethod, words: &[String]) -> Result<Vec<u8>, Failure> {
    let mut only = None; // the content of the only word: standard input can be read once
    if let [word] = words {
        let content = only.insert(content(word)?);
        let text = std::str::from_utf8(content).unwrap_or_default().trim();
        if text.starts_with(['{', '[']) {
            return whole(method, text);
        }
    }
    let names: Vec<&str> = method.description.arguments().iter().map(|argument| argument.name).collect();
    let mut named = Map::new();
    for word in words {
        let by_name = word.split_once('=').filter(|(name, _)| names.contains(name));
        let (name, word) = match by_name {
            Some((name, word)) => (name, word),
            None => match names.iter().find(|name| !named.contains_key(**name)) {
                Some(name) => (*name, word.as_str()),
                None => return Err(too_many(method, words.len(), names.len())),
            },
        };
        let format =
            names.iter().position(|known| *known == name).and_then(|at| method.formats.arguments.get(at));
        let content = match only.take() {
            Some(content) if by_name.is_none() => content,
            _ => content(word)?,
        };
        let value = value(method, format, &content);
        if named.insert(name.to_owned(), value).is_some() {
            return Err(Failure::usage(format_args!("{}: {name} is there twice", method.description.name)));
        }
    }
    in_json(method, &Value::Object(named))
}

/// Encodes the JSON of all arguments; of a method with one argument it may also be that.
fn whole(method: &JsonMethod, text: &str) -> Result<Vec<u8>, Failure> {
    let value: Value = parse(text).map_err(|why| why.during(&method.description.name))?;
    in_json(method, &value).or_else(|failure| match method.formats.arguments.as_slice() {
        [only] => encode(&method.formats, only, &value).map_err(|_| failure),
        _ => Err(failure),
    })
}

/// Reads JSON.
pub(crate) fn parse(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text)
        .map_err(|error| Failure::usage(format_args!("the arguments are not JSON: {error}")))
}

/// Encodes arguments in JSON.
pub(crate) fn in_json(method: &JsonMethod, value: &Value) -> Result<Vec<u8>, Failure> {
    encode_arguments(&method.formats, &method.description.arguments(), value)
        .map_err(|mistake| refused(method, mistake))
}

fn refused(method: &JsonMethod, mistake: Mistake) -> Failure {
    JsonError::Arguments { method: method.description.name.clone(), mistake }.into()
}

fn too_many(method: &JsonMethod, given: usize, most: usize) -> Failure {
    let takes = match most {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        most => format!("{most} arguments"),
    };
    let given = if given == 1 { "one word is".to_owned() } else { format!("{given} words are") };
    Failure::usage(format_args!(
        "{} takes {takes}, and {given} there: {}",
        method.description.name, method.description.signature
    ))
}

/// Returns what a word stands for.
fn content(word: &str) -> Result<Vec<u8>, Failure> {
    if word == "-" {
        let mut content = Vec::new();
        io::stdin().lock().take(MOST_READ).read_to_end(&mut content)?;
        return Ok(content);
    }
    match word.strip_prefix('@') {
        Some(literal) if literal.starts_with('@') => Ok(literal.as_bytes().to_vec()),
        Some(file) => {
            fs::read(file).map_err(|error| Failure::usage(format_args!("cannot read {file}: {error}")))
        }
        None => Ok(word.as_bytes().to_vec()),
    }
}

/// Returns a word as a value of this format: a text as it is, all else as JSON if it is that.
fn value(method: &JsonMethod, format: Option<&Format>, content: &[u8]) -> Value {
    let as_json =
        || std::str::from_utf8(content).ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let as_text = || match std::str::from_utf8(content) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({"hex": content.iter().map(|byte| format!("{byte:02x}")).collect::<String>()}),
    };
    match format {
        Some(Format::Leaf(Leaf::Str | Leaf::Char)) | None => as_text(),
        Some(Format::Leaf(Leaf::Bytes)) => match as_json() {
            Some(value @ (Value::Object(_) | Value::Array(_))) => value,
            _ => as_text(),
        },
        Some(Format::Option(inner)) if content != b"null" => {
            let inner_value = value(method, Some(inner), content);
            // A text that is a value as it is; only an option in an option needs more, which is then written in JSON.
            match encode(&method.formats, inner, &inner_value) {
                Ok(_) => inner_value,
                Err(_) => as_json().unwrap_or(inner_value),
            }
        }
        Some(format) => {
            let value = as_json().unwrap_or_else(as_text);
            let text = as_text();
            // The word `Red` is no JSON, and `1` may be the name of a variant.
            let is_text = encode(&method.formats, format, &value).is_err()
                && encode(&method.formats, format, &text).is_ok();
            if is_text { text } else { value }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc_core::reflection::{MethodDescription, TypesDescription};

    fn method(signature: &str, types: &str) -> JsonMethod {
        let description = MethodDescription {
            name: "S.m".to_owned(),
            id: 0,
            signature: signature.to_owned(),
            docs: String::new(),
            idempotent: false,
            slow: false,
            later: false,
            context: false,
            deadline_millis: None,
            max_cached_reply: None,
            types: TypesDescription::Known(types.to_owned()),
            fingerprint: 0,
            more: Vec::new(),
        };
        JsonMethod { formats: description.formats().expect("formats"), description }
    }

    fn read(method: &JsonMethod, words: &[&str]) -> Result<Vec<u8>, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        arguments(method, &words).map_err(|failure| failure.text)
    }

    #[test]
    fn words_are_arguments_by_place_and_by_name_and_json_is_all_of_them() {
        let put = method("fn put(key: &str, size: Option<u8>)", "fn(str, Option<u8>) -> ()");
        let bytes = read(&put, &["a=b", "7"]).expect("two words");
        for words in [
            &["key=a=b", "size=7"][..],
            &["size=7", "a=b"],
            &[r#"{"key":"a=b","size":7}"#],
            &[r#"["a=b",7]"#],
        ] {
            assert_eq!(read(&put, words), Ok(bytes.clone()), "{words:?}");
        }
        assert_eq!(read(&put, &["a"]), read(&put, &["a", "null"]));
        assert_eq!(read(&put, &["a", "x"]), Err("S.m: size: expected u8, not the string \"x\"".to_owned()));
        assert!(
            read(&put, &["a", "1", "2"])
                .is_err_and(|text| text.contains("takes 2 arguments, and 3 words are there"))
        );
        assert!(read(&put, &["key=a", "key=b"]).is_err_and(|text| text.contains("key is there twice")));
        assert!(read(&put, &[]).is_err_and(|text| text.contains("key: missing; expected str")));
        assert!(read(&put, &["{nonsense"]).is_err_and(|text| text.contains("not JSON")));
        assert!(read(&put, &["@/no/such/file", "1"]).is_err_and(|text| text.contains("/no/such/file")));
        assert_eq!(read(&put, &["@@a", "1"]), read(&put, &[r#"["@a",1]"#]));
    }

    #[test]
    fn a_word_is_read_by_the_format_of_its_argument() {
        let of = |types: &str| method("fn m(x: T)", types);
        let same = |types: &str, word: &str, json: &str| {
            let method = of(types);
            assert_eq!(
                read(&method, &[word]),
                read(&method, &[&format!("{{\"x\":{json}}}")]),
                "{word} as {types}"
            );
            assert!(read(&method, &[word]).is_ok(), "{word} as {types}");
        };
        same("fn(str) -> ()", "12", "\"12\"");
        same("fn(u64) -> ()", "12", "12");
        same(
            "fn(u128) -> ()",
            "340282366920938463463374607431768211455",
            "\"340282366920938463463374607431768211455\"",
        );
        same("fn(bytes) -> ()", "12", "\"12\"");
        same("fn(bytes) -> ()", "[1,2]", "[1,2]");
        same("fn(f64) -> ()", "inf", "\"inf\"");
        same("fn(Option<str>) -> ()", "a", "\"a\"");
        same("fn(Option<Option<u8>>) -> ()", "{\"some\":3}", "{\"some\":3}");
        same("fn(C) -> (); enum C { Red, Blue }", "Red", "\"Red\"");
        same("fn(C) -> (); enum C { Red(u8), Blue }", "{\"Red\":1}", "{\"Red\":1}");
        same("fn([u16]) -> ()", "[1,2]", "[1,2]");
        same("fn(P) -> (); struct P { y: u8 }", "{\"y\":1}", "{\"y\":1}");
    }
}
