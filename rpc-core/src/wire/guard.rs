//! Floor 1: the guard around every decode.
