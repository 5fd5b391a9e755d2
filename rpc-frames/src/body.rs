//! The body of a frame by its kind, and what it says in a few words.

use rpc_core::wire::frame::Kind;

use crate::header::{Head, Known};
use crate::reader::{Reader, quoted_bytes};
use crate::{calls, control};

/// Gives each byte of a body its field. Returns what it says.
pub(crate) fn read<'a>(reader: &mut Reader<'a>, kind: Kind, head: &Head, known: &Known<'a>) -> String {
    match kind {
        Kind::Call => calls::call(reader, head, known),
        Kind::Reply => calls::reply(reader, head, known),
        Kind::Hello => control::hello(reader),
        Kind::Welcome => control::welcome(reader),
        Kind::SessionLost => control::session_lost(reader),
        Kind::Methods => control::methods(reader),
        Kind::Table => control::table(reader, known.features),
        Kind::Reject => {
            let text = quoted_bytes(reader.rest());
            reader.take_rest("text", text.clone());
            text
        }
        Kind::Busy => {
            reader.end(Ok(()));
            format!("try again after {} ms", head.millis)
        }
        Kind::Cancel | Kind::Ack | Kind::Ping | Kind::Pong | Kind::GoAway | Kind::Bye => {
            reader.end(Ok(()));
            String::new()
        }
    }
}
