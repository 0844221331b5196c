//! What makes two requests the same.

/// The SHA-256 of everything that tells a response from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);
