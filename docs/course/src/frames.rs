//! Exercise 1: a frame as bytes, and frames out of a stream that arrives in pieces.

use std::marker::PhantomData;

use fastrand::Rng;

use crate::judge::{Fault, Judge, fault};
use crate::story::tell;

/// The longest body of a frame. A longer one is refused by its header, before a byte of the body is kept.
pub const MOST: usize = 1000;
/// Bytes of a header: four of the length, eight of the number.
const HEADER: usize = 12;

/// A frame: the number of its call, and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The number of the call.
    pub seq: u64,
    /// The arguments, or the reply.
    pub body: Vec<u8>,
}

/// The error that a frame is longer than [`MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// The part that the reader writes.
pub trait Frames: Default {
    /// Returns the bytes of a frame.
    fn encode(frame: &Frame) -> Vec<u8>;

    /// Takes the bytes that a read returned: a part of a frame, or several frames.
    fn push(&mut self, bytes: &[u8]);

    /// Returns the next whole frame, or `None` if it has not arrived yet.
    ///
    /// # Errors
    /// A header says that its body is longer than [`MOST`].
    fn next(&mut self) -> Result<Option<Frame>, TooLong>;
}

/// Frames, where the stream is cut, and true if a frame that is too long comes last.
#[derive(Clone)]
pub struct Stream {
    frames: Vec<Frame>,
    cuts: Vec<usize>,
    too_long: bool,
}

/// The judge.
pub struct Course<M>(PhantomData<M>);

impl<M: Frames> Judge for Course<M> {
    type Case = Stream;

    fn draw(random: &mut Rng, size: usize) -> Stream {
        let frames = (0..=random.usize(0..=size.min(4))).map(|at| {
            let longest = [3, 20, 400][random.usize(0..3)];
            let length = random.usize(0..longest);
            let seq = if random.u8(0..4) == 0 { random.u64(..) } else { at as u64 + 1 };
            Frame { seq, body: (0..length).map(|_| random.alphabetic() as u8).collect() }
        });
        let frames: Vec<Frame> = frames.collect();
        let total: usize = frames.iter().map(|frame| HEADER + frame.body.len()).sum();
        let mut cuts: Vec<usize> = (0..random.usize(0..=size)).map(|_| random.usize(1..total)).collect();
        cuts.sort_unstable();
        cuts.dedup();
        Stream { frames, cuts, too_long: random.u8(0..8) == 0 }
    }

    fn simpler(case: &Stream) -> Vec<Stream> {
        let mut simpler = Vec::new();
        if let Some((_, frames)) =
            case.frames.split_last().filter(|(_, rest)| !rest.is_empty() || case.too_long)
        {
            simpler.push(Stream { frames: frames.to_vec(), ..case.clone() });
        }
        if case.too_long && !case.frames.is_empty() {
            simpler.push(Stream { too_long: false, ..case.clone() });
        }
        for at in 0..case.cuts.len() {
            let mut cuts = case.cuts.clone();
            cuts.remove(at);
            simpler.push(Stream { cuts, ..case.clone() });
        }
        for at in 0..case.frames.len() {
            let Frame { seq, body } = &case.frames[at];
            let shorter = Frame { seq: *seq, body: body[..body.len() / 2].to_vec() };
            let plainer = Frame { seq: at as u64 + 1, body: body.clone() };
            for frame in [shorter, plainer].into_iter().filter(|frame| *frame != case.frames[at]) {
                let mut frames = case.frames.clone();
                frames[at] = frame;
                simpler.push(Stream { frames, ..case.clone() });
            }
        }
        simpler
    }

    fn play(case: &Stream) -> Result<(), Fault> {
        for frame in &case.frames {
            encodes_as_agreed::<M>(frame)?;
        }
        let mut stream: Vec<u8> = case.frames.iter().flat_map(agreed).collect();
        if case.too_long {
            let mut header = agreed(&Frame { seq: 9, body: Vec::new() });
            header[..4].copy_from_slice(&(MOST as u32 + 1).to_le_bytes());
            stream.extend(header);
        }
        cuts_as_agreed::<M>(case, &stream)
    }
}

/// Returns the bytes of a frame, as the task says.
fn agreed(frame: &Frame) -> Vec<u8> {
    let mut bytes = (frame.body.len() as u32).to_le_bytes().to_vec(); // at most MOST
    bytes.extend(frame.seq.to_le_bytes());
    bytes.extend(&frame.body);
    bytes
}

