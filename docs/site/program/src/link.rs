//! A story as the text of a link: `v1.7.on.2_a0.s3.d1u2`: the version, the seed, the filter, the number of clients, and the clicks.

use std::fmt;
use std::str::FromStr;

use rpc_sim::{Fate, FrameId};

/// The version of stories. It rises when an older link would show something else.
pub const VERSION: u32 = 1;
/// The most clients of a story: as many as there is room for on a page.
pub const MAX_CLIENTS: usize = 3;
/// The most clicks of a story: each question plays all of them.
pub const MAX_CLICKS: usize = 1_000;

/// A story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Decides what is left to chance.
    pub seed: u64,
    /// True if the duplicate filter is on.
    pub filter: bool,
    /// The number of clients.
    pub clients: usize,
    /// The clicks of the reader, in their order.
    pub clicks: Vec<Click>,
}

/// One thing that a reader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Click {
    /// Lets the next thing happen.
    Step,
    /// A client calls `append`.
    Append(usize),
    /// A client calls `append_slowly`.
    AppendSlowly(usize),
    /// A client calls `get`.
    Get(usize),
    /// The caller gives up a call.
    Cancel(usize),
    /// A fate for a frame.
    Frame(FrameId, Fate),
    /// Cuts every connection.
    CutAll,
    /// Splits the network.
    Split,
    /// Heals the network.
    Heal,
    /// Kills the server. A handler that has begun does nothing.
    Kill,
    /// Lets the handler that has begun run, and kills the server before the reply is sent.
    KillAfter,
    /// Starts the server again.
    Restart,
    /// Begins to drain the server.
    Drain,
}

/// The reason for which a text is no story, or a story cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoryError {
    /// The text does not begin as a story does.
    NoStory,
    /// The link was made by another version of the page.
    Version(String),
    /// A setting is not one.
    Setting(String),
    /// A click is not one.
    Click(String),
    /// There are too many clicks.
    TooLong(usize),
    /// A click has no effect where it stands.
    DoesNotFit(usize, String),
}

impl fmt::Display for StoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoryError::NoStory => f.write_str("this link is no story: a story begins with `v1.`"),
            StoryError::Version(made) => write!(
                f,
                "this story was made by version {made} of the page, and this page plays version {VERSION}: it would show \
                 something else"
            ),
            StoryError::Setting(text) => {
                write!(f, "the story has a setting `{text}`, which this page does not know")
            }
            StoryError::Click(text) => {
                write!(f, "the story has a click `{text}`, which this page does not know")
            }
            StoryError::TooLong(count) => {
                write!(f, "the story has {count} clicks; a page plays {MAX_CLICKS} at the most")
            }
            StoryError::DoesNotFit(at, text) => write!(
                f,
                "click {at} of the story, `{text}`, does nothing here: the story was made by other code than this page runs"
            ),
        }
    }
}

impl std::error::Error for StoryError {}

impl FromStr for Story {
    type Err = StoryError;

    fn from_str(text: &str) -> Result<Story, StoryError> {
        let (head, clicks) = text.split_once('_').unwrap_or((text, ""));
        let mut head = head.split('.');
        let version = head.next().and_then(|version| version.strip_prefix('v')).ok_or(StoryError::NoStory)?;
        if version != VERSION.to_string() {
            return Err(if version.parse::<u32>().is_ok() {
                StoryError::Version(version.to_owned())
            } else {
                StoryError::NoStory
            });
        }
        let (seed, filter, clients) = (head.next(), head.next(), head.next());
        let unknown = |text: Option<&str>| StoryError::Setting(text.unwrap_or("missing").to_owned());
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
        let story = Story {
            seed: number(seed).ok_or_else(|| unknown(seed))?,
            filter: match filter {
                Some("on") => true,
                Some("off") => false,
                other => return Err(unknown(other)),
            },
            clients: number(clients)
                .map(|clients| clients as usize)
                .filter(|clients| (1..=MAX_CLIENTS).contains(clients))
                .ok_or_else(|| unknown(clients))?,
            clicks: read_clicks(clicks)?,
        };
        match head.next() {
            Some(more) => Err(unknown(Some(more))),
            None => Ok(story),
        }
    }
}

/// Reads the clicks. `s5` is five steps.
fn read_clicks(text: &str) -> Result<Vec<Click>, StoryError> {
    let mut clicks = Vec::new();
    for word in text.split('.').filter(|word| !word.is_empty()) {
        let click = read_click(word).ok_or_else(|| StoryError::Click(word.to_owned()))?;
        let times = match click {
            Click::Step => {
                word.get(1..).filter(|count| !count.is_empty()).map_or(Some(1), |count| count.parse().ok())
            }
            _ => Some(1),
        };
        let times = times.ok_or_else(|| StoryError::Click(word.to_owned()))?;
        if clicks.len().saturating_add(times) > MAX_CLICKS {
            return Err(StoryError::TooLong(clicks.len().saturating_add(times)));
        }
        clicks.extend(std::iter::repeat_n(click, times));
    }
    Ok(clicks)
}

