//! The plan of the demonstration: the calls, known to the clients that make them and to the check at the end.

use crate::pairs;

/// The real data: see `examples/data/README.md` for its origin and licence.
const DATA: &str = include_str!("../../../data/timezones.tsv");

/// Number of keys to which all clients append.
const SHARED_KEYS: u32 = 8;

/// One in this many appends has a short deadline, and is given up before a lost frame is sent again.
const IMPATIENT_EVERY: u32 = 10;

/// Returns the pairs that the clients put, each client its share.
pub(crate) fn pairs() -> Vec<(String, String)> {
    let parsed = DATA.lines().map(|line| pairs::parse(line.as_bytes(), false));
    parsed.map(|pair| pair.expect("a test reads every line of the file that is shipped")).collect()
}

/// One append: a token that no other append has. The token decides the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Token {
    pub(crate) client: u32,
    pub(crate) number: u32,
}

impl Token {
    /// Returns the key. Keys are shared: tokens of all clients are appended to each.
    pub(crate) fn key(self) -> String {
        format!("shared/{}", self.number % SHARED_KEYS)
    }

    /// Returns the appended text. Its end mark makes each token readable in a long value.
    pub(crate) fn text(self) -> String {
        format!("{}.{};", self.client, self.number)
    }

    /// Reads a token back, without its end mark.
    pub(crate) fn parse(text: &str) -> Option<Token> {
        let (client, number) = text.split_once('.')?;
        Some(Token { client: client.parse().ok()?, number: number.parse().ok()? })
    }

    pub(crate) fn is_impatient(self) -> bool {
        self.number % IMPATIENT_EVERY == IMPATIENT_EVERY - 1
    }
}

/// Returns true if tokens are appended to this key.
pub(crate) fn is_shared(key: &str) -> bool {
    key.starts_with("shared/")
}

/// Returns the number of appends of this client: `all` are divided as evenly as possible.
pub(crate) fn share(all: u32, clients: u32, client: u32) -> u32 {
    all / clients + u32::from(client < all % clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_is_shipped_can_be_read() {
        let pairs = pairs();
        assert!(pairs.len() > 5000, "{}", pairs.len());
        assert!(!pairs.iter().any(|(key, _)| is_shared(key)));
    }

    #[test]
    fn a_token_is_read_back() {
        let token = Token { client: 3, number: 17 };
        assert_eq!(Token::parse(token.text().trim_end_matches(';')), Some(token));
    }

    #[test]
    fn shares_add_up() {
        assert_eq!((0..7).map(|client| share(100, 7, client)).sum::<u32>(), 100);
    }
}