fn encodes_as_agreed<M: Frames>(frame: &Frame) -> Result<(), Fault> {
    let (right, yours) = (agreed(frame), M::encode(frame));
    tell(format!(
        "encode(number {}, a body of {}) gives {}",
        frame.seq,
        counted(frame.body.len(), "byte"),
        shown(&yours)
    ));
    if yours == right {
        return Ok(());
    }
    let place = match right.iter().zip(&yours).position(|(right, yours)| right != yours) {
        Some(at) if at < 4 => "the first four bytes are not the length of the body, lowest byte first",
        Some(at) if at < HEADER => "bytes 4 to 11 are not the number, lowest byte first",
        Some(_) => "the body is not behind the header, unchanged",
        None if yours.len() < right.len() => "bytes are missing at the end",
        None => "there are bytes too many at the end",
    };
    fault("bytes", format!("{place}. It has to be {}", shown(&right)))
}

fn cuts_as_agreed<M: Frames>(case: &Stream, stream: &[u8]) -> Result<(), Fault> {
    let mut mine = M::default();
    let (mut arrived, mut taken) = (0, 0);
    let ends: Vec<usize> = case
        .frames
        .iter()
        .scan(0, |end, frame| {
            *end += HEADER + frame.body.len();
            Some(*end)
        })
        .collect();
    let whole = ends.last().copied().unwrap_or(0);
    let mut cuts: Vec<usize> =
        case.cuts.iter().copied().filter(|cut| *cut < whole).chain([whole, stream.len()]).collect();
    cuts.dedup(); // the header of a frame that is too long comes apart
    for cut in cuts.into_iter().filter(|cut| *cut > 0) {
        tell(format!("push: {} arrive", counted(cut - arrived, "byte")));
        mine.push(&stream[arrived..cut]);
        arrived = cut;
        loop {
            let refused = case.too_long && taken == case.frames.len() && arrived >= whole + HEADER;
            let right = match ends.get(taken) {
                _ if refused => Err(TooLong),
                Some(end) if *end <= arrived => Ok(Some(case.frames[taken].clone())),
                _ => Ok(None),
            };
            let yours = mine.next();
            tell(format!("next gives {}", said(&yours)));
            if yours != right {
                return differs(&yours, &right, arrived - if taken == 0 { 0 } else { ends[taken - 1] });
            }
            match yours {
                Ok(Some(_)) => taken += 1,
                _ => break,
            }
        }
    }
    Ok(())
}

type Next = Result<Option<Frame>, TooLong>;

fn differs(yours: &Next, right: &Next, left: usize) -> Result<(), Fault> {
    let (rule, why) = match (yours, right) {
        (_, Err(TooLong)) => ("long", format!("the header says {} bytes, and {MOST} are allowed: `next` has to refuse it at once", MOST + 1)),
        (Err(TooLong), _) => ("refused", format!("no frame here is longer than {MOST} bytes")),
        (Ok(Some(_)), Ok(None)) => ("early", format!("only {left} bytes of this frame are there: it has to wait for the rest")),
        (Ok(None), Ok(Some(_))) => ("stuck", "a whole frame is there, and it has to come out now, also if it came with another one, or its header and body came apart".to_owned()),
        _ => ("wrong", "the frame that comes out is not the one that was sent, as if bytes of an earlier `push` were lost".to_owned()),
    };
    fault(rule, format!("{why}. `next` has to give {}", said(right)))
}

fn said(next: &Next) -> String {
    match next {
        Ok(Some(frame)) => {
            format!("the frame with number {} and a body of {}", frame.seq, counted(frame.body.len(), "byte"))
        }
        Ok(None) => "None".to_owned(),
        Err(TooLong) => "Err(TooLong)".to_owned(),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Returns bytes as two digits each, the parts of a frame apart.
fn shown(bytes: &[u8]) -> String {
    const MOST_SHOWN: usize = 20;
    let digits = bytes.iter().take(MOST_SHOWN).enumerate().map(|(at, byte)| {
        let gap = if at == 4 || at == HEADER {
            " | "
        } else if at > 0 {
            " "
        } else {
            ""
        };
        format!("{gap}{byte:02x}")
    });
    let more = if bytes.len() > MOST_SHOWN { " .." } else { "" };
    format!("{}{more}", digits.collect::<String>())
}
