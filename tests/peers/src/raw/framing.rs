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

/// The same request with owned types, as a plain framework has them: serde reads their bytes one by one.
#[derive(Serialize, Deserialize)]
enum OwnedRequest {
    Echo(Vec<u8>),
    Get(String),
    Put(String, Vec<u8>),
}

#[derive(Serialize, Deserialize)]
enum OwnedReply {
    Bytes(Vec<u8>),
    Value(Option<Vec<u8>>),
    Nothing,
}

/// The length of the first part of a frame: its own length, and the number of the call.
#[cfg(test)]
const HEADER: usize = 4 + 8;

/// The language of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// A length, a number, and bincode: the types of our peer.
    Bincode,
    /// The same with owned types.
    Owned,
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
            (Language::Owned, Op::Echo(_)) => append(out, i as u64, &OwnedRequest::Echo(bytes.clone())),
            (Language::Owned, Op::Get) => append(out, i as u64, &OwnedRequest::Get(key.clone())),
            (Language::Owned, Op::Put) => {
                append(out, i as u64, &OwnedRequest::Put(key.clone(), bytes.clone()))
            }
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
            Language::Bincode | Language::Owned => {
                let Some((_, body, length)) = frame(bytes) else { return Ok(None) };
                let got = match self.value(body)? {
                    Reply::Bytes(bytes) | Reply::Value(Some(bytes)) => bytes.into_vec().len(),
                    Reply::Value(None) => return Err("no such key".into()),
                    Reply::Nothing => 0,
                };
                if got == expected { Ok(Some(length)) } else { Err("a reply of another length".into()) }
            }
            Language::Redis => redis_reply(bytes, op == Op::Put, expected),
        }
    }

    /// Decodes the body of a reply.
    fn value(self, body: &[u8]) -> Result<Reply, Failure> {
        if self != Language::Owned {
            return Ok(bincode::deserialize(body)?);
        }
        Ok(match bincode::deserialize(body)? {
            OwnedReply::Bytes(bytes) => Reply::Bytes(ByteBuf::from(bytes)),
            OwnedReply::Value(value) => Reply::Value(value.map(ByteBuf::from)),
            OwnedReply::Nothing => Reply::Nothing,
        })
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

/// The keys of the raw server, and the types of its requests.
pub(crate) struct Store {
    values: HashMap<String, Vec<u8>>,
    language: Language,
}

impl Store {
    pub(crate) fn filled(language: Language) -> Self {
        Store { values: (0..KEYS).map(|i| (key(i), value(i))).collect(), language }
    }

    /// Appends the replies to all whole requests, and returns the length of these requests.
    pub(crate) fn answer(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Failure> {
        let mut used = 0;
        while let Some((number, body, length)) = frame(&bytes[used..]) {
            if self.language == Language::Owned {
                let reply = match bincode::deserialize(body)? {
                    OwnedRequest::Echo(bytes) => OwnedReply::Bytes(bytes.clone()), // as the handler of ours does
                    OwnedRequest::Get(key) => OwnedReply::Value(self.values.get(&key).cloned()),
                    OwnedRequest::Put(key, value) => {
                        self.put(&key, &value);
                        OwnedReply::Nothing
                    }
                };
                append(out, number, &reply)?;
            } else {
                let reply = match bincode::deserialize(body)? {
                    Request::Echo(bytes) => Reply::Bytes(ByteBuf::from(bytes.to_vec())),
                    Request::Get(key) => Reply::Value(self.values.get(key).cloned().map(ByteBuf::from)),
                    Request::Put(key, value) => {
                        self.put(key, value);
                        Reply::Nothing
                    }
                };
                append(out, number, &reply)?;
            }
            used += length;
        }
        Ok(used)
    }

    fn put(&mut self, key: &str, value: &[u8]) {
        match self.values.get_mut(key) {
            Some(known) => value.clone_into(known),
            None => drop(self.values.insert(key.to_owned(), value.to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_in_pieces_is_answered_when_it_is_whole() {
        for language in [Language::Bincode, Language::Owned] {
            let (mut store, mut request, mut reply) = (Store::filled(language), Vec::new(), Vec::new());
            language.request(&mut request, &Arguments::new(Op::Get), 3).expect("it is encoded");
            for piece in HEADER..request.len() {
                assert_eq!(store.answer(&request[..piece], &mut reply).expect("no error"), 0, "{piece}");
            }
            assert_eq!(store.answer(&request, &mut reply).expect("an answer"), request.len());
            assert_eq!(language.reply(&reply, Op::Get).expect("a reply"), Some(reply.len()));
            assert_eq!(language.reply(&reply[..reply.len() - 1], Op::Get).expect("no error"), None);
            assert!(language.reply(&reply, Op::Put).is_err(), "of another length");
        }
    }

    #[test]
    fn owned_types_have_the_same_bytes() {
        let both = [Language::Bincode, Language::Owned].map(|language| {
            let mut bytes = Vec::new();
            for op in [Op::Echo(300), Op::Get, Op::Put] {
                language.request(&mut bytes, &Arguments::new(op), 5).expect("it is encoded");
            }
            bytes
        });
        assert_eq!(both[0], both[1]);
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
