//! The format of a scenario file. Unknown fields are errors.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;

/// One scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub description: String,
    /// Where alone it is played; everywhere when absent.
    #[serde(default)]
    pub only: Option<Only>,
    /// What is configured.
    pub configuration: Configuration,
    /// The upstreams by name. `{{name}}` in the configuration's files stands for the address.
    #[serde(default)]
    pub upstreams: BTreeMap<String, Upstream>,
    /// What the services do that the gateway itself calls, by the name of their cluster.
    #[serde(default)]
    pub callouts: BTreeMap<String, Upstream>,
    /// What happens, in order.
    pub exchanges: Vec<Exchange>,
}

/// The one place where a scenario is played, and why.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Only {
    /// Only in memory, for this reason.
    Memory(String),
    /// Only in a real Envoy, for this reason.
    Envoy(String),
}

/// The files that the gateway is configured with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Configuration {
    /// The files themselves, by name.
    Files(BTreeMap<String, String>),
    /// A folder of the project, by its path from the project's root. Its files are copied.
    Folder(String),
}

/// What an upstream does.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Upstream {
    /// It accepts no connection.
    Refuses,
    /// It does what is said for a method and path (`GET /pets`, with or without the query), or
    /// else for `*`. A request for which nothing is said fails the scenario.
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

const fn once() -> usize {
    1
}

/// One request, sent once or several times, and what is expected of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exchange {
    /// How far the clock is moved before. Only where the clock can be moved: in memory.
    #[serde(default)]
    pub advance: Option<Advance>,
    /// What the client sends.
    pub request: Request,
    /// How often, one after the other.
    #[serde(default = "once")]
    pub times: usize,
    /// Over how many connections at once, each of which sends `times` requests. In memory, the
    /// workers take turns.
    #[serde(default = "once")]
    pub connections: usize,
    /// What the client is to see each time.
    #[serde(default)]
    pub expect: Option<Expected>,
    /// How often the client is to see each status, over all times and connections.
    #[serde(default)]
    pub statuses: Option<BTreeMap<u16, usize>>,
    /// What the upstream is to see each time. Nothing is checked when absent.
    #[serde(default)]
    pub upstream: Option<UpstreamExpected>,
}

/// A duration by its parts, which add up.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Advance {
    /// Days of 24 hours.
    pub days: u64,
    /// Hours.
    pub hours: u64,
    /// Minutes.
    pub minutes: u64,
    /// Seconds.
    pub seconds: u64,
    /// Milliseconds.
    pub millis: u64,
}

/// What a client sends.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The path with its query, as it goes over the wire.
    pub path: String,
    /// The header fields. `host` is the address of the gateway when absent.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, with its `content-length`.
    #[serde(default)]
    pub body: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

/// What the client is to see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expected {
    /// The HTTP status.
    pub status: u16,
    /// Header fields with their exact values, or `<any>`. Several values are joined with `, `.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Header fields that are not there.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The exact body.
    #[serde(default)]
    pub body: Option<String>,
}

/// What the upstreams are to see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum UpstreamExpected {
    /// No upstream sees anything.
    Nothing,
    /// One upstream sees one request, and no other any.
    Sees(Sees),
}

/// What one upstream is to see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sees {
    /// Which upstream; any when absent.
    #[serde(default)]
    pub at: Option<String>,
    /// The method; any when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// The path with its query; any when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// Header fields with their exact values, or `<any>`. Several values are joined with `, `.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Header fields that are not there.
    #[serde(default)]
    pub absent: Vec<String>,
    /// The exact body; any when absent.
    #[serde(default)]
    pub body: Option<String>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// What does not fit the format, with its line.
    pub fn read(text: &str) -> Result<Self, String> {
        let scenario: Self = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        for (number, exchange) in scenario.exchanges.iter().enumerate() {
            if exchange.advance.is_some() && !matches!(scenario.only, Some(Only::Memory(_))) {
                return Err(format!(
                    "exchange {number}: `advance` moves the clock, so the scenario is \
                     `only: {{memory: …}}`"
                ));
            }
            if exchange.expect.is_none() && exchange.statuses.is_none() {
                return Err(format!(
                    "exchange {number}: nothing is expected of it: add `expect` or `statuses`"
                ));
            }
        }
        if scenario.exchanges.is_empty() {
            return Err("no exchanges".to_owned());
        }
        Ok(scenario)
    }

    /// All scenarios of a folder, by name.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read, by name.
    pub fn all(folder: &Path) -> Result<BTreeMap<String, Self>, String> {
        let mut scenarios = BTreeMap::new();
        let files: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
        for file in files.map_err(|error| format!("`{}`: {error}", folder.display()))? {
            let path = file.path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let name = path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            let scenario = fs::read_to_string(&path)
                .map_err(|error| error.to_string())
                .and_then(|text| Self::read(&text))
                .map_err(|error| format!("`{}`: {error}", path.display()))?;
            scenarios.insert(name, scenario);
        }
        Ok(scenarios)
    }
}

impl From<Advance> for std::time::Duration {
    fn from(advance: Advance) -> Self {
        let Advance {
            days,
            hours,
            minutes,
            seconds,
            millis,
        } = advance;
        Self::from_secs(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
            + Self::from_millis(millis)
    }
}
