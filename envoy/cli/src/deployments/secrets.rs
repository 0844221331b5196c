//! Whether a secret that the configuration knows stands in a deployment, which is for everybody who
//! can read the project.
//!
//! Nothing puts one there: what is secret stands outside of APIs. But a definition may hold a key
//! that somebody has tried a request with.

use std::collections::BTreeMap;

use attache_model::{KeyDigest, Redis, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Snapshot;
use crate::project::Project;

/// The shortest word that is looked at: AWS's shortest key.
const SHORTEST: usize = 20;

/// Where a secret stands, and whose it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The file and the line in it, or the configuration.
    pub(super) place: String,
    /// Such as ``the value of the API key `acme` ``.
    pub(super) what: String,
}

/// What is known of the secrets of a configuration.
struct Secrets<'p> {
    clear: Vec<(&'p str, String)>,
    opened: Vec<(Secret<Vec<u8>>, String)>,
    digests: BTreeMap<KeyDigest, String>,
}

/// The first secret of a project that stands in a snapshot.
pub(super) fn find(project: &Project, snapshot: &Snapshot) -> Option<Found> {
    let secrets = Secrets::of(project);
    for (name, text) in &snapshot.sources {
        for (index, line) in text.lines().enumerate() {
            if let Some(what) = secrets.within(line) {
                let place = format!("`{name}`, line {}", index + 1);
                return Some(Found { place, what });
            }
        }
    }
    // Line by line misses nothing that a file says in one word; these have been through a parser.
    let api = serde_json::to_value(&snapshot.api).unwrap_or_default();
    for (place, value) in [
        ("what is made of it", &api),
        ("attache.yaml", &snapshot.configuration),
    ] {
        if let Some(what) = secrets.within_value(value) {
            let place = place.to_owned();
            return Some(Found { place, what });
        }
    }
    None
}

impl<'p> Secrets<'p> {
    fn of(project: &'p Project) -> Self {
        let gateway = &project.gateway;
        let key = |id: &str| format!("the value of the API key `{id}`");
        let clear = project.known_values.iter();
        let mut digests = BTreeMap::new();
        for api_key in &gateway.api_keys {
            let previous = api_key.previous_values.iter().map(|value| value.digest);
            for digest in previous.chain([api_key.digest]) {
                digests.insert(digest, key(&api_key.id));
            }
        }
        if let Some(api) = &gateway.management_api
            && let Ok(digest) = KeyDigest::try_from(api.token_sha256.clone())
        {
            digests.insert(digest, "the token of the management API".to_owned());
        }
        let credentials = gateway.credentials.iter().filter_map(|credential| {
            let id = &credential.access_key_id;
            let secret = project
                .secrets_key
                .open(id, &credential.secret_access_key)?;
            Some((secret, format!("the secret access key of `{id}`")))
        });
        let opened = credentials.chain(redis_secret(project));
        Self {
            clear: clear
                .map(|(id, value)| (value.reveal().as_str(), key(id)))
                .collect(),
            opened: opened.collect(),
            digests,
        }
    }

    /// Whose secret stands in a text.
    fn within(&self, text: &str) -> Option<String> {
        let clear = self.clear.iter().find(|(secret, _)| text.contains(secret));
        if let Some((_, what)) = clear {
            return Some(what.clone());
        }
        let holds = |secret: &[u8]| {
            !secret.is_empty()
                && text
                    .as_bytes()
                    .windows(secret.len())
                    .any(|part| part == secret)
        };
        if let Some((_, what)) = self
            .opened
            .iter()
            .find(|(secret, _)| holds(secret.reveal()))
        {
            return Some(what.clone());
        }
        if self.digests.is_empty() {
            return None;
        }
        // Of the others nothing but the digest is known: words are tried that may be one.
        let narrow = |letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter));
        let wide = |letter: char| {
            let is_known = letter.is_ascii_alphanumeric() || "-._~+/=".contains(letter);
            !is_known
        };
        let mut words = text.split(narrow).chain(text.split(wide));
        words.find_map(|word| {
            let digest = || KeyDigest(Sha256::digest(word.as_bytes()).into());
            let digest = (word.len() >= SHORTEST).then(digest)?;
            self.digests.get(&digest).cloned()
        })
    }

    fn within_value(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => self.within(text),
            Value::Array(items) => items.iter().find_map(|item| self.within_value(item)),
            Value::Object(members) => members
                .iter()
                .find_map(|(name, member)| self.within(name).or_else(|| self.within_value(member))),
            _ => None,
        }
    }
}

/// What stands behind `Bearer`, or the password behind `Basic`.
fn redis_secret(project: &Project) -> Option<(Secret<Vec<u8>>, String)> {
    let sealed = project
        .gateway
        .state
        .as_ref()?
        .redis
        .authorization
        .as_ref()?;
    let value = project.secrets_key.open(Redis::AUTHORIZATION, sealed)?;
    if let Some(token) = value.reveal().strip_prefix(b"Bearer ") {
        let token = Secret::new(token.to_owned());
        return Some((token, "the token for Redis".to_owned()));
    }
    let pair = value.reveal().strip_prefix(b"Basic ")?;
    let pair = Secret::new(STANDARD.decode(pair).ok()?);
    let colon = pair.reveal().iter().position(|byte| *byte == b':')?;
    let password = Secret::new(pair.reveal().get(colon + 1..)?.to_owned());
    Some((password, "the password for Redis".to_owned()))
}
