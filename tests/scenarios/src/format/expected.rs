//! What clients, upstreams and called services are to see.
//!
//! `<any>` in an expected path, in a value of a header field, in a body and in a text of JSON stands
//! for any characters, also none.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What the client is to see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expected {
    /// The HTTP status.
    pub status: u16,
    /// Header fields with their values. Several values of a field are joined with `, `.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Header fields that are not there.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The body.
    #[serde(default)]
    pub body: Option<String>,
    /// The body as JSON; see [`Sees::json`].
    #[serde(default)]
    pub json: Option<Value>,
}

/// What the upstreams are to see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum UpstreamExpected {
    /// No upstream sees anything.
    Nothing,
    /// One upstream sees one request, and no other any.
    Sees(Box<Sees>),
}

/// What one upstream is to see.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Sees {
    /// Which upstream; any when absent.
    pub at: Option<String>,
    /// The method; any when absent.
    pub method: Option<String>,
    /// The path with its query; any when absent.
    pub path: Option<String>,
    /// Header fields with their values. Several values of a field are joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// Header fields that are not there.
    pub absent: Vec<String>,
    /// The body; any when absent.
    pub body: Option<String>,
    /// The body as JSON, whatever the order of its fields; any when absent. The text `<any>`
    /// stands for any value at all. An object has exactly the fields that are said, unless one of
    /// them is `<others>`, whatever its value.
    pub json: Option<Value>,
}

/// What a called service is to see: how often it is asked, and what each time.
#[derive(Clone, Debug)]
pub struct CalloutExpected {
    /// How often, at least and at most.
    pub times: (usize, usize),
    /// What it sees each time.
    pub sees: Sees,
}

impl<'de> Deserialize<'de> for CalloutExpected {
    /// A number of times, or what is seen, with `times` or `atMost` among it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Fields {
            times: Option<usize>,
            at_most: Option<usize>,
            method: Option<String>,
            path: Option<String>,
            #[serde(default)]
            headers: BTreeMap<String, String>,
            #[serde(default)]
            absent: Vec<String>,
            body: Option<String>,
            json: Option<Value>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = CalloutExpected;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("how often the service is asked, or what it sees")
            }

            fn visit_u64<E: Error>(self, times: u64) -> Result<Self::Value, E> {
                let times = usize::try_from(times).map_err(E::custom)?;
                Ok(CalloutExpected {
                    times: (times, times),
                    sees: Sees::default(),
                })
            }

            fn visit_i64<E: Error>(self, times: i64) -> Result<Self::Value, E> {
                self.visit_u64(u64::try_from(times).map_err(E::custom)?)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
                let times = match (fields.times, fields.at_most) {
                    (Some(_), Some(_)) => {
                        return Err(A::Error::custom("either `times` or `atMost`"));
                    }
                    (None, Some(most)) => (0, most),
                    (times, None) => (times.unwrap_or(1), times.unwrap_or(1)),
                };
                Ok(CalloutExpected {
                    times,
                    sees: Sees {
                        at: None,
                        method: fields.method,
                        path: fields.path,
                        headers: fields.headers,
                        absent: fields.absent,
                        body: fields.body,
                        json: fields.json,
                    },
                })
            }
        }

        deserializer.deserialize_any(Either)
    }
}
