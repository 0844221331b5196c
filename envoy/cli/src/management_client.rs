//! The way from a command to the management API of a gateway that runs.

use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attache_model::Secret;
use serde_json::Value as Json;
use ureq::http::{Request, Uri};
use ureq::{Agent, AsSendBody};

use crate::command_line::REFUSED;
use crate::configuration::Configuration;
use crate::diagnostic::Report;
use crate::memory_proxy::agent;
use crate::plain_http::is_readable_on_the_way;
use crate::project;
use crate::running::Running;
use crate::terminal::Terminal;

/// The environment variable that may hold the token.
const VARIABLE: &str = "ATTACHE_MANAGEMENT_TOKEN";

/// Where `attache run` serves unless told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// How long the gateway may take.
const TIMEOUT_MILLIS: u32 = 10_000;

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 32 * 1024 * 1024;

/// The exit code for arguments that do not fit together or do not fit the configuration.
const MISUSED: u8 = 2;

/// What was typed of the way to a gateway.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    /// The folder of the configuration, or the file.
    pub(crate) path: &'a Path,
    pub(crate) url: Option<&'a str>,
    pub(crate) token_file: Option<&'a Path>,
}

/// Why nothing was done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are at fault.
    Usage(String),
    /// The gateway, or the way to it: what happened, and what to do.
    Failed(String, String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(reason) => write!(formatter, "error: {reason}"),
            Self::Failed(reason, hint) => write!(formatter, "error: {reason}\n  = help: {hint}"),
        }
    }
}

impl Failure {
    /// What happened, without what to do.
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Usage(reason) | Self::Failed(reason, _) => reason,
        }
    }

    /// Says why, and with which exit code.
    pub(crate) fn tell(&self, terminal: &mut Terminal) -> io::Result<ExitCode> {
        terminal.notice(&self.to_string())?;
        Ok(ExitCode::from(match self {
            Self::Usage(_) => MISUSED,
            Self::Failed(..) => REFUSED,
        }))
    }
}

/// What can be known of the gateway from here.
pub(crate) struct Surroundings {
    running: Option<Running>,
    file: PathBuf,
    pub(crate) configuration: Option<Configuration>,
}

impl Surroundings {
    pub(crate) fn of(way: Way<'_>) -> Self {
        // A configuration with faults may be an edit that is not served.
        let (file, reading) = project::configuration(way.path, &mut Report::new());
        Self {
            running: Running::find(&file).filter(|_| way.url.is_none()),
            configuration: reading.map(|reading| reading.configuration),
            file,
        }
    }

    /// The gateway, before it is called.
    pub(crate) fn gateway(
        &self,
        way: Way<'_>,
        notice: &mut dyn FnMut(&str) -> io::Result<()>,
    ) -> Result<Gateway, Failure> {
        let url = self.url(way);
        let uri = address(&url)?;
        let token = self.token(way)?;
        if is_readable_on_the_way(&uri) {
            let _ = notice(&format!(
                "warning: the token goes to {url} unencrypted: use `https`, or run this where the \
                 gateway is"
            ));
        }
        Ok(Gateway::new(url, token))
    }

    fn url(&self, way: Way<'_>) -> String {
        match (way.url, &self.running) {
            (Some(url), _) => url.to_owned(),
            (None, Some(running)) => running.url.clone(),
            (None, None) => DEFAULT_URL.to_owned(),
        }
    }

    fn token(&self, way: Way<'_>) -> Result<Secret<String>, Failure> {
        if let Some(file) = way.token_file {
            return read(file);
        }
        if let Ok(token) = std::env::var(VARIABLE)
            && !token.trim().is_empty()
        {
            return usable(&token, VARIABLE);
        }
        if let Some(token) = self
            .running
            .as_ref()
            .and_then(|running| running.token.clone())
        {
            return Ok(token);
        }
        self.configured_token(way)
    }

