//! Which tokens have been verified before. A worker keeps digests and claims, never a token.

use std::sync::Arc;

use attache_model::JwtAlgorithm;

use super::claims::{Claims, Rendering};

/// SHA-256 of a token.
pub(super) type TokenDigest = [u8; 32];

/// A token whose signature is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// What it claims.
    pub claims: Claims,
    pub(super) algorithm: JwtAlgorithm,
    pub(super) rendering: Rendering,
    /// Which keys it was verified with.
    pub(super) keys: KeysUsed,
}

/// The keys of a source as they once were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeysUsed {
    /// The source, counted from 0.
    pub(super) source: usize,
    /// Counts how often the source's keys have changed.
    pub(super) generation: u64,
}

/// How many tokens are remembered, and how many of them share a set.
const SETS: usize = 2_048;
const WAYS: usize = 4;

/// How much memory their claims may take, in bytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Tokens whose signatures are right: at most 8192 of them, whose claims take at most 8 MiB.
///
/// A token has its place in one of four slots that its digest names; the one of them that has
/// expired, or else was used longest ago, makes room.
#[derive(Debug)]
pub(super) struct VerifiedTokens {
    /// Empty until the first token is remembered.
    slots: Vec<Option<Entry>>,
    bytes: usize,
    most_bytes: usize,
    /// Counts the uses.
    clock: u64,
    /// Where the next one is dropped when the claims take too much memory.
    hand: usize,
}

#[derive(Debug)]
struct Entry {
    digest: TokenDigest,
    used: u64,
    size: usize,
    token: Arc<VerifiedToken>,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self::with_most_bytes(MOST_BYTES)
    }
}

impl VerifiedTokens {
    const fn with_most_bytes(most_bytes: usize) -> Self {
        Self {
            slots: Vec::new(),
            bytes: 0,
            most_bytes,
            clock: 0,
            hand: 0,
        }
    }

    /// What is remembered of a token.
    pub(super) fn find(&mut self, digest: &TokenDigest) -> Option<Arc<VerifiedToken>> {
        let set = self.slots.get_mut(first_slot(digest)..)?;
        let entry = set
            .iter_mut()
            .take(WAYS)
            .flatten()
            .find(|entry| entry.digest == *digest)?;
        self.clock += 1;
        entry.used = self.clock;
        Some(Arc::clone(&entry.token))
    }

    /// Remembers a token. `now` is in seconds since 1970.
    pub(super) fn insert(&mut self, digest: TokenDigest, token: Arc<VerifiedToken>, now: u64) {
        let size = size_of::<VerifiedToken>() + token.claims.size();
        if size > self.most_bytes / 64 {
            return;
        }
        if self.slots.is_empty() {
            self.slots.resize_with(SETS * WAYS, || None);
        }
        let start = first_slot(&digest);
        let place = self
            .slots
            .iter()
            .enumerate()
            .skip(start)
            .take(WAYS)
            .min_by_key(|(_, slot)| worth(slot.as_ref(), &digest, now))
            .map_or(start, |(place, _)| place);
        self.empty(place);
        while self.bytes + size > self.most_bytes {
            // There is one to be dropped: what is counted stands in a slot.
            self.empty(self.hand);
            self.hand = (self.hand + 1) % (SETS * WAYS);
        }
        self.clock += 1;
        if let Some(slot) = self.slots.get_mut(place) {
            self.bytes += size;
            *slot = Some(Entry {
                digest,
                used: self.clock,
                size,
                token,
            });
        }
    }

    fn empty(&mut self, place: usize) {
        let entry = self.slots.get_mut(place).and_then(Option::take);
        self.bytes -= entry.map_or(0, |entry| entry.size);
    }
}

/// Where the slots of a digest start.
const fn first_slot(digest: &TokenDigest) -> usize {
    let [a, b, ..] = *digest;
    (u16::from_be_bytes([a, b]) as usize % SETS) * WAYS
}

/// What is lost with a slot: nothing with an empty one, or with the same token's own.
fn worth(slot: Option<&Entry>, digest: &TokenDigest, now: u64) -> (u8, u64) {
    match slot {
        Some(entry) if entry.digest == *digest => (0, 0),
        None => (1, 0),
        Some(entry) if entry.token.claims.expires_at.is_none_or(|end| end <= now) => {
            (2, entry.used)
        }
        Some(entry) => (3, entry.used),
    }
}

/// How many refused tokens are remembered.
const REFUSED: usize = 1_024;

/// Tokens whose signatures are wrong: at most 1024, kept apart, so that however many there are,
/// they take no room from good ones.
#[derive(Debug, Default)]
pub(super) struct RefusedTokens {
    /// By the start of the digest; empty until the first.
    slots: Vec<Option<(TokenDigest, KeysUsed)>>,
}

impl RefusedTokens {
    /// Whether the token's signature was none of these keys'.
    pub(super) fn contains(&self, digest: &TokenDigest, keys: KeysUsed) -> bool {
        let slot = self
            .slots
            .get(refused_slot(digest))
            .and_then(Option::as_ref);
        slot.is_some_and(|refused| *refused == (*digest, keys))
    }

