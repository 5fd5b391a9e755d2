//! Floor 1: frames.
