//! `attache test-invoke`: one request through the real policies without Envoy, and the log of its
//! execution as API Gateway writes it.
//!
//! Like API Gateway's own test it asks for no authorization, API key or limit, and neither looks
//! into a cache nor fills one: what is shown is what the request becomes, whom it is sent to, and
//! what becomes of the answer.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-test-method.html>

mod execution;
mod execution_log;

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use attache_model::{ApiKeySource, Authorization, Gateway};
use attache_policies::route::Routes;
use clap::Args;
use serde::Serialize;

use crate::diagnostic::Report;
use crate::memory_proxy::{self, Client, Failure, Memory, Subject};
use crate::project;
use crate::terminal::{Output, Terminal};

const EXAMPLES: &str = "\
Examples:
  attache test-invoke --api petstore --stage prod GET /pets
  attache test-invoke --api petstore --stage prod --body pet.json \\
    --header 'Content-Type: application/json' POST /pets

Exit code 0: the request was answered, with whatever status. 1: the configuration is refused. 2:
there is no such API, stage or operation, or the arguments do not fit together.";

/// The arguments of `attache test-invoke`.
#[derive(Debug, Args)]
#[command(
    after_help = EXAMPLES,
    override_usage = "attache test-invoke [OPTIONS] --api <API> --stage <STAGE> [DIR] <METHOD> <PATH>"
)]
pub struct Arguments {
    /// The API, by its name in `attache.yaml`.
    #[arg(long)]
    pub api: String,
    /// The stage.
    #[arg(long)]
    pub stage: String,
    /// Send it to the stage's canary release.
    #[arg(long)]
    pub canary: bool,
    /// A header field of the request; may come several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The request's body; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// The client's address.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub source_ip: IpAddr,
    /// How to print the answer and the log.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
    /// The folder that holds `attache.yaml`, or such a file (here unless given); then the request's
    /// method, and its path without the stage.
    #[arg(value_name = "[DIR] METHOD PATH", required = true)]
    pub request: Vec<String>,
}

/// What API Gateway's `TestInvokeMethod` answers with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    status: u16,
    body: String,
    headers: serde_json::Map<String, serde_json::Value>,
    multi_value_headers: serde_json::Map<String, serde_json::Value>,
    /// The lines with a line feed after each.
    log: String,
    /// In milliseconds.
    latency: u64,
}

/// Sends one request through the policies, and prints what became of it.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let invoked = invoke(arguments, &mut report);
    let text = |invocation: &Invocation| invocation.log.clone();
    let failed = memory_proxy::print(&invoked, text, &report, arguments.output, terminal)?;
    Ok(failed.unwrap_or(ExitCode::SUCCESS))
}

fn invoke(arguments: &Arguments, report: &mut Report) -> Result<Invocation, Failure> {
    let (folder, method, path) = memory_proxy::target(&arguments.request)?;
    let project = project::load(folder.as_ref(), report).ok_or(Failure::Refused)?;
    let opened = without_access_control(&project.gateway, arguments.canary);
    let environment = project.secrets_key.environment();
    // What does not compile has been reported when the project was loaded.
    let routes = Routes::compile(&opened).map_err(|_| Failure::Refused)?;
    let gateway =
        attache_policies::Gateway::compile(&opened, &environment).map_err(|_| Failure::Refused)?;
    let body = memory_proxy::read(arguments.body.as_deref())?;
    let subject = Subject {
        method,
        path,
        api: &arguments.api,
        stage: &arguments.stage,
        headers: &arguments.headers,
        body_length: body.as_ref().map(Vec::len),
    };
    let request = subject.request(&opened, &routes).map_err(Failure::Usage)?;
    if arguments.canary && !has_canary(&opened, arguments) {
        let reason = format!("the stage `{}` has no canary release", arguments.stage);
        return Err(Failure::Usage(reason));
    }
    let memory = Memory::new(arguments.source_ip);
    let route = routes.find_release(&request.headers, &memory);
    let execution = execution::Execution {
        client: Client {
            upstreams: project.upstreams,
            given: None,
        },
        body,
        resource_path: path.split('?').next().unwrap_or_default(),
        path_parameters: route.map_or_else(
            |_| Vec::new(),
            |route| {
                let parameters = route.path_parameters();
                parameters
                    .map(|(name, value)| {
                        (name.to_owned(), String::from_utf8_lossy(value).into_owned())
                    })
                    .collect()
            },
        ),
    };
    Ok(execution.run(gateway, request.headers, memory))
}

/// Whether there is such a canary release.
fn has_canary(gateway: &Gateway, arguments: &Arguments) -> bool {
    let apis = gateway.apis.iter().filter(|api| api.id == arguments.api);
    let mut stages = apis.flat_map(|api| &api.stages);
    stages.any(|stage| stage.name == arguments.stage && stage.canary.is_some())
}

/// The configuration without what decides who may call and how often, and without caches, which a
/// test invocation passes by. Canary releases get all requests, or none.
fn without_access_control(gateway: &Gateway, canary: bool) -> Gateway {
    let mut opened = gateway.clone();
    opened.account.throttle = None;
    opened.management_api = None;
    for api in &mut opened.apis {
        api.resource_policy = None;
        api.api_key_source = ApiKeySource::Header;
        for operation in &mut api.operations {
            operation.authorization = Authorization::None;
            operation.api_key_required = false;
        }
        for stage in &mut api.stages {
            stage.throttle = None;
            stage.cache_cluster = None;
            if let Some(release) = &mut stage.canary {
                release.percent_traffic = if canary { 100.0 } else { 0.0 };
            }
            for method in &mut stage.methods {
                method.throttle = None;
            }
        }
    }
    opened
}

#[cfg(test)]
mod tests {
    use attache_model::{
        Account, Api, CacheCluster, Gateway, ManagementApi, Protocol, Stage, Throttle,
    };

    use super::without_access_control;

    #[test]
    fn a_test_meets_neither_limits_nor_caches() {
        let gateway = Gateway {
            management_api: Some(ManagementApi {
                token_sha256: "00".repeat(32),
            }),
            apis: vec![Api {
                stages: vec![Stage {
                    throttle: Some(Throttle {
                        rate_limit: 1.0,
                        burst_limit: 1,
                    }),
                    cache_cluster: Some(CacheCluster::new(1)),
                    ..Stage::new("prod")
                }],
                ..Api::new("pets", Protocol::Rest)
            }],
            ..Gateway::new(Account {
                id: "000000000000".to_owned(),
                region: "us-east-1".to_owned(),
                throttle: None,
            })
        };
        let opened = without_access_control(&gateway, false);
        assert_eq!(opened.management_api, None);
        assert_eq!(opened.apis[0].stages, [Stage::new("prod")]);
    }
}
