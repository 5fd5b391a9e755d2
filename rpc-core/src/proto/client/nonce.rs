//! Layer 2: the nonce of the session that a client opens: the same one in each HELLO until that session stands or is lost.

use crate::ids::Nonce;

/// Draws a nonce. In production it comes from the operating system; in a simulation from the client's seed. `None`: there is
/// no randomness, and the session is opened without a nonce.
pub type DrawNonce = fn(&mut fastrand::Rng) -> Option<Nonce>;

/// Draws a nonce from a seeded source, for simulations.
pub fn seeded_nonce(random: &mut fastrand::Rng) -> Option<Nonce> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    Some(Nonce(bytes))
}

/// The nonce of the next session, or of the present one, with its source.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpeningNonce {
    /// The source.
    draw: DrawNonce,
    /// The nonce. It belongs to one session at most.
    pub(super) present: Option<Nonce>,
}

impl OpeningNonce {
    /// Draws the first nonce.
    pub(super) fn new(draw: DrawNonce, random: &mut fastrand::Rng) -> Self {
        OpeningNonce { draw, present: draw(random) }
    }

    /// Draws another nonce, for another session.
    pub(super) fn renew(&mut self, random: &mut fastrand::Rng) {
        self.present = (self.draw)(random);
    }
}
