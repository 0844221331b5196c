use schemars::JsonSchema;
use serde::Deserialize;

use crate::document::{Node, Value};

/// The most that a cache may hold, in MiB.
const LARGEST_MIB: u32 = 65_536;

/// How many MiB a GB of AWS's `cacheClusterSize` has.
const MIB_PER_GB: f64 = 1024.0;

/// The response cache of a stage. Which methods answer from it is for `cachingEnabled` in
/// `methodSettings` to say: the cache alone, as on AWS, keeps nothing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "cache cluster")]
pub struct CacheCluster {
    /// Whether the stage has a cache (AWS: `cacheClusterEnabled`).
    pub enabled: bool,
    /// How much of Envoy's memory the cache may take, in MiB (AWS: `cacheClusterSize`, in GB). What
    /// is used least for the room that it takes makes room; a response that takes more than half of it is not
    /// kept, so those of 1 MiB, the longest, need 3. Each stage has a cache of its own.
    #[serde(rename = "sizeMiB", default = "size_mib")]
    #[schemars(range(min = 1, max = 65536))]
    pub size_mib: u32,
    /// Whether gateways share what they keep: a response that one of them has fetched is found by
    /// the others in `state.redis`, for the rest of its lifetime, and what is flushed at one is
    /// flushed at all. So it is with what Lambda authorizers have said, for which there must be a key
    /// in `ATTACHE_SECRETS_KEY`. Each gateway still has a cache of its own, which it asks first. Only
    /// in the mode `api-gateway`.
    #[serde(default)]
    pub shared: bool,
    /// How the lifetime of a response is found: `api-gateway` goes by `cacheTtlInSeconds`, whatever
    /// the back end says; `http` by its `Cache-Control`, `Expires` and `Vary`, as RFC 9111 asks, and
    /// by `cacheTtlInSeconds` where it says nothing. What is stale is fetched as a whole; the filter
    /// `response_cache.wasm` asks whether it still holds.
    #[serde(default)]
    pub mode: CacheMode,
    /// How long a request waits at most for the answer to another one with the same key before it
    /// asks the back end itself, in milliseconds; 0 for not at all.
    #[serde(default = "longest_wait_millis")]
    #[schemars(range(min = 0, max = 29000))]
    pub longest_wait_millis: u32,
}

const fn size_mib() -> u32 {
    64
}

const fn longest_wait_millis() -> u32 {
    5_000
}

/// How the lifetime of a response is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum CacheMode {
    /// By the method's setting.
    #[default]
    ApiGateway,
    /// By the response's own words.
    Http,
}

/// What becomes of a request for a fresh response from someone who may not ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub enum UnauthorizedCacheControlHeaderStrategy {
    /// It is refused.
    #[serde(rename = "FAIL_WITH_403")]
    FailWith403,
    /// It is answered from the cache, and the answer says so in `Warning`.
    #[default]
    SucceedWithResponseHeader,
    /// It is answered from the cache.
    SucceedWithoutResponseHeader,
}

/// What to write for AWS's own settings of a stage's cache: `owner` is the title of the settings in
/// which `name` stands with this value.
pub(super) fn advice(owner: &str, name: &str, value: &Node) -> Option<String> {
    match (owner, name) {
        ("stage", "cacheClusterEnabled") => {
            Some("write `cacheCluster: {enabled: true}`".to_owned())
        }
        ("stage", "cacheClusterSize") => Some(match mebibytes(value) {
            Some(Size::Fits(size)) => format!(
                "write `cacheCluster: {{enabled: true, sizeMiB: {size}}}`, which is as much"
            ),
            Some(Size::TooLarge) => format!(
                "write `cacheCluster: {{enabled: true, sizeMiB: {LARGEST_MIB}}}`, the most that \
                 there is"
            ),
            None => "write `cacheCluster: {enabled: true, sizeMiB: 64}`".to_owned(),
        }),
        ("cache cluster", "cacheClusterSize" | "size" | "sizeGB" | "capacity") => {
            Some(match mebibytes(value) {
                Some(Size::Fits(size)) => format!("write `sizeMiB: {size}`, which is as much"),
                Some(Size::TooLarge) => {
                    format!("write `sizeMiB: {LARGEST_MIB}`, the most that there is")
                }
                None => "write `sizeMiB: 64`, a whole number of MiB".to_owned(),
            })
        }
        _ => None,
    }
}

enum Size {
    Fits(u32),
    TooLarge,
}

/// AWS's size, such as `"0.5"`, in MiB.
fn mebibytes(value: &Node) -> Option<Size> {
    let gigabytes = match &value.value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.to_json().as_f64(),
    };
    let size = gigabytes.filter(|size: &f64| *size > 0.0)? * MIB_PER_GB;
    if size > f64::from(LARGEST_MIB) {
        return Some(Size::TooLarge);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the largest"
    )]
    Some(Size::Fits((size.round() as u32).max(1)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::advice;
    use crate::diagnostic::Report;
    use crate::document::Document;

    #[test]
    fn the_sizes_of_aws_are_told_in_mebibytes() {
        for (written, told) in [
            ("'0.5'", "sizeMiB: 512`"),
            ("0.5", "sizeMiB: 512`"),
            ("'1.6'", "sizeMiB: 1638`"),
            ("'58.2'", "sizeMiB: 59597`"),
            ("64", "sizeMiB: 65536`"),
            ("'118'", "sizeMiB: 65536`, the most"),
            ("'237'", "sizeMiB: 65536`, the most"),
            ("0.0001", "sizeMiB: 1`"),
            ("0", "sizeMiB: 64`"),
            ("-1", "sizeMiB: 64`"),
            ("'1 GB'", "sizeMiB: 64`"),
            (".nan", "sizeMiB: 64`"),
            ("{}", "sizeMiB: 64`"),
        ] {
            let text = format!("cacheClusterSize: {written}\n");
            let mut report = Report::new();
            let document = Document::parse(Path::new("a.yaml"), text.as_bytes(), &mut report);
            let document = document.expect("a tree");
            let value = document.root.get("cacheClusterSize").expect("a value");
            for (owner, shown) in [
                ("cache cluster", told.to_owned()),
                ("stage", told.replace('`', "}`")),
            ] {
                let advice = advice(owner, "cacheClusterSize", value).expect("advice");
                assert!(advice.contains(&shown), "{written}: {advice}");
            }
            assert_eq!(advice("API", "cacheClusterSize", value), None);
        }
    }
}