    /// Remembers that the token's signature is none of these keys'.
    pub(super) fn insert(&mut self, digest: TokenDigest, keys: KeysUsed) {
        if self.slots.is_empty() {
            self.slots.resize(REFUSED, None);
        }
        if let Some(slot) = self.slots.get_mut(refused_slot(&digest)) {
            *slot = Some((digest, keys));
        }
    }
}

const fn refused_slot(digest: &TokenDigest) -> usize {
    let [a, b, ..] = *digest;
    u16::from_be_bytes([a, b]) as usize % REFUSED
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use attache_model::JwtAlgorithm;
    use serde_json::json;
    use sha2::{Digest, Sha256};
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{
        Claims, KeysUsed, RefusedTokens, Rendering, SETS, TokenDigest, VerifiedToken,
        VerifiedTokens, WAYS,
    };

    const KEYS: KeysUsed = KeysUsed {
        source: 0,
        generation: 1,
    };

    fn digest(number: u32) -> TokenDigest {
        Sha256::digest(number.to_be_bytes()).into()
    }

    /// A digest in the first set.
    fn of_first_set(number: u8) -> TokenDigest {
        let mut digest = [0; 32];
        digest[31] = number;
        digest
    }

    fn token(expires_at: u64, text: &str) -> Arc<VerifiedToken> {
        let claims = json!({"exp": expires_at, "text": text}).to_string();
        Arc::new(VerifiedToken {
            claims: Claims::read(claims.as_bytes(), Rendering::Http).unwrap(),
            algorithm: JwtAlgorithm::Rs256,
            rendering: Rendering::Http,
            keys: KEYS,
        })
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_was_remembered_is_found() {
        let mut tokens = VerifiedTokens::default();
        assert_eq!(tokens.find(&digest(1)), None);
        tokens.insert(digest(1), token(10, "one"), 5);
        tokens.insert(digest(2), token(10, "two"), 5);
        assert_eq!(tokens.find(&digest(1)), Some(token(10, "one")));
        assert_eq!(tokens.find(&digest(2)), Some(token(10, "two")));
        assert_eq!(tokens.find(&digest(3)), None);
        tokens.insert(digest(1), token(20, "new"), 5);
        assert_eq!(tokens.find(&digest(1)), Some(token(20, "new")));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn room_is_made_by_the_expired_and_then_by_the_least_used() {
        let mut tokens = VerifiedTokens::default();
        for number in 0..4 {
            let expires_at = if number == 2 { 7 } else { 10 };
            tokens.insert(of_first_set(number), token(expires_at, ""), 5);
        }
        let known = |tokens: &mut VerifiedTokens| -> Vec<u8> {
            (0..10)
                .filter(|number| tokens.find(&of_first_set(*number)).is_some())
                .collect()
        };
        assert_eq!(known(&mut tokens), [0, 1, 2, 3]);
        tokens.insert(of_first_set(4), token(10, ""), 7);
        assert_eq!(known(&mut tokens), [0, 1, 3, 4]);
        let _ = tokens.find(&of_first_set(0));
        tokens.insert(of_first_set(5), token(10, ""), 7);
        assert_eq!(known(&mut tokens), [0, 3, 4, 5]);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_million_tokens_take_no_more_room_than_there_is() {
        const MOST_BYTES: usize = 256 * 1024;
        let mut tokens = VerifiedTokens::with_most_bytes(MOST_BYTES);
        let text = "x".repeat(300);
        let rounds = if cfg!(debug_assertions) {
            50_000
        } else {
            1_000_000
        };
        let one = token(10, &text);
        for number in 0..rounds {
            tokens.insert(digest(number), Arc::clone(&one), 5);
            assert!(tokens.bytes <= MOST_BYTES);
            assert!(tokens.find(&digest(number)).is_some());
        }
        assert_eq!(tokens.slots.len(), SETS * WAYS);
        let entries = tokens.slots.iter().flatten();
        assert_eq!(entries.map(|entry| entry.size).sum::<usize>(), tokens.bytes);
        assert!(tokens.bytes > MOST_BYTES / 2);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn one_token_cannot_take_all_the_room() {
        let mut tokens = VerifiedTokens::with_most_bytes(64 * 1024);
        tokens.insert(digest(1), token(10, &"x".repeat(2_000)), 5);
        assert_eq!(tokens.find(&digest(1)), None);
        tokens.insert(digest(1), token(10, "x"), 5);
        assert!(tokens.find(&digest(1)).is_some());
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_refusal_holds_for_the_keys_it_was_made_with() {
        let mut refused = RefusedTokens::default();
        assert!(!refused.contains(&digest(1), KEYS));
        refused.insert(digest(1), KEYS);
        assert!(refused.contains(&digest(1), KEYS));
        assert!(!refused.contains(&digest(2), KEYS));
        for keys in [
            KeysUsed { source: 1, ..KEYS },
            KeysUsed {
                generation: 2,
                ..KEYS
            },
        ] {
            assert!(!refused.contains(&digest(1), keys));
        }
        for number in 2..10_000 {
            refused.insert(digest(number), KEYS);
        }
        assert_eq!(refused.slots.len(), 1_024);
    }
}