fn read_click(word: &str) -> Option<Click> {
    let rest = word.get(1..)?;
    let client = || rest.parse().ok().filter(|client| *client < MAX_CLIENTS);
    let bare = |click| rest.is_empty().then_some(click);
    let frame = |fate| Some(Click::Frame(read_frame(rest)?, fate));
    match word.get(..1)? {
        "s" => Some(Click::Step),
        "a" => client().map(Click::Append),
        "w" => client().map(Click::AppendSlowly),
        "g" => client().map(Click::Get),
        "x" => rest.parse().ok().map(Click::Cancel),
        "d" => frame(Fate::Drop),
        "t" => frame(Fate::Double),
        "h" => frame(Fate::Hold),
        "r" => frame(Fate::Release),
        "o" => frame(Fate::Reorder),
        "c" => frame(Fate::Cut),
        "y" => {
            let mut parts = rest.split('-');
            let (name, at, to) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
            let to = u8::from_str_radix(to, 16).ok()?;
            Some(Click::Frame(read_frame(name)?, Fate::Change { at, to })).filter(|_| parts.next().is_none())
        }
        "z" => bare(Click::CutAll),
        "p" => bare(Click::Split),
        "q" => bare(Click::Heal),
        "k" => bare(Click::Kill),
        "j" => bare(Click::KillAfter),
        "b" => bare(Click::Restart),
        "e" => bare(Click::Drain),
        _ => None,
    }
}

/// Reads the name of a frame: `3u12` is the twelfth to the server on the third connection, `3d12` one to the client.
pub fn read_frame(text: &str) -> Option<FrameId> {
    let at = text.find(['u', 'd'])?;
    let (link, number) = (text.get(..at)?, text.get(at + 1..)?);
    Some(FrameId {
        link: link.parse().ok()?,
        to_server: text.get(at..=at)? == "u",
        number: number.parse().ok()?,
    })
}

/// Writes the name of a frame.
pub fn write_frame(frame: FrameId) -> String {
    format!("{}{}{}", frame.link, if frame.to_server { 'u' } else { 'd' }, frame.number)
}

impl fmt::Display for Click {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Click::Step => f.write_str("s"),
            Click::Append(client) => write!(f, "a{client}"),
            Click::AppendSlowly(client) => write!(f, "w{client}"),
            Click::Get(client) => write!(f, "g{client}"),
            Click::Cancel(call) => write!(f, "x{call}"),
            Click::Frame(frame, fate) => {
                let name = write_frame(frame);
                match fate {
                    Fate::Drop => write!(f, "d{name}"),
                    Fate::Double => write!(f, "t{name}"),
                    Fate::Hold => write!(f, "h{name}"),
                    Fate::Release => write!(f, "r{name}"),
                    Fate::Reorder => write!(f, "o{name}"),
                    Fate::Cut => write!(f, "c{name}"),
                    Fate::Change { at, to } => write!(f, "y{name}-{at}-{to:02x}"),
                }
            }
            Click::CutAll => f.write_str("z"),
            Click::Split => f.write_str("p"),
            Click::Heal => f.write_str("q"),
            Click::Kill => f.write_str("k"),
            Click::KillAfter => f.write_str("j"),
            Click::Restart => f.write_str("b"),
            Click::Drain => f.write_str("e"),
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = if self.filter { "on" } else { "off" };
        write!(f, "v{VERSION}.{}.{filter}.{}_", self.seed, self.clients)?;
        for (index, run) in self.clicks.chunk_by(|a, b| *a == Click::Step && a == b).enumerate() {
            let dot = if index == 0 { "" } else { "." };
            match run {
                [Click::Step, _, ..] => write!(f, "{dot}s{}", run.len())?,
                [click, ..] => write!(f, "{dot}{click}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_comes_back_from_its_link() {
        let link = "v1.7.off.3_a0.w1.g2.s12.x1.d1u2.t1d3.h4u5.r4u5.o1u2.c1u2.y1u2-36-0f.z.p.s.q.k.j.b.e";
        let story: Story = link.parse().expect("a story");
        assert_eq!((story.seed, story.filter, story.clients, story.clicks.len()), (7, false, 3, 31));
        assert_eq!(story.to_string(), link);
    }

    #[test]
    fn what_is_no_story_is_refused_with_a_sentence() {
        let error = |text: &str| text.parse::<Story>().expect_err("no story");
        assert_eq!(error(""), StoryError::NoStory);
        assert_eq!(error("v2.7.on.1_a0"), StoryError::Version("2".to_owned()));
        assert_eq!(error("v1.7.maybe.1_"), StoryError::Setting("maybe".to_owned()));
        assert_eq!(error("v1.7.on.4_"), StoryError::Setting("4".to_owned()));
        assert_eq!(error("v1.7.on.1.2_"), StoryError::Setting("2".to_owned()));
        for click in ["a", "a9", "m", "d1", "dxu2", "z1", "y1u2-3", "y1u2-3-zz", "sx", "\u{4e00}"] {
            assert_eq!(error(&format!("v1.7.on.1_{click}")), StoryError::Click(click.to_owned()));
        }
        assert_eq!(error("v1.7.on.1_s999.s2"), StoryError::TooLong(1001));
        assert!(error("v9.1").to_string().contains("version 9"));
    }
}
