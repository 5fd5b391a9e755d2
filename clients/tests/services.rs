//! The services of the tests: a journal whose lines show how often a call ran, and one that gives all kinds of values back.
#![allow(unreachable_pub)] // traits and their types as a user writes them

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc_core::{CallContext, Refused, rpc};
use serde::{Deserialize, Serialize};

/// The reason for which a line is not appended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JournalError {
    /// It is there already.
    Twice,
    /// It is longer than this.
    TooLong {
        /// The most bytes.
        most: u64,
    },
}

/// Lines in their order.
#[rpc]
pub trait Journal {
    /// Appends a line, and returns their number.
    fn append(&self, line: &str) -> u64;
    /// Appends a line that is not there yet.
    fn append_new(&self, line: &str) -> Result<u64, JournalError>;
    /// Returns all lines.
    #[rpc(idempotent)]
    fn lines(&self) -> Vec<String>;
    /// Appends a line, and panics.
    fn append_and_panic(&self, line: &str);
    /// Appends a line, and returns after so many milliseconds.
    #[rpc(slow)]
    fn append_slowly(&self, line: &str, milliseconds: u64) -> u64;
    /// Appends a line, and gives up.
    fn append_and_give_up(&self, cx: &CallContext, line: &str) -> u64;
    /// Returns the text of the metadata under a key.
    fn metadata(&self, cx: &CallContext, key: &str) -> Option<String>;
}

/// The lines of a journal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>, Option<Arc<File>>);

impl Lines {
    /// Returns a journal that also has its lines in a file, which outlives the process.
    #[allow(dead_code)] // the server that is killed uses it
    pub(crate) fn in_file(path: &str) -> std::io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Lines(Arc::default(), Some(Arc::new(file))))
    }

    #[allow(dead_code)] // the server that is killed reads no lines
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().expect("no panic holds it").clone()
    }
}

impl Journal for Lines {
    fn append(&self, line: &str) -> u64 {
        let mut lines = self.0.lock().expect("no panic holds it");
        if let Some(file) = &self.1 {
            (&**file).write_all(format!("{line}\n").as_bytes()).expect("the file of the journal");
        }
        lines.push(line.to_owned());
        lines.len() as u64
    }

    fn append_new(&self, line: &str) -> Result<u64, JournalError> {
        match line.len() {
            0..=20 if self.lines().iter().any(|known| known == line) => Err(JournalError::Twice),
            0..=20 => Ok(self.append(line)),
            _ => Err(JournalError::TooLong { most: 20 }),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no panic holds it").clone()
    }

    fn append_and_panic(&self, line: &str) {
        self.append(line);
        std::panic::resume_unwind(Box::new("on purpose")); // as `panic!`, without its lines in the output
    }

    fn append_slowly(&self, line: &str, milliseconds: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(milliseconds));
        self.append(line)
    }

    fn append_and_give_up(&self, cx: &CallContext, line: &str) -> u64 {
        self.append(line);
        cx.give_up("half of it is done")
    }

    fn metadata(&self, cx: &CallContext, key: &str) -> Option<String> {
        cx.metadata().get(key).map(str::to_owned)
    }
}

/// A list of its own kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree(pub Vec<Tree>);

/// A number with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Metres(pub u32);

/// A value of each kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expression {
    /// No fields.
    Nothing,
    /// One.
    Number(i128),
    /// Several.
    Sum(Box<Expression>, Box<Expression>),
    /// With names.
    Call {
        /// A word of Python and TypeScript.
        class: String,
        /// A list of its own kind.
        arguments: Vec<Expression>,
        /// Another word.
        r#type: Option<Option<u8>>,
    },
}

/// Fields of all kinds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Everything {
    /// The name of a type of Python.
    pub bytes: serde_bytes::ByteBuf,
    /// A nested option.
    pub maybe: Option<Option<()>>,
    /// Keys that are no texts.
    pub by_unit: BTreeMap<Metres, BTreeSet<char>>,
    /// Keys that no dictionary of Python takes.
    pub by_list: BTreeMap<Vec<u8>, f32>,
    /// More of them.
    pub by_lists: BTreeMap<Vec<u16>, bool>,
    /// Bytes of one length.
    pub hash: [u8; 4],
    /// A tuple of equal parts.
    pub point: (f64, f64, f64),
    /// A tuple of one.
    pub one: (i8,),
    /// A long array.
    pub long: [u16; 20],
    /// The largest.
    pub large: (u128, i128, u64, i64),
    /// A type that is nothing but a list of itself.
    pub tree: Tree,
    /// An enum without fields.
    pub colour: Result<Colour, String>,
}

/// An enum without fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Colour {
    /// The first.
    DarkRed,
    /// A word of Python.
    None,
}

/// Gives everything back.
#[rpc]
pub trait Echo {
    /// Returns its argument, which has a name that Python does not take.
    fn everything(&self, from: Everything) -> Everything;
    /// Returns its argument.
    fn expression(&self, expression: Expression) -> Expression;
    /// Returns nothing.
    fn nothing(&self);
    /// Returns both.
    fn close(&self, timeout: u8, metadata: (u8, String)) -> (u8, (u8, String));
}

/// An implementation of [`Echo`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mirror;

impl Echo for Mirror {
    fn everything(&self, from: Everything) -> Everything {
        from
    }

    fn expression(&self, expression: Expression) -> Expression {
        expression
    }

    fn nothing(&self) {}

    fn close(&self, timeout: u8, metadata: (u8, String)) -> (u8, (u8, String)) {
        (timeout, metadata)
    }
}

/// Denies calls with the metadata `denied`.
pub(crate) fn gate(cx: &CallContext) -> Result<(), Refused> {
    cx.metadata().get("denied").map_or(Ok(()), |why| Err(Refused::denied(why)))
}
