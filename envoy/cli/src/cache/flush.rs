//! `attache cache flush`: a running gateway forgets what it has cached.

use std::io;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::Flush;
use super::request::{self, Scope};
use crate::configuration::Configuration;
use crate::management_client::{Failure, Surroundings, Way, message};
use crate::memory_proxy::unknown;
use crate::project::MethodKey;
use crate::terminal::{Output, Terminal};

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
        Err(failure) => return failure.tell(terminal),
    };
    let Flushed { url, status, scope } = flushed;
    let (api, stage) = (&arguments.api, &arguments.stage);
    terminal.result(&match arguments.output {
        Output::Json => {
            let (method, key) = match &scope {
                Scope::Stage | Scope::Authorizers => (Json::Null, Json::Null),
                Scope::Method(method) => (json!(method), Json::Null),
                Scope::Key { verb, target } => (json!(verb), json!(target)),
            };
            serde_json::to_string_pretty(&json!({
                "api": api, "stage": stage, "method": method, "key": key,
                "authorizers": scope == Scope::Authorizers,
                "url": url, "status": status,
            }))?
        }
        Output::Text => {
            let what = match &scope {
                Scope::Authorizers => "what authorizers have said".to_owned(),
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
    let way = Way {
        path: &arguments.path,
        url: arguments.url.as_deref(),
        token_file: arguments.token_file.as_deref(),
    };
    let surroundings = Surroundings::of(way);
    // Another gateway may have other APIs.
    if arguments.url.is_none()
        && let Some(configuration) = &surroundings.configuration
    {
        check_names(configuration, arguments)?;
    }
    let gateway = surroundings.gateway(way, notice)?;
    let target = request::target(&arguments.api, &arguments.stage, &scope);
    let (status, body) = gateway.send("DELETE", &target, &headers, ())?;
    let url = gateway.url;
    if (200..300).contains(&status) {
        return Ok(Flushed { url, status, scope });
    }
    Err(refusal(&url, status, message(&body).as_deref(), arguments))
}

/// What to forget. Whether there is such an operation is for the gateway to say.
fn scope(arguments: &Flush) -> Result<Scope<'_>, Failure> {
    if arguments.authorizers {
        return Ok(Scope::Authorizers);
    }
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
    let cluster = stage.cache_cluster.as_ref();
    if !arguments.authorizers && !cluster.is_some_and(|cluster| cluster.enabled) {
        return Err(Failure::Usage(format!(
            "the stage `{}` of `{}` has no cache",
            arguments.stage, arguments.api
        )));
    }
    Ok(())
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
