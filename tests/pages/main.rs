//! Holds the pages and the code together, apart from `docs/wire.md`, which has tests of its own.

mod at_most_once;
mod changing;
mod examples;
mod guide;
mod reading;
mod readme;
mod surface;
mod text;