    /// The token that the configuration itself has.
    fn configured_token(&self, way: Way<'_>) -> Result<Secret<String>, Failure> {
        let settings = self
            .configuration
            .as_ref()
            .and_then(|configuration| configuration.management_api.as_ref());
        let give = format!("give the token in `{VARIABLE}`, or in a file with `--token-file`");
        let Some(settings) = settings else {
            return Err(Failure::Failed(
                "no token of the management API is known".to_owned(),
                if self.configuration.is_some() && way.url.is_none() {
                    format!(
                        "start the gateway with `attache run`, which makes one up where {} has a \
                         cache or a usage plan and no `managementApi`, or {give}",
                        project::FILE_NAME
                    )
                } else {
                    give
                },
            ));
        };
        match (&settings.token, &settings.token_file) {
            (Some(token), _) => usable(token.reveal(), project::FILE_NAME),
            (None, Some(path)) => read(&project::beside(&self.file, path)),
            (None, None) => Err(Failure::Failed(
                format!("{} has only the SHA-256 of the token", self.file.display()),
                give,
            )),
        }
    }

    /// The gateway that this process runs, if its token is known.
    pub(crate) fn own_gateway(&self) -> Option<Gateway> {
        let running = self.running.as_ref()?;
        let token = match &running.token {
            Some(token) => token.clone(),
            None => {
                let way = Way {
                    path: &self.file,
                    url: None,
                    token_file: None,
                };
                self.configured_token(way).ok()?
            }
        };
        Some(Gateway::new(running.url.clone(), token))
    }
}

/// A gateway whose management API can be asked.
pub(crate) struct Gateway {
    pub(crate) url: String,
    token: Secret<String>,
    agent: Agent,
}

impl Gateway {
    pub(crate) fn new(url: String, token: Secret<String>) -> Self {
        Self {
            agent: agent(TIMEOUT_MILLIS, url.starts_with("https:")),
            url,
            token,
        }
    }

    /// Status and body of the answer to a request for a path, which may have a query.
    pub(crate) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(String, &str)],
        body: impl AsSendBody,
    ) -> Result<(u16, Vec<u8>), Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.url.trim_end_matches('/')))
            .header("authorization", format!("Bearer {}", self.token.reveal()));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(body).map_err(|_| {
            Failure::Usage("the request cannot be sent: look at its header fields".to_owned())
        })?;
        let mut answer = self.agent.run(request).map_err(|error| {
            Failure::Failed(
                format!("the gateway at {} cannot be reached: {error}", self.url),
                "is it running? Start it with `attache run`, or say with `--url` where it is"
                    .to_owned(),
            )
        })?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(LONGEST_ANSWER);
        // What cannot be read says nothing.
        Ok((status, body.read_to_vec().unwrap_or_default()))
    }
}

fn read(file: &Path) -> Result<Secret<String>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::Failed(
            format!("`{}` cannot be read: {error}", file.display()),
            "the file holds nothing but the token, as text".to_owned(),
        )
    })?;
    usable(&text, &file.display().to_string())
}

/// A token that can stand in a header field.
fn usable(text: &str, source: &str) -> Result<Secret<String>, Failure> {
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::Failed(
            format!("`{source}` does not hold a token"),
            "a token is one word of letters, digits and `-._~+/=`".to_owned(),
        ));
    }
    Ok(Secret::new(token.to_owned()))
}

fn address(url: &str) -> Result<Uri, Failure> {
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
            && !uri
                .authority()
                .is_some_and(|authority| authority.as_str().contains('@'))
    });
    uri.ok_or_else(|| {
        Failure::Usage(format!(
            "`{url}` is not the address of a gateway: write `http://HOST:PORT` or `https://HOST`"
        ))
    })
}

/// `{"message": "…"}`, as one line that can do nothing to a terminal.
pub(crate) fn message(body: &[u8]) -> Option<String> {
    let body: Json = serde_json::from_slice(body).ok()?;
    let message = body.get("message").or_else(|| body.get("Message"))?;
    let shown: String = message
        .as_str()?
        .chars()
        .filter(|character| !character.is_control())
        .take(400)
        .collect();
    (!shown.is_empty()).then_some(shown)
}

/// A text with everything percent-encoded that may mean something in a URL.
pub(crate) fn encoded(text: &str, plain: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || plain.as_bytes().contains(&byte)
        {
            encoded.push(char::from(byte));
        } else {
            // A text takes whatever is written to it.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
