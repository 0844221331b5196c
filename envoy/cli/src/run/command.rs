//! From what was typed to a running gateway.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use super::{Arguments, Compiled, KeptUsageFile, Management, Options, RunError, SampleKey, run};
use crate::command_line::REFUSED;
use crate::compile::access_log;
use crate::deployments;
use crate::diagnostic::{self, Report};
use crate::project::{self, Project};
use crate::secrets_key::SecretsKey;
use crate::terminal::{Output, Terminal};

/// Serves a configuration until it is told to stop.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn command(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let Some(project) = project::load(&arguments.path, &mut report) else {
        terminal.findings(&report, Output::Text)?;
        return Ok(ExitCode::from(REFUSED));
    };
    // Warnings; there is nothing worse in it.
    terminal.findings(&report, Output::Text)?;
    let listen = SocketAddr::new(arguments.address, arguments.port);
    let management = Management::new(&project.file, listen);
    let kept_usage = KeptUsageFile::of(&project.file, arguments.forget_usage);
    let options = Options {
        listen,
        tls_port: arguments.tls_port,
        admin_port: arguments.admin_port,
        envoy: arguments.envoy.clone(),
        concurrency: arguments.concurrency,
        watch: arguments.watch.then(|| folder(&arguments.path)),
        deployments: deployments::beside(&project.file),
        access_log: access_log(&project.access_log),
        secrets_key: project.secrets_key.clone(),
        management: management.clone(),
        kept_usage: kept_usage.clone(),
    };
    let compile = || {
        let mut compiled = compile(&arguments.path, &project.secrets_key)?;
        management.open(&mut compiled.gateway);
        kept_usage.begin(&mut compiled.gateway);
        Ok::<_, Findings>(compiled)
    };
    let (output, messages) = terminal.streams();
    match run(&options, &compile, output, messages) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(RunError::Refused(findings)) => {
            write!(messages, "{findings}")?;
            Ok(ExitCode::from(REFUSED))
        }
        Err(error) => {
            writeln!(messages, "error: {error}")?;
            Ok(ExitCode::from(REFUSED))
        }
    }
}

/// What is wrong with a configuration, as people read it.
#[derive(Debug)]
pub(super) struct Findings(Report);

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", diagnostic::human(&self.0))
    }
}

/// Compiles with the key that Envoy was started with.
fn compile(path: &Path, secrets_key: &SecretsKey) -> Result<Compiled, Findings> {
    let mut report = Report::new();
    match project::load_with(path, Ok(secrets_key.clone()), &mut report) {
        Some(project) => Ok(Compiled {
            sample_keys: sample_keys(&project),
            gateway: project.gateway,
            upstreams: project.upstreams,
            transport: project.transport,
        }),
        None => Err(Findings(report)),
    }
}

/// For each stage a key that opens it, of those whose value the configuration shows anyway.
fn sample_keys(project: &Project) -> Vec<SampleKey> {
    let gateway = &project.gateway;
    let mut samples = Vec::new();
    for api in &gateway.apis {
        for stage in api.stages.iter().filter(|stage| stage.canary.is_none()) {
            let opens = |plan: &String| {
                gateway.usage_plans.iter().any(|candidate| {
                    candidate.id == *plan
                        && candidate
                            .api_stages
                            .iter()
                            .any(|held| held.api == api.id && held.stage == stage.name)
                })
            };
            let value = gateway
                .api_keys
                .iter()
                .filter(|key| key.enabled && key.usage_plans.iter().any(opens))
                .find_map(|key| project.known_values.get(&key.id));
            if let Some(value) = value {
                samples.push(SampleKey {
                    api: api.id.clone(),
                    stage: stage.name.clone(),
                    value: value.clone(),
                });
            }
        }
    }
    samples
}

/// The folder to watch.
fn folder(path: &Path) -> std::path::PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => ".".into(),
    }
}
