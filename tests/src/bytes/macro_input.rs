//! The macro's input: any text is expanded without a panic, and what is accepted is Rust.

use std::str::FromStr;

use proc_macro2::TokenStream;

/// The pieces of the second form of an input: what a trait under `#[rpc]` is made of, and what it must not hold.
const PIECES: [&str; 122] = [
    "pub trait Kv {",
    "trait T {",
    "}",
    "fn get(",
    "fn put(",
    "fn a(",
    "fn r#type(",
    "&self",
    "&mut self",
    "self",
    ",",
    ", key: &str",
    ", n: u64",
    ", value: Vec<u8>",
    ", bytes: &[u8]",
    ", pair: (u8, String)",
    ")",
    ";",
    "-> ",
    "Result<",
    "Option<",
    "Vec<",
    ">",
    "String",
    "u8",
    "()",
    "!",
    "Self",
    "KvError",
    "HashMap<",
    "BTreeMap<",
    "Box<",
    "#[rpc(idempotent)]",
    "#[rpc(slow)]",
    "#[rpc(",
    "#[rpc]",
    "idempotent",
    "slow",
    "deadline",
    "max_cached_reply",
    "context",
    "crate",
    "=",
    "\"5s\"",
    "\"100ms\"",
    "\"\"",
    "\"1h\"",
    "\"0s\"",
    "16384",
    "0",
    "1 << 20",
    "-1",
    "340282366920938463463374607431768211456",
    ")]",
    "#[doc = \"text\"]",
    "/// text\n",
    "#[cfg(test)]",
    "#[rpc(context)]",
    "cx: &CallContext",
    "&CallContext",
    "&rpc_core::CallContext",
    "async",
    "const",
    "unsafe",
    "extern \"C\"",
    "<T>",
    "<'a>",
    "where T: Clone",
    ": Send",
    "type Item;",
    "const N: usize = 1;",
    "{ 1 }",
    "{",
    "impl Fn()",
    "dyn Fn()",
    "&'static str",
    "&'a str",
    "*const u8",
    "[u8; 4]",
    "[u8]",
    "[u8; 64]",
    "_",
    "mut x: u8",
    "(a, b): (u8, u8)",
    "...",
    "x!{}",
    "m!();",
    "a::b::C",
    "::rpc_core",
    "\"::rpc_core\"",
    "\"my crate\"",
    "<",
    "'",
    "&",
    "+",
    ":",
    "::",
    ".",
    "#",
    "[",
    "]",
    "(",
    "\u{0}",
    "pub",
    "pub(crate)",
    "struct S;",
    "impl T for S {}",
    "enum E {}",
    "fn f() {}",
    "mod m {}",
    "use a::b;",
    "r#",
    "r#self",
    "crate::X",
    "super::X",
    "async fn",
    "for<'a> fn(&'a u8)",
    "Result",
    "&mut",
    "x: ",
    "arg: Option<&str>",
    "ByteBuf",
];

/// Bytes from here on at the start of an input say that it is made of [`PIECES`].
const IN_PIECES: u8 = 0x80;

/// An input is a text, whose first line is the attribute's own text and the rest the item; or a list of pieces, which
/// mutations turn into a trait far more often than single characters.
///
/// # Panics
/// Panics if the macro panics, or if it finds no mistake in an item and writes what is not Rust.
pub fn macro_input(data: &[u8]) {
    let text = match data.split_first() {
        Some((first, rest)) if *first >= IN_PIECES => of_pieces(*first, rest),
        _ => String::from_utf8_lossy(data).into_owned(),
    };
    let (attribute, item) = text.split_once('\n').unwrap_or(("", &text));
    if let (Ok(attribute), Ok(item)) = (TokenStream::from_str(attribute), TokenStream::from_str(item)) {
        expand(attribute, item, &text);
    }
    // The library keeps each text that became tokens, for line numbers: without this a long run fills the memory.
    proc_macro2::extra::invalidate_current_thread_spans();
}

fn expand(attribute: TokenStream, item: TokenStream, text: &str) {
    let stubs = rpc_codegen::stubs(attribute, item);
    for mistake in &stubs.diagnostics {
        assert!(!mistake.to_string().is_empty(), "a mistake without words");
        let _ = (mistake.line(), mistake.to_compile_error());
    }
    if stubs.diagnostics.is_empty() {
        let written = stubs.tokens.to_string();
        if let Err(error) = syn::parse2::<syn::File>(stubs.tokens) {
            panic!("accepted, but what was written is not Rust: {error}\n{text}\n{written}");
        }
    }
}

/// The low bits of the first byte say how many pieces are the attribute's.
fn of_pieces(first: u8, rest: &[u8]) -> String {
    let (attribute, item) = rest.split_at(usize::from(first & 7).min(rest.len()));
    let joined = |part: &[u8]| {
        let words: Vec<&str> = part.iter().map(|at| PIECES[usize::from(*at) % PIECES.len()]).collect();
        words.join(" ")
    };
    joined(attribute).replace('\n', " ") + "\n" + &joined(item)
}
