//! Names of Rust as names of other languages: other spellings, no words of the language, and each once.

use std::collections::HashSet;

use crate::Language;

/// Words that Python does not take as names, or that generated code needs where names of fields and types are.
const PYTHON: &[&str] = &[
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "match",
    "case",
    "type",
    "bool",
    "int",
    "float",
    "str",
    "bytes",
    "list",
    "dict",
    "tuple",
    "self",
    "cls",
    "object",
    "print",
    "runtime",
    "types",
    "formats",
    "codec",
    "Enum",
    "TypeAlias",
    "Some",
    "dataclass",
    "annotations",
    "Mapping",
    "Connection",
    "AsyncConnection",
    "Contract",
    "Method",
    "Pending",
    "Settings",
    "TracebackType",
    "ServiceError",
    "BaseException",
    "CONTRACT",
];

/// Words that TypeScript does not take as names, or that generated code needs where names of types are.
const TYPESCRIPT: &[&str] = &[
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "new",
    "null",
    "return",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "as",
    "implements",
    "interface",
    "let",
    "package",
    "private",
    "protected",
    "public",
    "static",
    "yield",
    "any",
    "boolean",
    "constructor",
    "declare",
    "get",
    "module",
    "require",
    "number",
    "set",
    "string",
    "symbol",
    "type",
    "from",
    "of",
    "bigint",
    "undefined",
    "never",
    "object",
    "unknown",
    "async",
    "await",
    "arguments",
    "eval",
    "readonly",
    "runtime",
    "types",
    "formats",
    "codec",
    "index",
    "Array",
    "Map",
    "ReadonlyMap",
    "Uint8Array",
    "Promise",
    "Some",
    "ServiceError",
    "Connection",
    "Contract",
    "Method",
    "Settings",
    "CallOptions",
    "Partial",
    "Error",
    "Object",
    "String",
    "Number",
    "Boolean",
    "BigInt",
    "Symbol",
    "Function",
    "CONTRACT",
    "NaN",
    "Infinity",
    "then",
];

/// Returns true if a word cannot be a name in this language.
pub(crate) fn is_reserved(language: Language, name: &str) -> bool {
    match language {
        Language::Python => PYTHON.contains(&name),
        Language::TypeScript => TYPESCRIPT.contains(&name),
    }
}

/// The names of one scope, each of which is given once.
#[derive(Debug)]
pub(crate) struct Scope {
    /// The language whose words are no names here; `None` for properties of TypeScript, which may be any word.
    language: Option<Language>,
    /// Names that are words of this scope.
    words: HashSet<String>,
    given: HashSet<String>,
}

impl Scope {
    /// Returns a scope with these words of its own.
    pub(crate) fn new(language: Language, words: &[&str]) -> Self {
        Scope {
            language: Some(language),
            words: words.iter().map(|&name| name.to_owned()).collect(),
            given: HashSet::new(),
        }
    }

    /// Returns a scope in which all words are names but these.
    pub(crate) fn of_properties(words: &[&str]) -> Self {
        Scope { language: None, ..Scope::new(Language::TypeScript, words) }
    }

    /// Gives a name, with `_` behind a word of the language or of the scope, and a number if it was given.
    pub(crate) fn give(&mut self, name: &str) -> String {
        let is_word =
            self.language.is_some_and(|language| is_reserved(language, name)) || self.words.contains(name);
        let name = if is_word { format!("{name}_") } else { name.to_owned() };
        let numbered = (2..).map(|number| format!("{name}{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| self.given.insert(name.clone()));
        free.unwrap_or(name) // the numbers do not end
    }
}

/// Returns a name with the characters that every language takes. Others become their numbers, since two names must stay two.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for c in name.strip_prefix("r#").unwrap_or(name).chars() {
        match c {
            _ if c == '_' || c.is_ascii_alphanumeric() => text.push(c),
            'À'..='ÿ' | 'Α'..='Ω' | 'α'..='ω' | 'А'..='я' if c.is_alphabetic() => text.push(c),
            '-' | ' ' | '.' | ':' => text.push('_'),
            _ => text.push_str(&format!("u{:x}", u32::from(c))),
        }
    }
    text
}

/// Returns the words of a name: `KvError` and `kv_error` have `Kv` and `Error`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in plain(name).split('_').filter(|part| !part.is_empty()) {
        let chars: Vec<char> = part.chars().collect();
        for (at, c) in chars.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| chars[at]);
            let after_lower = before.is_some_and(|c| c.is_lowercase() || c.is_numeric());
            let ends_capitals =
                before.is_some_and(char::is_uppercase) && chars.get(at + 1).is_some_and(|c| c.is_lowercase());
            match words.last_mut() {
                Some(word) if at > 0 && !(c.is_uppercase() && (after_lower || ends_capitals)) => {
                    word.push(*c)
                }
                _ => words.push(c.to_string()),
            }
        }
    }
    words
}

/// Puts a letter before a name that begins with a digit, and gives one to a name without words.
fn with_letter(name: String, letter: char) -> String {
    if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) {
        format!("{letter}{name}")
    } else {
        name
    }
}

/// Returns `kv_error`.
pub(crate) fn snake(name: &str) -> String {
    with_letter(words(name).join("_").to_lowercase(), 'f')
}

/// Returns `KV_ERROR`.
pub(crate) fn upper(name: &str) -> String {
    with_letter(words(name).join("_").to_uppercase(), 'N')
}

/// Returns `kvError`.
pub(crate) fn camel(name: &str) -> String {
    let pascal = pascal(name);
    let first = words(name).first().map_or(0, String::len);
    // A first word of capitals is one word: `HTTPServer` is `httpServer`.
    let (head, tail) = pascal.split_at_checked(first).unwrap_or((&pascal, ""));
    with_letter(head.to_lowercase() + tail, 'f')
}

/// Returns `KvError`.
pub(crate) fn pascal(name: &str) -> String {
    let words = words(name).into_iter().map(|word| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_uppercase().to_string());
        first.unwrap_or_default() + chars.as_str()
    });
    with_letter(words.collect(), 'T')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_the_language_does() {
        let all = |name: &str| [snake(name), upper(name), pascal(name), camel(name)].join(" ");
        assert_eq!(all("KvError"), "kv_error KV_ERROR KvError kvError");
        assert_eq!(all("kv_error"), "kv_error KV_ERROR KvError kvError");
        assert_eq!(all("HTTPServer2Go"), "http_server2_go HTTP_SERVER2_GO HTTPServer2Go httpServer2Go");
        assert_eq!(all("größe"), "größe GRÖSSE Größe größe");
        assert_eq!(all("_"), "f N T T");
        assert_eq!(all("2nd place"), "f2nd_place N2ND_PLACE T2ndPlace t2ndPlace");
        assert_eq!(all("r#type"), "type TYPE Type type");
    }

    #[test]
    fn a_scope_gives_no_name_twice_and_no_word_of_the_language() {
        let mut scope = Scope::new(Language::Python, &["close"]);
        let given = ["a", "a", "class", "class_", "close"].map(|name| scope.give(name));
        assert_eq!(given, ["a", "a2", "class_", "class_2", "close_"]);
    }
}
