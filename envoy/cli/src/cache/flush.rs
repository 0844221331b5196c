//! `attache cache flush`: a running gateway forgets what it has cached.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use attache_model::Secret;
use serde_json::{Value as Json, json};
use ureq::http::{Request, Uri};

use super::Flush;
use super::request::{self, Scope};
use crate::command_line::REFUSED;
use crate::configuration::Configuration;
use crate::diagnostic::Report;
use crate::memory_proxy::{agent, unknown};
use crate::plain_http::is_readable_on_the_way;
use crate::project::{self, MethodKey};
use crate::running::Running;
use crate::terminal::{Output, Terminal};

/// The environment variable that may hold the token.
const VARIABLE: &str = "ATTACHE_MANAGEMENT_TOKEN";

/// Where `attache run` serves unless told otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// How long the gateway may take.
const TIMEOUT_MILLIS: u32 = 10_000;

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// The exit code for arguments that do not fit together or do not fit the configuration.
const MISUSED: u8 = 2;

/// Why nothing was flushed.
enum Failure {
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

/// What was flushed, and where.
struct Flushed<'a> {
    url: String,
    status: u16,
    scope: Scope<'a>,
}

/// Flushes, and tells what happened.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub(super) fn run(arguments: &Flush, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let flushed = match flush(arguments, &mut |notice| terminal.notice(notice)) {
        Ok(flushed) => flushed,
        Err(failure) => {
            terminal.notice(&failure.to_string())?;
            return Ok(ExitCode::from(match failure {
                Failure::Usage(_) => MISUSED,
                Failure::Failed(..) => REFUSED,
            }));
        }
    };
    let Flushed { url, status, scope } = flushed;
    let (api, stage) = (&arguments.api, &arguments.stage);
    terminal.result(&match arguments.output {
        Output::Json => {
            let (method, key) = match &scope {
                Scope::Stage => (Json::Null, Json::Null),
                Scope::Method(method) => (json!(method), Json::Null),
                Scope::Key { verb, target } => (json!(verb), json!(target)),
            };
            serde_json::to_string_pretty(&json!({
                "api": api, "stage": stage, "method": method, "key": key,
                "url": url, "status": status,
            }))?
        }
        Output::Text => {
            let what = match &scope {
                Scope::Stage => "all responses".to_owned(),
                Scope::Method(method) => format!("the responses of `{method}`"),
                Scope::Key { verb, target } => format!("the response to `{verb} {target}`"),
            };
            format!("flushed {what} from the cache of {api} ({stage}) at {url}")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn flush<'a>(
    arguments: &'a Flush,
    notice: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<Flushed<'a>, Failure> {
    let scope = scope(arguments)?;
    let headers = arguments.headers.iter().map(|text| request::header(text));
    let headers: Vec<_> = headers.collect::<Result<_, _>>().map_err(Failure::Usage)?;
    let surroundings = Surroundings::of(arguments);
    // Another gateway may have other APIs.
    if arguments.url.is_none()
        && let Some(configuration) = &surroundings.configuration
    {
        check_names(configuration, arguments)?;
    }
    let url = surroundings.url(arguments);
    let uri = address(&url)?;
    let token = surroundings.token(arguments)?;
    if is_readable_on_the_way(&uri) {
        let _ = notice(&format!(
            "warning: the token goes to {url} unencrypted: use `https`, or run this where the \
             gateway is"
        ));
    }
    let full = format!(
        "{}{}",
        url.trim_end_matches('/'),
        request::target(&arguments.api, &arguments.stage, &scope)
    );
    let mut delete =
        Request::delete(full).header("authorization", format!("Bearer {}", token.reveal()));
    for (name, value) in headers {
        delete = delete.header(name, value);
    }
    let request = delete.body(()).map_err(|_| {
        Failure::Usage("the request cannot be sent: look at its header fields".to_owned())
    })?;
    let agent = agent(TIMEOUT_MILLIS, uri.scheme_str() == Some("https"));
    let mut answer = agent.run(request).map_err(|error| {
        Failure::Failed(
            format!("the gateway at {url} cannot be reached: {error}"),
            "is it running? Start it with `attache run`, or say with `--url` where it is"
                .to_owned(),
        )
    })?;
    let status = answer.status().as_u16();
    if (200..300).contains(&status) {
        return Ok(Flushed { url, status, scope });
    }
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER);
    let said = body.read_to_vec().ok().and_then(|body| message(&body));
    Err(refusal(&url, status, said.as_deref(), arguments))
}

/// What to forget. Whether there is such an operation is for the gateway to say.
fn scope(arguments: &Flush) -> Result<Scope<'_>, Failure> {
    if let Some(method) = &arguments.method {
        return match MethodKey::parse(method) {
            Ok(MethodKey::One { path, method }) => {
                Ok(Scope::Method(format!("{path}/{}", method.as_str())))
            }
            Ok(MethodKey::All) => Ok(Scope::Stage),
            Err(refusal) => Err(Failure::Usage(format!(
                "{}: {}",
                refusal.message, refusal.hint
            ))),
        };
    }
    let Some(target) = &arguments.key else {
        return Ok(Scope::Stage);
    };
    if !target.starts_with('/') {
        return Err(Failure::Usage(format!(
            "the key `{target}` is no path: write it as clients do, from the slash after the \
             stage on"
        )));
    }
    let stage = format!("/{}/", arguments.stage);
    if target.starts_with(&stage) {
        return Err(Failure::Usage(format!(
            "the key `{target}` begins with the stage: leave `/{}` out",
            arguments.stage
        )));
    }
    Ok(Scope::Key {
        verb: &arguments.verb,
        target,
    })
}

