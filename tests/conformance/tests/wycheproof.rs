//! Tokens, keys and signatures of Project Wycheproof, verified without the help of a proxy.

use attache_conformance::wycheproof;
use attache_policies::ports::{Signatures, Signed};

/// A proxy that cannot verify anything.
struct NoProxy;

impl Signatures for NoProxy {
    fn verify(&self, _: &Signed<'_>) -> Option<bool> {
        None
    }
}

#[test]
fn wycheproof() {
    wycheproof::run("wycheproof", &NoProxy).unwrap();
}
