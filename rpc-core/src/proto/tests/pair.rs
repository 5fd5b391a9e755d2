//! A client and a server joined in memory.