/// What can be known of the gateway from here.
struct Surroundings {
    running: Option<Running>,
    file: std::path::PathBuf,
    configuration: Option<Configuration>,
}

impl Surroundings {
    fn of(arguments: &Flush) -> Self {
        // A configuration with faults may be an edit that is not served.
        let (file, reading) = project::configuration(&arguments.path, &mut Report::new());
        Self {
            running: Running::find(&file).filter(|_| arguments.url.is_none()),
            configuration: reading.map(|reading| reading.configuration),
            file,
        }
    }

    fn url(&self, arguments: &Flush) -> String {
        match (&arguments.url, &self.running) {
            (Some(url), _) => url.clone(),
            (None, Some(running)) => running.url.clone(),
            (None, None) => DEFAULT_URL.to_owned(),
        }
    }

    fn token(&self, arguments: &Flush) -> Result<Secret<String>, Failure> {
        if let Some(file) = &arguments.token_file {
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
        let settings = self
            .configuration
            .as_ref()
            .and_then(|configuration| configuration.management_api.as_ref());
        let give = format!("give the token in `{VARIABLE}`, or in a file with `--token-file`");
        let Some(settings) = settings else {
            return Err(Failure::Failed(
                "no token of the management API is known".to_owned(),
                if self.configuration.is_some() && arguments.url.is_none() {
                    format!(
                        "start the gateway with `attache run`, which makes one up where {} has a \
                         cache and no `managementApi`, or {give}",
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

/// Whether the API and its stage are in the configuration.
fn check_names(configuration: &Configuration, arguments: &Flush) -> Result<(), Failure> {
    let Some(api) = configuration.apis.get(&arguments.api) else {
        let known = configuration.apis.keys().map(String::as_str);
        return Err(Failure::Usage(unknown("API", &arguments.api, known)));
    };
    let Some(stage) = api.stages.get(&arguments.stage) else {
        let kind = format!("stage of `{}`", arguments.api);
        let known = api.stages.keys().map(String::as_str);
        return Err(Failure::Usage(unknown(&kind, &arguments.stage, known)));
    };
    if !stage
        .cache_cluster
        .as_ref()
        .is_some_and(|cluster| cluster.enabled)
    {
        return Err(Failure::Usage(format!(
            "the stage `{}` of `{}` has no cache",
            arguments.stage, arguments.api
        )));
    }
    Ok(())
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
fn message(body: &[u8]) -> Option<String> {
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

fn refusal(url: &str, status: u16, said: Option<&str>, arguments: &Flush) -> Failure {
    let said = said.map_or_else(String::new, |said| format!(": {said}"));
    let (reason, hint) = match status {
        401 | 403 => (
            format!("the gateway at {url} refuses the token (status {status}{said})"),
            "it has another token than this, or no `managementApi` at all: give its token with \
             `--token-file`, or serve it with one"
                .to_owned(),
        ),
        404 => (
            format!(
                "the gateway at {url} has nothing to flush for {} ({}) (status 404{said})",
                arguments.api, arguments.stage
            ),
            "does it serve this API, stage and method, with a cache? What it serves may be older \
             than the configuration here"
                .to_owned(),
        ),
        500.. => (
            format!(
                "the gateway at {url} cannot say that it has forgotten (status {status}{said})"
            ),
            "try again; what is kept is gone at the latest when its time to live is over"
                .to_owned(),
        ),
        _ => (
            format!("the gateway at {url} answered with status {status}{said}"),
            "is this the address of a gateway? Say with `--url` where it is".to_owned(),
        ),
    };
    Failure::Failed(reason, hint)
}
