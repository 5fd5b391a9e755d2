//! The tests of the package in one binary.

mod calls;
mod forms;
mod mistakes;
mod random;
