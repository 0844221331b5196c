//! What of `attache.yaml` may be shown.
//!
//! Findings are shown with the lines that they point at, and a line may hold a customer's key. So
//! the text that is shown is a copy in which every byte that may belong to a key is a `*`, and all
//! places stay true.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value as Json;

use crate::document::{Document, Node, Value};

/// What may be shown of an API key's settings.
const SHOWN: [&str; 4] = ["usagePlans", "enabled", "expiresAt", "description"];
/// The others, whose names may be shown.
const HIDDEN: [&str; 3] = ["value", "valueSha256", "previousValues"];

/// What may be shown of a credential's settings.
const SHOWN_OF_CREDENTIALS: [&str; 3] = ["principal", "policies", "expiresAt"];
/// The settings of the management API, whose names may be shown.
const TOKEN: [&str; 3] = ["token", "tokenSha256", WAY_TO_TOKEN];

/// What may be shown of the management API's settings, unless it looks like the token.
const WAY_TO_TOKEN: &str = "tokenFile";

/// What names the place of a secret; it may be shown unless it looks like the secret itself.
const WAYS_TO_SECRETS: [&str; 4] = [
    "secretAccessKeyFile",
    "secretAccessKeyEnv",
    "sessionTokenFile",
    "sessionTokenEnv",
];

/// What may be shown of the settings of Redis.
const SHOWN_OF_STATE: [&str; 5] = ["dialect", "prefix", "onFailure", "timeoutMs", "username"];
/// The settings of an authorization for Redis, whose names may be shown.
const AUTH: [&str; 5] = ["token", "tokenFile", "username", "password", "passwordFile"];

/// The length of AWS's secret access keys.
const SECRET_ACCESS_KEY: usize = 40;

/// The shortest run of characters that may be a key: AWS's shortest key.
pub(super) const SHORTEST_KEY: usize = 20;

/// The text of a file that could be read, without the keys in it.
#[must_use]
pub fn masked(document: &Document) -> String {
    let mut secrets = Vec::new();
    collect(&document.root, Inside::Elsewhere, &mut secrets);
    // The tree does not hold everything: of a name given twice it has one value, and no comments.
    let mut known = Vec::new();
    spans(&document.root, &mut known);
    known.sort_by_key(|span| span.start);
    secrets.extend(long_words(&document.text, SHORTEST_KEY).filter(|word| {
        let before = known.partition_point(|span| span.start < word.end);
        let last = before.checked_sub(1).and_then(|last| known.get(last));
        last.is_none_or(|span| span.end <= word.start)
    }));
    hide(&document.text, secrets)
}

/// The text of a file whose structure is not known: whatever may be a key is hidden, and so is what
/// the slip that broke the file may have left of one, which is half of it at least.
#[must_use]
pub fn masked_unparsed(text: &str) -> String {
    let mut settings = BTreeSet::new();
    names(&super::shape::schema(), &mut settings);
    let words = long_words(text, SHORTEST_KEY / 2).filter(|word| {
        text.get(word.clone())
            .is_none_or(|word| !settings.contains(word))
    });
    hide(text, words.collect())
}

/// The names of all settings.
fn names(schema: &Json, found: &mut BTreeSet<String>) {
    match schema {
        Json::Object(members) => {
            if let Some(Json::Object(properties)) = members.get("properties") {
                found.extend(properties.keys().cloned());
            }
            for member in members.values() {
                names(member, found);
            }
        }
        Json::Array(items) => {
            for item in items {
                names(item, found);
            }
        }
        _ => {}
    }
}

/// Every run of at least so many characters; the line that tells editors of the schema has none.
fn long_words(text: &str, shortest: usize) -> impl Iterator<Item = Range<usize>> {
    let ends = text
        .char_indices()
        .filter(|(_, character)| character.is_whitespace() || "'\"{}[],:".contains(*character))
        .map(|(index, character)| (index, character.len_utf8()))
        .chain([(text.len(), 0)]);
    ends.scan(0, |start, (end, width)| {
        let word = *start..end;
        *start = end + width;
        Some(word)
    })
    .filter(move |word| {
        let is_schema = text
            .get(word.clone())
            .is_some_and(|word| word == "yaml-language-server" || word.starts_with("$schema="));
        word.len() >= shortest && !is_schema
    })
}

/// Where the names and the scalars of a tree stand.
fn spans(node: &Node, known: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                known.push(entry.key_span.clone());
                spans(&entry.value, known);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                spans(item, known);
            }
        }
        _ => known.push(node.span.clone()),
    }
}

/// What a value is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Elsewhere,
    ApiKeys,
    ApiKey,
    Credentials,
    Credential,
    ManagementApi,
    State,
    RedisAuth,
    /// An address, unless someone wrote a secret into it.
    RedisUrl,
    /// A file or a variable that holds a secret, unless someone wrote the secret itself.
    WayToSecret,
}

