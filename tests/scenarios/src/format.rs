//! The format of a scenario file. Unknown fields are errors.

mod expected;
mod identity;
mod request;
mod service;

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use serde::Deserialize;

pub use expected::{CalloutExpected, Expected, Sees, UpstreamExpected};
pub use identity::{Algorithm, Key, Presigned, Signature, Signed, Token};
pub use request::{Request, Values};
pub use service::{Rule, Upstream};

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
    /// The services that the gateway itself calls, such as authorizers and issuers of tokens, by
    /// name. `{{name}}` stands for the address of these too.
    #[serde(default)]
    pub callouts: BTreeMap<String, Upstream>,
    /// Keys that sign tokens, by their `kid`. `{{jwks NAME…}}`, in the configuration's files and
    /// in what services answer, stands for the set of these keys' public halves.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
    /// Tokens by name. `{{token NAME}}` in a request stands for the token, made when it is sent.
    #[serde(default)]
    pub tokens: BTreeMap<String, Token>,
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
    /// What upstreams and services do from here on, by name, in place of what they did.
    #[serde(default)]
    pub scripts: BTreeMap<String, Upstream>,
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
    /// What the services by name are asked, over all times and connections. Services that are not
    /// named are not looked at.
    #[serde(default)]
    pub callouts: BTreeMap<String, CalloutExpected>,
    /// Fields that the access log's line of each request has, with their values. The log has to
    /// be configured.
    #[serde(default)]
    pub logged: BTreeMap<String, String>,
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

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// What does not fit the format, with its line.
    pub fn read(text: &str) -> Result<Self, String> {
        // `n` is a text, as in the current YAML.
        let options = serde_saphyr::options! { strict_booleans: true };
        let scenario: Self = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| error.to_string())?;
        for (number, exchange) in scenario.exchanges.iter().enumerate() {
            scenario
                .check(exchange)
                .map_err(|fault| format!("exchange {number}: {fault}"))?;
        }
        if let Some(name) = scenario
            .upstreams
            .keys()
            .find(|name| scenario.callouts.contains_key(*name))
        {
            return Err(format!("`{name}` is an upstream and a callout"));
        }
        if scenario.exchanges.is_empty() {
            return Err("no exchanges".to_owned());
        }
        Ok(scenario)
    }

    /// The upstreams and the called services.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&String, &Upstream)> {
        self.upstreams.iter().chain(&self.callouts)
    }

    /// What serde cannot check.
    fn check(&self, exchange: &Exchange) -> Result<(), String> {
        let in_memory = matches!(self.only, Some(Only::Memory(_)));
        if exchange.advance.is_some() && !in_memory {
            return Err(
                "`advance` moves the clock, so the scenario is `only: {memory: …}`".to_owned(),
            );
        }
        if exchange.request.needs_memory() && !in_memory {
            return Err(
                "a `sourceAddress` outside of 127.0.0.0/8, or a `clientCertificate`, is for \
                 scenarios that are `only: {memory: …}`"
                    .to_owned(),
            );
        }
        if exchange.expect.is_none() && exchange.statuses.is_none() {
            return Err("nothing is expected of it: add `expect` or `statuses`".to_owned());
        }
        let unknown = exchange
            .scripts
            .keys()
            .find(|name| !self.upstreams.contains_key(*name) && !self.callouts.contains_key(*name))
            .or_else(|| {
                exchange
                    .callouts
                    .keys()
                    .find(|name| !self.callouts.contains_key(*name))
            });
        match unknown {
            Some(name) => Err(format!("there is no service `{name}`")),
            None => Ok(()),
        }
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
