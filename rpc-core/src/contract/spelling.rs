//! Layer 0: reads a signature as it is spelled: its hash leaves the names of the arguments out.

use crate::ids::fnv1a;

/// Continues `hash` with a signature without the names of its arguments, so `fn get(key: &str)` counts as `fn get(&str)`
/// (W16). No name reaches the other side, so another name changes nothing for it.
///
/// Only the name of an argument is a word that `: ` follows: the spelling has no space behind any other colon.
pub(super) const fn hash_without_names(mut hash: u64, signature: &str) -> u64 {
    let mut rest = signature.as_bytes();
    while !rest.is_empty() {
        let length = word_length(rest);
        let is_word = length > 0;
        let (part, after) = rest.split_at(if is_word { length } else { 1 });
        rest = match after {
            [b':', b' ', ty @ ..] if is_word => ty,
            _ => {
                hash = fnv1a(hash, part);
                after
            }
        };
    }
    hash
}

/// Returns the length of the identifier that `text` begins with, in bytes. A byte that is not ASCII is part of one.
const fn word_length(text: &[u8]) -> usize {
    let mut length = 0;
    while length < text.len()
        && (text[length].is_ascii_alphanumeric() || text[length] == b'_' || !text[length].is_ascii())
    {
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FNV_START;

    #[test]
    fn a_signature_is_hashed_without_the_names_of_its_arguments() {
        for (signature, hashed) in [
            ("fn now() -> u64", "fn now() -> u64"),
            ("fn get(key: &str) -> Result<String, KvError>", "fn get(&str) -> Result<String, KvError>"),
            ("fn put(a_1: &str, größe: [u8; 2])", "fn put(&str, [u8; 2])"),
            ("fn f(a: a::b::C<{ N }>, b: Map<u8, (u8, a::B)>)", "fn f(a::b::C<{ N }>, Map<u8, (u8, a::B)>)"),
            ("fn f(view: View<'_>) -> u8; version 2", "fn f(View<'_>) -> u8; version 2"),
            ("", ""),
            (": x", ": x"),
        ] {
            let expected = fnv1a(FNV_START, hashed.as_bytes());
            assert_eq!(hash_without_names(FNV_START, signature), expected, "{signature}");
        }
    }
}
