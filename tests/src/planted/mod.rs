//! Planted faults: each is a change of a function that a test must find, and all of them are compiled in one build.
//!
//! ```text
//! tests/mutants/*.toml --list--> faults --\
//!                                          plant (source, tokens) --> switches --weave--> a copy of the workspace (tree)
//! cargo mutants --list --generated--> ----/                                                      |
//!                                                 verdict <-- stage, with RPC_PLANTED=number <--cargo--'
//!                                                             (first the test that found it before: found_by)
//! ```

pub mod cargo;
pub mod found_by;
pub mod generated;
pub mod list;
pub mod source;
pub mod stage;
pub mod tokens;
pub mod tree;
pub mod weave;
