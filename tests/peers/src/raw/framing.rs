//! Requests and replies of the peers that have no framework: bincode behind a length, and the text protocol of redis.

use std::collections::HashMap;

use rpc_ours::Failure;
use rpc_ours::work::{KEYS, Op, key, value};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A request of the raw peer: our codec, with bytes as bytes.
#[derive(Serialize, Deserialize)]
enum Request<'a> {
    Echo(#[serde(with = "serde_bytes")] &'a [u8]),
    Get(&'a str),
    Put(&'a str, #[serde(with = "serde_bytes")] &'a [u8]),
}

#[derive(Serialize, Deserialize)]
enum Reply {
    Bytes(ByteBuf),
    Value(Option<ByteBuf>),
    Nothing,
}

/// The length of the first part of a frame: its own length, and the number of the call.
#[cfg(test)]
const HEADER: usize = 4 + 8;

/// The language of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// A length, a number, and bincode.
    Bincode,
    /// The text protocol of redis.
    Redis,
}

/// The arguments of a load.
pub(crate) struct Arguments {
    op: Op,
    keys: Vec<String>,
    bytes: Vec<u8>,
}

impl Arguments {
    pub(crate) fn new(op: Op) -> Self {
        let bytes = if op == Op::Put { value(17) } else { op.payload() };
        Arguments { op, keys: (0..KEYS).map(key).collect(), bytes }
    }
}

impl Language {
    /// Appends the `i`-th request.
    pub(crate) fn request(self, out: &mut Vec<u8>, arguments: &Arguments, i: usize) -> Result<(), Failure> {
        let Arguments { op, keys, bytes } = arguments;
        let key = &keys[i % KEYS];
        match (self, op) {
            (Language::Bincode, Op::Echo(_)) => append(out, i as u64, &Request::Echo(bytes)),
            (Language::Bincode, Op::Get) => append(out, i as u64, &Request::Get(key)),
            (Language::Bincode, Op::Put) => append(out, i as u64, &Request::Put(key, bytes)),
            (Language::Redis, Op::Echo(_)) => command(out, &[b"ECHO", bytes]),
            (Language::Redis, Op::Get) => command(out, &[b"GET", key.as_bytes()]),
            (Language::Redis, Op::Put) => command(out, &[b"SET", key.as_bytes(), bytes]),
        }
    }

    /// Decodes the first reply, and returns its length; `None` if it is not complete.
    pub(crate) fn reply(self, bytes: &[u8], op: Op) -> Result<Option<usize>, Failure> {
        let expected = match op {
            Op::Echo(size) => size,
            Op::Get => 64,
            Op::Put => 0,
        };
        match self {
            Language::Bincode => {
                let Some((_, body, length)) = frame(bytes) else { return Ok(None) };
                let got = match bincode::deserialize(body)? {
                    Reply::Bytes(bytes) | Reply::Value(Some(bytes)) => bytes.into_vec().len(),
                    Reply::Value(None) => return Err("no such key".into()),
                    Reply::Nothing => 0,
                };
                if got == expected { Ok(Some(length)) } else { Err("a reply of another length".into()) }
            }
            Language::Redis => redis_reply(bytes, op == Op::Put, expected),
        }
    }
}

/// Returns the number, the body and the whole length of the first frame.
fn frame(bytes: &[u8]) -> Option<(u64, &[u8], usize)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (number, body) = rest.get(..length)?.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*number), body, length + 4))
}

fn append(out: &mut Vec<u8>, number: u64, body: &impl Serialize) -> Result<(), Failure> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&number.to_le_bytes());
    bincode::serialize_into(&mut *out, body)?;
    let length = u32::try_from(out.len() - start - 4)?;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    Ok(())
}

fn command(out: &mut Vec<u8>, words: &[&[u8]]) -> Result<(), Failure> {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    Ok(())
}

/// `+OK`, or `$64` and a line of 64 bytes.
fn redis_reply(bytes: &[u8], is_put: bool, expected: usize) -> Result<Option<usize>, Failure> {
    let Some(end) = bytes.windows(2).take(32).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let length = end + 2;
    match (bytes[0], is_put) {
        (b'+', true) => Ok(Some(length)),
        (b'$', false) if bytes[1..end] == *expected.to_string().as_bytes() => {
            let length = length + expected + 2;
            Ok((bytes.len() >= length).then(|| std::hint::black_box(bytes[..length].to_vec()).len()))
        }
        _ => Err(format!("redis: {}", String::from_utf8_lossy(&bytes[..end])).into()),
    }
}

/// The keys of the raw server.
pub(crate) struct Store(HashMap<String, Vec<u8>>);

impl Store {
    pub(crate) fn filled() -> Self {
        Store((0..KEYS).map(|i| (key(i), value(i))).collect())
    }

    /// Appends the replies to all whole requests, and returns the length of these requests.
    pub(crate) fn answer(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Failure> {
        let mut used = 0;
        while let Some((number, body, length)) = frame(&bytes[used..]) {
            let reply = match bincode::deserialize(body)? {
                Request::Echo(bytes) => Reply::Bytes(ByteBuf::from(bytes.to_vec())),
                Request::Get(key) => Reply::Value(self.0.get(key).cloned().map(ByteBuf::from)),
                Request::Put(key, value) => {
                    match self.0.get_mut(key) {
                        Some(known) => value.clone_into(known),
                        None => drop(self.0.insert(key.to_owned(), value.to_vec())),
                    }
                    Reply::Nothing
                }
            };
            append(out, number, &reply)?;
            used += length;
        }
        Ok(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_in_pieces_is_answered_when_it_is_whole() {
        let (mut store, mut request, mut reply) = (Store::filled(), Vec::new(), Vec::new());
        Language::Bincode.request(&mut request, &Arguments::new(Op::Get), 3).expect("it is encoded");
        for piece in HEADER..request.len() {
            assert_eq!(store.answer(&request[..piece], &mut reply).expect("no error"), 0, "{piece}");
        }
        assert_eq!(store.answer(&request, &mut reply).expect("an answer"), request.len());
        assert_eq!(Language::Bincode.reply(&reply, Op::Get).expect("a reply"), Some(reply.len()));
        assert_eq!(Language::Bincode.reply(&reply[..reply.len() - 1], Op::Get).expect("no error"), None);
        assert!(Language::Bincode.reply(&reply, Op::Put).is_err(), "of another length");
    }

    #[test]
    fn a_reply_of_redis_has_the_expected_length() {
        let reply = |bytes: &[u8], op| Language::Redis.reply(bytes, op).map_err(|error| error.to_string());
        assert_eq!(reply(b"+OK\r\n+OK\r\n", Op::Put), Ok(Some(5)));
        assert_eq!(reply(b"$3\r\nabc\r\n", Op::Echo(3)), Ok(Some(9)));
        assert_eq!(reply(b"$3\r\nabc\r", Op::Echo(3)), Ok(None));
        assert_eq!(reply(b"$-1\r\n", Op::Get), Err("redis: $-1".to_owned()));
    }
}
