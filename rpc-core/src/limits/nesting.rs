//! Layer 0: the bounds of one value: its bytes, its nesting, and the stack that the nesting takes.

use std::fmt;

use super::ServerLimits;

/// Levels of nesting of a value, when encoding and when decoding, unless a setting says another number: 14 KB of nested enums
/// overflow a stack of 2 MiB, 64 levels do not.
pub const DEFAULT_NESTING: u32 = 64;

/// Most levels that a setting can allow: their stack, of 128 MiB for each thread, is still a small part of an address space.
pub const MOST_NESTING: u32 = 4096;

/// Bytes of stack that a level gets: as much as at the default, where 64 levels share the 2 MiB of a thread, so that a type
/// that fits there fits at any setting. To decode an enum of 12 variants takes 1,840 of them in a build without optimization, and
/// 303 with it. The rest is for types with large fields, which are on the stack at each level, and for what a handler does there.
pub const STACK_PER_LEVEL: usize = 32 << 10;

/// The levels of nesting that one side allows, and the setting that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nesting {
    /// Most levels.
    levels: u32,
    /// The setting, if it can be changed.
    setting: Setting,
}

/// The setting that allows some levels of nesting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// `ClientLimits::nesting`.
    Client,
    /// `ServerLimits::nesting`.
    Server,
    /// None: bytes that are encoded or decoded without a client or a server.
    None,
}

impl Nesting {
    /// The nesting of a value that neither a client nor a server sends.
    pub const DEFAULT: Nesting = Nesting { levels: DEFAULT_NESTING, setting: Setting::None };

    /// Returns the nesting of a client whose setting allows so many levels.
    pub fn of_client(levels: u32) -> Self {
        Nesting { levels, setting: Setting::Client }
    }

    /// Returns the nesting of a server whose setting allows so many levels.
    pub fn of_server(levels: u32) -> Self {
        Nesting { levels, setting: Setting::Server }
    }

    /// Returns the most levels of a value.
    #[inline]
    pub fn levels(self) -> u32 {
        self.levels
    }

    /// Returns the bytes of stack of a thread that encodes and decodes such values; `None` if the usual stack is enough. It is no
    /// less than what the standard library would give, which `RUST_MIN_STACK` may say.
    pub fn stack(self) -> Option<usize> {
        let usual = || std::env::var("RUST_MIN_STACK").ok()?.parse().ok();
        let needed = self.levels as usize * STACK_PER_LEVEL;
        (self.levels > DEFAULT_NESTING).then(|| needed.max(usual().unwrap_or(0)))
    }
}

/// Writes the bound as an error names it.
impl fmt::Display for Nesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} levels", self.levels)?;
        match self.setting {
            Setting::Client => f.write_str(", which is the client's setting `ClientLimits::nesting`"),
            Setting::Server => f.write_str(", which is the server's setting `ServerLimits::nesting`"),
            Setting::None => Ok(()),
        }
    }
}

/// The bounds of a value that is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most bytes.
    pub bytes: usize,
    /// Most levels of nesting.
    pub nesting: Nesting,
}

/// So many bytes, nested as deep as is usual.
impl From<usize> for Bounds {
    fn from(bytes: usize) -> Self {
        Bounds { bytes, nesting: Nesting::DEFAULT }
    }
}

impl ServerLimits {
    /// Returns the bounds of a reply. Arguments may be nested as deep.
    #[doc(hidden)] // for the drivers of a server: `net` and the simulator
    pub fn bounds_of_a_value(&self) -> Bounds {
        Bounds { bytes: self.max_frame, nesting: Nesting::of_server(self.nesting) }
    }
}
