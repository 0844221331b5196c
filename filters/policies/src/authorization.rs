//! Who may call an operation.

mod caller;

pub use caller::{Caller, IdentityField, Signer};
