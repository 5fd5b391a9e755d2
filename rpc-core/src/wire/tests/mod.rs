//! Rules of the bytes, at their boundaries: frames in pieces, limits, and the bodies of control frames.

mod bodies;
mod limits;
mod pieces;
mod room;
