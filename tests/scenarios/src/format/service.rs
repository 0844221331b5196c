//! What upstreams and called services do.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What an upstream does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Upstream {
    /// It accepts no connection.
    Refuses,
    /// It does what is said for a method and path (`GET /pets`, with or without the query), or
    /// else for `*`. A request for which nothing is said fails the scenario.
    ///
    /// `GET /pets FIELD=VALUE`, also `* FIELD=VALUE`, is for requests whose body is JSON with this
    /// value in this field, and comes before the same without. `FIELD` names a field of a field by
    /// a dot (`requestContext.stage`), and an item of a list by its number (`identitySource.0`);
    /// `VALUE` is everything after the first `=`, as text.
    Answers(BTreeMap<String, Rule>),
}

/// What an upstream does with a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Rule {
    /// It answers.
    Answer {
        /// The HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// The header fields; `content-length` is added.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body.
        #[serde(default)]
        body: String,
        /// After how many milliseconds.
        #[serde(default, rename = "delayMillis")]
        delay_millis: u64,
    },
    /// It closes the connection instead of an answer.
    Closes,
    /// It sends what is not HTTP.
    Garbage,
    /// It sends a head and a part of its body, and closes the connection.
    BreaksOff {
        /// The HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// What it sends of the body.
        body: String,
    },
    /// It never answers.
    Never,
}

const fn ok() -> u16 {
    200
}