/// Everything that may be a key: each `value`, and whatever else stands under `apiKeys`, or the like, without
/// being a setting that is known to be harmless. Keys written where a mapping belongs, or under a
/// misspelt name, are keys all the same.
fn collect(node: &Node, inside: Inside, secrets: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let name = entry.key.as_str();
                let is_shown = match inside {
                    Inside::ApiKeys | Inside::ApiKey => SHOWN.contains(&name),
                    Inside::Credential => SHOWN_OF_CREDENTIALS.contains(&name),
                    Inside::State | Inside::RedisAuth => {
                        SHOWN_OF_STATE.contains(&name) && entry.value.as_mapping().is_none()
                    }
                    _ => false,
                };
                if is_shown {
                    continue;
                }
                if is_bare_key(name, &entry.value, inside) {
                    secrets.push(entry.key_span.clone());
                }
                let inside = match (inside, name) {
                    (Inside::Elsewhere, "apiKeys") => Inside::ApiKeys,
                    (Inside::Elsewhere, "credentials") => Inside::Credentials,
                    (Inside::Elsewhere, "managementApi") => Inside::ManagementApi,
                    (Inside::Elsewhere, "state") => Inside::State,
                    (Inside::State, "url") => Inside::RedisUrl,
                    (Inside::State | Inside::RedisAuth, "tokenFile" | "passwordFile") => {
                        Inside::WayToSecret
                    }
                    (Inside::State, "auth") | (Inside::RedisAuth, _) => Inside::RedisAuth,
                    (Inside::State | Inside::RedisUrl, _) => Inside::State,
                    (Inside::ManagementApi, WAY_TO_TOKEN) => Inside::WayToSecret,
                    (Inside::ManagementApi, _) => Inside::ManagementApi,
                    (Inside::Credential, name) if WAYS_TO_SECRETS.contains(&name) => {
                        Inside::WayToSecret
                    }
                    (Inside::Credentials | Inside::Credential | Inside::WayToSecret, _) => {
                        Inside::Credential
                    }
                    (Inside::Elsewhere, "value") | (Inside::ApiKeys | Inside::ApiKey, _) => {
                        Inside::ApiKey
                    }
                    (Inside::Elsewhere, _) => Inside::Elsewhere,
                };
                collect(&entry.value, inside, secrets);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                collect(item, inside, secrets);
            }
        }
        Value::String(text) if inside == Inside::WayToSecret && !looks_like_a_secret(text) => {}
        Value::String(text) if inside == Inside::RedisUrl && !text.contains(['@', '?', '#']) => {}
        Value::String(_) | Value::Integer(_) | Value::Float(_) if inside != Inside::Elsewhere => {
            secrets.push(node.span.clone());
        }
        _ => {}
    }
}

/// Whether a name may be a key rather than a name. `{acme: {THE_KEY}}` reads as a setting of that name,
/// and so does what follows a comma in a key without quotes.
fn is_bare_key(name: &str, value: &Node, inside: Inside) -> bool {
    match inside {
        Inside::Elsewhere => false,
        Inside::ApiKeys => value.as_mapping().is_none() && name.len() >= SHORTEST_KEY,
        Inside::ApiKey => value.is_null() && !HIDDEN.contains(&name),
        Inside::ManagementApi => !TOKEN.contains(&name),
        Inside::RedisAuth => !AUTH.contains(&name),
        Inside::State | Inside::RedisUrl => value.is_null() && name.len() >= SHORTEST_KEY,
        Inside::Credentials => value.as_mapping().is_none() && name.len() >= SECRET_ACCESS_KEY,
        Inside::Credential | Inside::WayToSecret => {
            value.is_null() && !WAYS_TO_SECRETS.contains(&name)
        }
    }
}

/// Whether a text that should be the way to a secret may be the secret itself: AWS's are forty
/// characters of base64, or more.
pub(crate) fn looks_like_a_secret(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    text.len() >= SECRET_ACCESS_KEY && text.bytes().all(known)
}

fn hide(text: &str, mut secrets: Vec<Range<usize>>) -> String {
    secrets.sort_by_key(|span| span.start);
    let mut ahead = secrets.iter().peekable();
    // Spans from aliases overlap, so the end of what is hidden only moves forward.
    let mut hidden_until = 0;
    let mut shown = String::with_capacity(text.len());
    for (index, character) in text.char_indices() {
        while let Some(span) = ahead.next_if(|span| span.start <= index) {
            hidden_until = hidden_until.max(span.end);
        }
        if index < hidden_until && !matches!(character, '\n' | '\r') {
            shown.extend(std::iter::repeat_n('*', character.len_utf8()));
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests;
