//! Layer 0: the bounds on frames that are of no use, on frames that do not end, and on idle connections.

use std::time::Duration;

use super::ACCEPT_BATCH;
use super::protocol::MAX_SERVICES;

/// Useless frames that a connection may send at once for each slot of its session: after a resume a client repeats the call of
/// each slot, or its CANCEL and its ACK, and a network may double all of them.
pub const STRIKES_PER_SLOT: u32 = 4;
/// Useless frames that a connection may send at once beside them: PINGs, METHODS, HELLOs, and a margin for few slots.
pub const STRIKES_SPARE: u32 = 256;
/// Useless frames that are forgiven in each second, beside one for each slot: a client repeats a call after a second at the
/// earliest, and at 100 ns a frame this many cost the server nothing.
pub const STRIKES_PER_SECOND: u32 = 64;
/// Useless frames that are forgiven with each call that begins: its CALL and its ACK may each arrive twice, and it may be
/// cancelled when it has ended.
pub const STRIKES_PER_CALL: u32 = 2;
/// Bytes that are skipped, or made for a TABLE, for which a useless frame costs one strike more: about as much work.
pub const STRIKE_BYTES: usize = 4 << 10;
/// Strikes of METHODS beside those for the bytes of its TABLE: the server writes a kilobyte and more for 50 bytes, where other
/// useless frames get a short reply or none.
pub const STRIKES_PER_TABLE: u32 = 16;
/// METHODS of a connection that are no useless frames: one for each service that a HELLO can name.
pub const TABLES_FREE: u16 = MAX_SERVICES as u16;

/// The least room for a frame that arrives in pieces. Beyond it, room is at most twice what has arrived, and at most the
/// length of the frame: a claimed length alone takes little, and a long frame moves few times.
pub const ROOM_STEP: usize = 16 << 10;

/// The time within which a frame that has begun must end, or bring [`FRAME_LEAST`] bytes more: a client writes a frame without
/// a pause, and TCP bridges a loss in less than that.
pub const FRAME_TIME: Duration = Duration::from_secs(5);
/// Bytes of a begun frame that must arrive in each [`FRAME_TIME`] that begins with some of its bytes: 1 KiB a second, the
/// slowest link that a client is expected to have. At that rate 4 MiB take more than an hour, so a frame cannot be bound by
/// its own time.
pub const FRAME_LEAST: u64 = 5 << 10;
/// A timer that fires later than this shows that the process stood still or had much to do: bytes of a frame may wait in the
/// kernel, and no client is blamed for it.
pub const FRAME_LATE: Duration = Duration::from_millis(500);
/// Room from which a begun frame is long: such frames are cut first when all of them take too much.
pub const LONG_FRAME: usize = 64 << 10;

/// A connection is idle after this time without a byte: less would close the connection of a client between two calls.
pub const IDLE_LEAST: Duration = Duration::from_secs(1);
/// Of so many connections one is closed when there is no room for a new one: enough for a burst, and few clients connect again.
pub const IDLE_PART: usize = 16;
/// Most idle connections that are closed at once, as many as are accepted at once.
pub const IDLE_MOST: usize = ACCEPT_BATCH;

/// Bytes of the room that a loop reserves for each of its large tables: of connections, sessions and kept replies. An allocator takes so
/// much from the system as pages of its own, which cost nothing before they are used, and makes it longer by moving pages. A table
/// that begins small is copied each time that it grows, and what it leaves behind is memory that idle connections are counted with.
pub const TABLE_ROOM: usize = 256 << 10;
