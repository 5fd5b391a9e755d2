//! Layer 2: frames that have begun and not ended: they must go on, and all of them together have a bound.
//!
//! ```text
//! a chunk ends inside a frame --> timer of 5 s, unless one is set
//! timer --> the frame has ended, and no other has begun?          nothing
//!           5 KiB more?                                           5 s from its last bytes
//!           a newer frame?                                        5 s from its begin
//!           not read meanwhile?                                   5 s from now
//!           else                                                  rejected (its session lives)
//! ```

use super::ServerCore;
use super::connection::{Begun, ConnId, Connection, Connections, Stage};
use super::input::{Input, SpareDecoder};
use super::links::Links;
use super::timers::{FrameWatch, Timer};
use crate::ids::Time;
use crate::limits::{FRAME_LATE, FRAME_LEAST, FRAME_TIME, LONG_FRAME, ServerLimits};

impl ServerCore {
    /// Lends the room of a long frame that a connection has begun, so that the driver reads the rest of it to where it stays.
    pub fn lend_room(&mut self, conn: ConnId) -> Option<Vec<u8>> {
        let connection = self.links.connections.get_mut(conn).filter(|connection| connection.is_open())?;
        connection.input.lend_room()
    }

    /// Takes the room back, to which `count` bytes were appended that were read.
    pub fn handle_room(&mut self, conn: ConnId, room: Vec<u8>, count: usize, now: Time) {
        let Some(connection) = self.links.connections.get_mut(conn) else { return };
        connection.input.return_room(room, count);
        if count > 0 {
            connection.active_at = now;
            self.read_frames(conn, now);
        }
    }

    /// Acts on whole frames, and watches the one that has begun.
    pub(super) fn read_frames(&mut self, conn: ConnId, now: Time) {
        self.act_on_frames(conn, now);
        self.counters.frames_cut += self.links.watch_begun(conn, &self.config.limits, now);
    }
}

impl Links {
    /// Watches the frame that a connection has begun, and counts its room. Returns the number of connections that were cut
    /// to stay within the budget.
    fn watch_begun(&mut self, conn: ConnId, limits: &ServerLimits, now: Time) -> u64 {
        let Some(connection) = self.connections.connections.get_mut(conn) else { return 0 };
        if !connection.is_open() {
            self.connections.drop_input(conn); // nothing more of it is read
            return 0;
        }
        let (room, is_mid_frame) = (connection.input.room(), connection.input.is_mid_frame());
        if room == 0 && !is_mid_frame && connection.begun.is_none() {
            connection.give_decoder_back(&mut self.connections.spare);
            return 0; // the common case: what was read ends with a frame
        }
        self.connections.begun_room = self.connections.begun_room - connection.begun_room() + room;
        let (frame, arrived) = connection.input.progress();
        let begun = connection.begun.get_or_insert_default();
        begun.room = room;
        if is_mid_frame {
            if begun.frame != frame || begun.since == Time::default() {
                **begun = Begun { frame, arrived, since: now, ..**begun };
            }
            begun.heard = now;
            // One timer a connection, and not one a frame: a client that sends without a pause ends most of its writes
            // inside a frame. A connection without a session has the timer of its HELLO.
            if !begun.has_timer && !matches!(connection.stage, Stage::Greeting(_)) {
                let timer = watch(conn, connection.serial, begun, arrived, now);
                self.timers.set(timer.due, Timer::Frame(timer));
            }
        }
        connection.forget_begun(&mut self.connections.spare);
        if self.connections.begun_room > limits.frames_budget { self.cut_begun(limits, now) } else { 0 }
    }

    /// Returns true if a frame that has begun does not go on, or watches on.
    pub(super) fn is_too_slow(&mut self, timer: FrameWatch, limits: &ServerLimits, now: Time) -> bool {
        let FrameWatch { conn, serial, .. } = timer;
        let Connections { connections, spare, .. } = &mut self.connections;
        let Some(connection) = connections.get_mut(conn).filter(|c| c.serial == serial) else { return false };
        let may_go_on = connection.is_open() && connection.input.is_mid_frame();
        let may_read = connection.wants_read(limits);
        let Some(begun) = &mut connection.begun else { return false };
        begun.has_timer = false;
        if !may_go_on {
            connection.forget_begun(spare);
            return false;
        }
        let is_same = begun.frame == timer.frame;
        // Bytes may wait in the network: it is not read while its peer does not read, while many arguments wait, and while
        // this process stands still.
        let is_late = now.since(timer.due) > FRAME_LATE;
        let was_held_back = begun.was_held_back || is_late || !may_read;
        let (_, arrived) = connection.input.progress();
        if is_same && !was_held_back && arrived - timer.arrived < FRAME_LEAST {
            return true;
        }
        let Begun { since, heard, arrived: arrived_before, .. } = **begun;
        let (from, mark) = match is_same {
            _ if was_held_back => (now, arrived),
            true => (heard, arrived), // from its last bytes, so that silence is never longer
            false => (since, arrived_before),
        };
        let timer = watch(conn, serial, begun, mark, from);
        self.timers.set(timer.due, Timer::Frame(timer));
        false
    }

    /// Cuts connections with begun frames until a part of the budget is free again: long frames first, and of them those that
    /// have been silent longest, since an honest sender goes on. Their sessions live. Returns their number.
    fn cut_begun(&mut self, limits: &ServerLimits, now: Time) -> u64 {
        let begun = self.connections.iter().filter_map(|(conn, c)| Some((conn, c.begun.as_ref()?)));
        let begun = begun.filter(|(_, begun)| begun.room > 0);
        let mut begun: Vec<_> =
            begun.map(|(conn, begun)| (begun.room < LONG_FRAME, begun.heard, conn)).collect();
        begun.sort_unstable();
        // An eighth at once: the search looks at every connection.
        let most = limits.frames_budget - limits.frames_budget / 8;
        let mut cut = 0;
        for (_, _, conn) in begun {
            if self.connections.begun_room <= most {
                break;
            }
            self.cut(conn, limits, now);
            cut += 1;
        }
        cut
    }
}

/// Returns a watch from this time on over the frame that a connection has begun.
fn watch(conn: ConnId, serial: u64, begun: &mut Begun, arrived: u64, from: Time) -> FrameWatch {
    begun.has_timer = true;
    begun.was_held_back = false;
    let frame = begun.frame;
    FrameWatch { conn, serial, frame, arrived, due: from.plus(FRAME_TIME) }
}

impl Connection {
    /// Gives its decoder back if there is nothing in it and no timer watches a frame of it.
    #[inline]
    fn give_decoder_back(&mut self, spare: &mut SpareDecoder) {
        if self.begun.is_none() {
            self.input.give_back(spare);
        }
    }

    /// Forgets a frame that has ended, unless a timer looks at it once more.
    fn forget_begun(&mut self, spare: &mut SpareDecoder) {
        let is_over = |begun: &Begun| !begun.has_timer && begun.room == 0;
        if !self.input.is_mid_frame() && self.begun.as_deref().is_some_and(is_over) {
            self.begun = None;
            self.give_decoder_back(spare);
        }
    }
}

impl Connections {
    /// Drops what was read from a connection and not acted on.
    pub(super) fn drop_input(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.input = Input::default();
            self.begun_room -= connection.begun_room();
            if let Some(begun) = &mut connection.begun {
                begun.room = 0;
            }
            connection.forget_begun(&mut self.spare);
        }
    }
}
