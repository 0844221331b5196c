//! `attache test-authorizer`: who may call, shown for one request and without Envoy.
//!
//! The decision is the one that the filter would make: the configuration is compiled as the filter
//! compiles it, and the same function judges the request. Only what the proxy does is done here:
//! calls go out through an HTTP client, and the clock is this computer's.

mod decision;
mod explanation;
mod policy;
mod text;
mod trial;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::command_line::REFUSED;
use crate::diagnostic::Report;
use crate::memory_proxy::{self, Client, Failure, Memory, Subject};
use crate::project::{self, Project};
use crate::terminal::{Output, Terminal};
use trial::Trial;

const EXAMPLES: &str = "\
Examples:
  attache test-authorizer --api petstore --stage prod --header 'Authorization: Bearer abc' GET /pets
  attache test-authorizer --api petstore --stage prod --result answer.json GET /pets/7
  echo '{\"principalId\": \"ann\", \"policyDocument\": …}' |
    attache test-authorizer --api petstore --stage prod --result - DELETE /pets/7

Exit code 0: the caller may call. 1: they may not, or the configuration is refused. 2: there is no
such API, stage or operation, or the arguments do not fit together.";

/// The arguments of `attache test-authorizer`.
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "attache test-authorizer [OPTIONS] --api <API> --stage <STAGE> [DIR] <METHOD> <PATH>"
)]
pub struct Arguments {
    /// The API, by its name in `attache.yaml`.
    #[arg(long)]
    pub api: String,
    /// The stage.
    #[arg(long)]
    pub stage: String,
    /// A header field of the request; may come several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The request's body, which a signature may be about; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// The client's address.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub source_ip: IpAddr,
    /// What the Lambda authorizer answers, instead of asking it; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub result: Option<PathBuf>,
    /// How to print the decision.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The folder that holds `attache.yaml`, or such a file (here unless given); then the request's
    /// method, and its path without the stage.
    #[arg(value_name = "[DIR] METHOD PATH", required = true)]
    pub request: Vec<String>,
}

/// Decides about one request, and prints how.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let decided = decide(arguments, &mut report);
    let failed = memory_proxy::print(&decided, text::of, &report, arguments.output, terminal)?;
    let code = match decided {
        Ok(decision) if decision.answer.allowed => ExitCode::SUCCESS,
        _ => ExitCode::from(REFUSED),
    };
    Ok(failed.unwrap_or(code))
}

fn decide(arguments: &Arguments, report: &mut Report) -> Result<decision::Decision, Failure> {
    let (folder, method, path) = memory_proxy::target(&arguments.request)?;
    let is_standard_input =
        |file: &Option<PathBuf>| file.as_deref().is_some_and(memory_proxy::is_standard_input);
    if is_standard_input(&arguments.body) && is_standard_input(&arguments.result) {
        let reason = "standard input is either `--body` or `--result`";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let project = project::load(Path::new(folder), report).ok_or(Failure::Refused)?;
    let trial = compile(&project)?;
    let body = memory_proxy::read(arguments.body.as_deref())?;
    let subject = Subject {
        method,
        path,
        api: &arguments.api,
        stage: &arguments.stage,
        headers: &arguments.headers,
        body_length: body.as_ref().map(Vec::len),
    };
    let request = subject
        .request(trial.gateway(), trial.routes())
        .map_err(Failure::Usage)?;
    if arguments.result.is_some() && !request.asks_a_service {
        let reason = "`--result` is what a Lambda authorizer answers, and this operation has none";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let client = Client {
        upstreams: project.upstreams,
        given: memory_proxy::read(arguments.result.as_deref())?,
    };
    let memory = Memory::new(arguments.source_ip);
    let decided = trial.decide(request.headers, body, memory, &client);
    // The trial ends with a decision whenever the request has a route, and this one has.
    decided.ok_or(Failure::Refused)
}

/// Compiles what was read as the filter does.
fn compile(project: &Project) -> Result<Arc<Trial>, Failure> {
    let environment = project.secrets_key.environment();
    let trial = Trial::new(&project.gateway, &environment);
    // What does not compile has been reported when the project was loaded.
    trial.map(Arc::new).ok_or(Failure::Refused)
}
