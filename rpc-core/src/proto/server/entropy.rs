//! Layer 2: the source of the random bytes in session ids and tokens.

/// Gives random bytes: the operating system's in production, seeded ones in the simulator.
pub type Entropy = Box<dyn EntropySource>;

/// A source of random bytes that can be cloned, so that a whole [`ServerCore`](super::ServerCore) can. A closure that
/// can be cloned is one. The clone of a seeded source gives the same bytes as its original.
pub trait EntropySource: FnMut() -> [u8; 32] + Send {
    /// Returns a clone in a box of its own.
    fn clone_boxed(&self) -> Entropy;
}

impl<F: FnMut() -> [u8; 32] + Send + Clone + 'static> EntropySource for F {
    fn clone_boxed(&self) -> Entropy {
        Box::new(self.clone())
    }
}

impl Clone for Entropy {
    fn clone(&self) -> Self {
        (**self).clone_boxed()
    }
}
