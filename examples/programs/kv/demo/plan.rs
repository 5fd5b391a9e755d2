//! What the demonstration does, known beforehand to the clients that do it and to the judge that checks it.

use crate::pairs;

/// The real data: see `examples/data/README.md` for its origin and licence.
const DATA: &str = include_str!("../../../data/timezones.tsv");

/// How many keys the clients append to, all of them to all of these.
const SHARED_KEYS: u32 = 8;

/// Before every how many appends its caller has little patience, and gives up before a lost frame is sent again.
const IMPATIENT_EVERY: u32 = 10;

/// The pairs that the clients put, each its share.
pub(crate) fn pairs() -> Vec<(String, String)> {
    let parsed = DATA.lines().map(|line| pairs::parse(line.as_bytes(), false));
    parsed.map(|pair| pair.expect("a test reads every line of the file that is shipped")).collect()
}

/// One append: a token that no other append has, and the key that it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Token {
    pub(crate) client: u32,
    pub(crate) number: u32,
}

impl Token {
    /// Keys are shared: tokens of all clients go to each.
    pub(crate) fn key(self) -> String {
        format!("shared/{}", self.number % SHARED_KEYS)
    }

    /// What is appended. The end mark makes each token readable in a long value.
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

/// Whether a key is one that is appended to.
pub(crate) fn is_shared(key: &str) -> bool {
    key.starts_with("shared/")
}

/// How many appends this client does: `all` are divided as evenly as can be.
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
