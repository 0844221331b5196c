//! What a token claims.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// The claims of a token: those that are judged, and all of them as the texts that an API sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// `iss`
    pub issuer: Option<String>,
    /// `sub`
    pub subject: Option<String>,
    /// `aud`: one or several.
    pub audience: Option<Vec<String>>,
    /// `exp`, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// `nbf`, in seconds since 1970.
    pub not_before: Option<u64>,
    /// `iat`, in seconds since 1970.
    pub issued_at: Option<u64>,
    /// `client_id`
    pub client_id: Option<String>,
    /// `token_use`: what Cognito has made the token for.
    pub token_use: Option<String>,
    /// `scope` and `scp`, each a list or words separated by spaces.
    pub scopes: Vec<String>,
    /// Every claim as its text, each a JSON string.
    pub texts: Arc<Map<String, Value>>,
    /// The names of the claims that are not strings themselves, sorted.
    others: Vec<Box<str>>,
}

/// How claims that are not strings become texts. Numbers are always written as in the token, and
/// objects as JSON; a claim that is `null` is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// HTTP APIs: lists as `[a b]`.
    Http,
    /// REST APIs: lists as `a,b`, and the times `exp`, `iat` and `nbf` as
    /// `Tue Apr 04 18:39:39 UTC 2023`.
    Rest,
}

impl Claims {
    /// Reads claims. `None` when they are not a JSON object, have a name twice, or a registered
    /// claim is not of its type.
    #[must_use]
    pub fn read(text: &[u8], rendering: Rendering) -> Option<Self> {
        let Members(members) = serde_json::from_slice(text).ok()?;
        let string = |name: &str| match members.get(name) {
            None => Some(None),
            Some(value) => serde_json::from_str::<Option<String>>(value.get()).ok(),
        };
        let time = |name: &str| match members.get(name) {
            None => Some(None),
            Some(value) => seconds(value.get()).map(Some),
        };
        // Nobody asks for these two here, but their types are given all the same.
        string("jti")?;
        string("nonce")?;
        let mut claims = Self {
            issuer: string("iss")?,
            subject: string("sub")?,
            audience: match members.get("aud") {
                None => None,
                Some(value) => Some(strings(value.get())?),
            },
            expires_at: time("exp")?,
            not_before: time("nbf")?,
            issued_at: time("iat")?,
            client_id: string("client_id").flatten(),
            token_use: string("token_use").flatten(),
            ..Self::default()
        };
        for name in ["scope", "scp"] {
            let scopes = members.get(name).and_then(|value| strings(value.get()));
            let words = scopes.iter().flatten().flat_map(|list| list.split(' '));
            let words = words.filter(|word| !word.is_empty());
            claims.scopes.extend(words.map(str::to_owned));
        }
        let mut texts = Map::new();
        for (name, value) in members {
            if !value.get().starts_with('"') {
                claims.others.push(name.as_str().into());
            }
            if let Some(text) = rendered(&name, value.get(), rendering)? {
                texts.insert(name, Value::String(text));
            }
        }
        claims.texts = Arc::new(texts);
        Some(claims)
    }

    /// The value of a claim that is a string.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&str> {
        let is_other = self
            .others
            .binary_search_by(|other| (**other).cmp(name))
            .is_ok();
        match self.texts.get(name) {
            Some(Value::String(text)) if !is_other => Some(text),
            _ => None,
        }
    }

    /// Whether the token has a claim of this name at all.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        // One that is `null` has no text.
        self.texts.contains_key(name)
    }

    /// About how much memory the claims take, in bytes.
    pub(super) fn size(&self) -> usize {
        // Of a member in a map, over its texts.
        const MEMBER: usize = 96;
        let texts = self
            .texts
            .iter()
            .map(|(name, text)| MEMBER + name.len() + text.as_str().map_or(0, str::len));
        let audience = self.audience.iter().flatten();
        let lists = audience.chain(&self.scopes).map(|word| MEMBER + word.len());
        let others = self.others.iter().map(|name| MEMBER + name.len());
        texts.chain(lists).chain(others).sum()
    }
}

/// The members of an object as they are written, without a name twice.
struct Members<'t>(BTreeMap<String, &'t RawValue>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            if members.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a name comes twice"));
            }
        }
        Ok(Members(members))
    }
}

/// A NumericDate (RFC 7519, section 2) in whole seconds. `None` for one that is no number, or an
/// integer before 1970.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "fractions of seconds do not count, and a time out of range is the nearest in it"
)]
fn seconds(text: &str) -> Option<u64> {
    let number: Number = serde_json::from_str(text).ok()?;
    match number.as_u64() {
        Some(seconds) => Some(seconds),
        None if number.is_i64() => None,
        None => number.as_f64().map(|seconds| seconds as u64),
    }
}

/// A string, or a list of strings.
fn strings(text: &str) -> Option<Vec<String>> {
    if text.starts_with('"') {
        return Some(vec![serde_json::from_str(text).ok()?]);
    }
    serde_json::from_str(text).ok()
}

/// The text of a claim: `Some(None)` for `null`, `None` for a value that cannot be read.
#[expect(
    clippy::option_option,
    reason = "there is no text, and there is no value"
)]
fn rendered(name: &str, raw: &str, rendering: Rendering) -> Option<Option<String>> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str(raw).ok().map(Some),
        b'n' => Some(None),
        b'{' => {
            let object: Value = serde_json::from_str(raw).ok()?;
            Some(Some(object.to_string()))
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
            let mut texts = Vec::with_capacity(items.len());
            for item in items {
                // A list in a list is written as JSON, which bounds the depth.
                let text = match item.get() {
                    nested if nested.starts_with('[') => {
                        let list: Value = serde_json::from_str(nested).ok()?;
                        list.to_string()
                    }
                    item => rendered("", item, rendering)?.unwrap_or_else(|| "null".to_owned()),
                };
                texts.push(text);
            }
            Some(Some(match rendering {
                Rendering::Http => format!("[{}]", texts.join(" ")),
                Rendering::Rest => texts.join(","),
            }))
        }
        _ => {
            let is_time = rendering == Rendering::Rest && matches!(name, "exp" | "iat" | "nbf");
            let date = is_time.then(|| seconds(raw).and_then(date)).flatten();
            Some(Some(date.unwrap_or_else(|| raw.to_owned())))
        }
    }
}

/// A time as Java writes it: `Tue Apr 04 18:39:39 UTC 2023`. `None` after the year 9999.
fn date(seconds: u64) -> Option<String> {
    const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let moment = jiff::Timestamp::from_second(i64::try_from(seconds).ok()?).ok()?;
    let time = TimeZone::UTC.to_datetime(moment);
    let weekday = usize::from(time.weekday().to_monday_zero_offset().unsigned_abs());
    let month = usize::from(time.month().unsigned_abs()).checked_sub(1)?;
    Some(format!(
        "{} {} {:02} {:02}:{:02}:{:02} UTC {}",
        WEEKDAYS.get(weekday)?,
        MONTHS.get(month)?,
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.year()
    ))
}

#[cfg(test)]
mod tests;
