//! The form of the tests.

use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `required`: the standard demands it; `optimal`: a good cache does it; `check`: a question.
    #[serde(default = "required")]
    pub(crate) kind: String,
    pub(crate) requests: Vec<Step>,
    #[serde(default)]
    pub(crate) browser_only: bool,
    #[serde(rename = "suite")]
    _suite: String,
    #[serde(default, rename = "depends_on")]
    _depends_on: Vec<String>,
    #[serde(default, rename = "spec_anchors")]
    _spec_anchors: Vec<String>,
    #[serde(default, rename = "browser_skip")]
    _browser_skip: bool,
    #[serde(default, rename = "cdn_only")]
    _cdn_only: bool,
    #[serde(default, rename = "description")]
    _description: String,
}

fn required() -> String {
    "required".to_owned()
}

impl Case {
    pub(crate) fn is_required(&self) -> bool {
        self.kind == "required"
    }
}

/// One request, what the origin answers if it sees it, and what the client is to see.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) request_method: Option<String>,
    pub(crate) request_headers: Vec<Field>,
    pub(crate) request_body: Option<String>,
    pub(crate) query_arg: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) pause_after: bool,
    pub(crate) magic_locations: bool,
    pub(crate) magic_ims: bool,
    pub(crate) rfc850date: Vec<String>,
    pub(crate) disconnect: bool,
    /// In seconds.
    pub(crate) response_pause: Option<u64>,
    pub(crate) response_status: Option<(u16, String)>,
    pub(crate) response_headers: Vec<Field>,
    pub(crate) response_body: Option<String>,
    pub(crate) interim_responses: Vec<Vec<Value>>,
    pub(crate) check_body: Option<bool>,
    pub(crate) expected_type: Option<String>,
    /// `null`: any.
    #[serde(deserialize_with = "present")]
    pub(crate) expected_status: Option<Option<u16>>,
    pub(crate) expected_request_headers: Vec<Field>,
    pub(crate) expected_request_headers_missing: Vec<Field>,
    pub(crate) expected_response_headers: Vec<Field>,
    pub(crate) expected_response_headers_missing: Vec<Field>,
    #[serde(deserialize_with = "present")]
    pub(crate) expected_response_text: Option<Option<String>>,
    pub(crate) expected_interim_responses: Vec<Vec<Value>>,
    pub(crate) expected_method: Option<String>,
    /// Whether a failure here says nothing of what is tried.
    pub(crate) setup: bool,
    /// The checks of which a failure says nothing of what is tried.
    pub(crate) setup_tests: Vec<String>,
    #[serde(rename = "redirect")]
    pub(crate) _redirect: Option<String>,
    #[serde(rename = "cache")]
    pub(crate) _cache: Option<String>,
    #[serde(rename = "mode")]
    pub(crate) _mode: Option<String>,
    #[serde(rename = "credentials")]
    pub(crate) _credentials: Option<String>,
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl Step {
    pub(crate) fn is_setup(&self, check: &str) -> bool {
        self.setup || self.setup_tests.iter().any(|it| it == check)
    }

    pub(crate) fn method(&self) -> &str {
        self.request_method.as_deref().unwrap_or("GET")
    }
}

/// A header field as the tests write it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Field {
    Name(String),
    Pair(String, Value),
    /// The third says of a field of a response whether the client is to see the same, and of an
    /// expected one to what the second compares.
    Triple(String, Value, Value),
}

impl Field {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Pair(name, _) | Self::Triple(name, ..) => name,
        }
    }

    pub(crate) fn value(&self) -> Option<&Value> {
        match self {
            Self::Name(_) => None,
            Self::Pair(_, value) | Self::Triple(_, value, _) => Some(value),
        }
    }

    /// The value as it is sent: a number is a date, so many seconds from `now` (in milliseconds),
    /// and a location may be one below `base`.
    pub(crate) fn text(&self, step: &Step, now: u64, base: &str) -> String {
        let name = self.name().to_ascii_lowercase();
        match self.value() {
            Some(Value::Number(offset)) if is_date(&name) => {
                let seconds = (now / 1_000).saturating_add_signed(offset.as_i64().unwrap());
                date(seconds, step.rfc850date.contains(&name))
            }
            Some(Value::String(text)) if step.magic_locations && is_location(&name) => {
                if text.is_empty() {
                    base.to_owned()
                } else {
                    format!("{base}/{text}")
                }
            }
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        }
    }
}

fn is_date(name: &str) -> bool {
    [
        "date",
        "expires",
        "last-modified",
        "if-modified-since",
        "if-unmodified-since",
    ]
    .contains(&name)
}

fn is_location(name: &str) -> bool {
    ["location", "content-location"].contains(&name)
}

/// A date as HTTP writes it, computed here so that the tests do not trust what they try.
pub(crate) fn date(seconds: u64, rfc850: bool) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAYS: [&str; 7] = [
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
    ];
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut days = seconds / 86_400;
    let weekday = DAYS[usize::try_from(days % 7).unwrap()];
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (day, month) = (days + 1, MONTHS[month]);
    let time = format!(
        "{:02}:{:02}:{:02} GMT",
        seconds / 3_600 % 24,
        seconds / 60 % 60,
        seconds % 60
    );
    if rfc850 {
        format!("{weekday}, {day:02}-{month}-{:02} {time}", year % 100)
    } else {
        format!("{weekday:.3}, {day:02} {month} {year} {time}")
    }
}

/// Text in the bytes of ISO 8859-1, as header fields have them.
pub(crate) fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?'))
        .collect()
}

pub(crate) fn from_latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
