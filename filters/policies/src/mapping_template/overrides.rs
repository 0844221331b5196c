//! What templates set beside a body: `$context.requestOverride` and `$context.responseOverride`.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-override-request-response-parameters.html>

use attache_values::{Map, Number, Value};

/// What a request's template sets for the back end. Names are as the template writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestOverrides {
    /// `requestOverride.header`; a field with several values becomes several lines.
    pub headers: Vec<(String, Vec<String>)>,
    /// `requestOverride.querystring`
    pub query: Vec<(String, Vec<String>)>,
    /// `requestOverride.path`
    pub path: Vec<(String, String)>,
}

/// What either template sets for the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseOverrides {
    /// `responseOverride.status`: an integer from 100 to 599, all else is ignored.
    pub status: Option<u16>,
    /// `responseOverride.header`; a field with several values becomes several lines.
    pub headers: Vec<(String, Vec<String>)>,
}

impl RequestOverrides {
    pub(super) fn read(context: &Map) -> Self {
        let Some(set) = map(context, "requestOverride") else {
            return Self::default();
        };
        let path = fields(&set, "path").into_iter();
        Self {
            headers: fields(&set, "header"),
            query: fields(&set, "querystring"),
            path: path
                .filter_map(|(name, values)| Some((name, values.into_iter().next_back()?)))
                .collect(),
        }
    }
}

impl ResponseOverrides {
    pub(super) fn read(context: &Map) -> Self {
        let Some(set) = map(context, "responseOverride") else {
            return Self::default();
        };
        let status = match set.get("status") {
            Some(Value::Number(Number::Integer(status))) => u16::try_from(status).ok(),
            _ => None,
        };
        Self {
            status: status.filter(|status| (100..=599).contains(status)),
            headers: fields(&set, "header"),
        }
    }
}

fn map(of: &Map, name: &str) -> Option<Map> {
    match of.get(name) {
        Some(Value::Map(map)) => Some(map),
        _ => None,
    }
}

/// Each name with its values; a name whose value is null is as if it were not there.
fn fields(set: &Map, name: &str) -> Vec<(String, Vec<String>)> {
    let Some(fields) = map(set, name) else {
        return Vec::new();
    };
    let entries = (0..fields.len()).filter_map(|position| fields.entry(position));
    entries
        .filter_map(|(name, value)| {
            let values: Vec<_> = match &value {
                Value::List(list) => list.to_vec().iter().filter_map(text).collect(),
                value => text(value).into_iter().collect(),
            };
            (!values.is_empty()).then(|| (name.to_string(), values))
        })
        .collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        value => {
            let mut text = String::new();
            value.print(&mut text);
            Some(text)
        }
    }
}
