//! Layer 0: the memory that is left alone, so that what is there already can go on.

/// Bytes of address space that must be left beside the stack of a new thread. Threads that are started until no more can be
/// take all of it, and then the next small allocation of any thread ends the process. This is room for the buffers of four
/// connections at their bound. It is above 32 MiB, because glibc takes the length of a block that is given back, up to that,
/// as the length of those that it will keep from then on.
pub const THREAD_ROOM: usize = 33 << 20;
