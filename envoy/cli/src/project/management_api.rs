//! The token of the management API.

use attache_model::{ManagementApi, Secret};
use sha2::{Digest, Sha256};

use super::{Lowering, Pointer};
use crate::configuration;

/// How long a token may be, in characters. A shorter one can be found by trying.
const LENGTHS: std::ops::RangeInclusive<usize> = 20..=512;

/// What to do where there is no good token.
const NEW_TOKEN: &str = "make one with `openssl rand -hex 32`";

impl Lowering<'_> {
    pub(super) fn management_api(
        &mut self,
        settings: Option<&configuration::ManagementApi>,
    ) -> Option<ManagementApi> {
        let settings = settings?;
        let pointer = Pointer::root().key("managementApi");
        self.remember_name("/managementApi", &pointer);
        let given: Vec<&str> = [
            ("token", settings.token.is_some()),
            ("tokenSha256", settings.token_sha256.is_some()),
            ("tokenFile", settings.token_file.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_given)| is_given.then_some(name))
        .collect();
        let name = match given.as_slice() {
            [only] => *only,
            [] if self.is_partial => return None,
            [] => {
                self.refuse_name(
                    "management-token",
                    &pointer,
                    "the management API has no token, and would answer to everybody",
                    format!("write `tokenFile: …`, a file that only you can read; {NEW_TOKEN}"),
                );
                return None;
            }
            [first, second, ..] => {
                self.refuse_name(
                    "management-token",
                    &pointer.key(second),
                    format!("the management API has both `{first}` and `{second}`"),
                    "keep one of them",
                );
                return None;
            }
        };
        let pointer = pointer.key(name);
        self.remember("/managementApi/tokenSha256", &pointer);
        if let Some(digest) = &settings.token_sha256 {
            return Some(ManagementApi {
                token_sha256: digest.to_ascii_lowercase(),
            });
        }
        let token = match (&settings.token, &settings.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(path)) => {
                let text = self.secret_file("management token", path, &pointer)?;
                Secret::new(text.trim_ascii_end().to_owned())
            }
            (None, None) => return None,
        };
        match fault(token.reveal()) {
            None => Some(ManagementApi {
                token_sha256: token_sha256(&token),
            }),
            Some(reason) => {
                self.refuse("management-token", &pointer, reason, NEW_TOKEN);
                None
            }
        }
    }
}

/// What the gateway knows of a token.
pub(crate) fn token_sha256(token: &Secret<String>) -> String {
    let digest = Sha256::digest(token.reveal().as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Why a text cannot be sent as a token, or must not be one.
fn fault(token: &str) -> Option<String> {
    if let Some(reason) = bearer_fault(token) {
        Some(reason.to_owned())
    } else if LENGTHS.contains(&token.len()) {
        None
    } else {
        Some(format!(
            "a token has {} to {} characters, and this one has {}",
            LENGTHS.start(),
            LENGTHS.end(),
            token.len()
        ))
    }
}

/// Why a text cannot follow `Bearer` (RFC 6750, section 2.1).
pub(super) fn bearer_fault(token: &str) -> Option<&'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.contains("${") {
        Some("the token holds `${`, and variables are not filled in here")
    } else if !token.bytes().all(known) {
        Some("a token consists of letters, digits and `-._~+/=`, and this one does not")
    } else {
        None
    }
}
