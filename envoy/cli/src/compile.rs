//! `attache compile`: the files to deploy.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attache_model::Gateway;
use clap::{Args, ValueEnum};

use crate::command_line::REFUSED;
use crate::configuration;
use crate::diagnostic::{Diagnostic, Report};
use crate::embedded_filters::Filter;
use crate::envoy_target::{
    AccessLog, SECRETS_FOLDER, Settings, static_configuration, system_certificate_authorities,
};
use crate::project::{self, Project};
use crate::secrets_key::{self, HOW_TO_MAKE};
use crate::terminal::{Output, Terminal};

const EXAMPLES: &str = "\
Examples:
  attache compile --target envoy --out build
  attache compile examples/petstore --target envoy --out build --address 0.0.0.0 --port 80
  cd build && envoy -c envoy.yaml";

/// The name of the configuration that is written.
const CONFIGURATION: &str = "envoy.yaml";

/// The arguments of `attache compile`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// What the files are for.
    #[arg(long, value_enum)]
    pub target: Target,
    /// The folder that the files are written to; it is made when it is not there.
    #[arg(long, value_name = "OUT")]
    pub out: PathBuf,
    /// The address that clients connect to.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub address: IpAddr,
    /// The port that clients connect to.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// The port that clients use TLS at, where a custom domain name has a certificate.
    #[arg(long, default_value_t = 8443, value_name = "PORT")]
    pub tls_port: u16,
    /// The port of Envoy's own pages, on the loopback interface.
    #[arg(long, default_value_t = 9901, value_name = "PORT")]
    pub admin_port: u16,
    /// How to print findings.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// What the compiled files are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// A plain Envoy: one configuration file and the filter.
    Envoy,
}

/// Compiles a configuration and writes the files.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let project = project::load(&arguments.path, &mut report)
        .filter(|project| has_lasting_key(project, &mut report));
    terminal.findings(&report, arguments.output)?;
    let Some(project) = project else {
        return Ok(ExitCode::from(REFUSED));
    };
    match write(&project, arguments) {
        Ok(files) => {
            if arguments.output == Output::Text {
                for file in files {
                    terminal.notice(&format!("wrote {}", file.display()))?;
                }
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(reason) => {
            terminal.notice(&format!("error: {reason}"))?;
            Ok(ExitCode::from(REFUSED))
        }
    }
}

/// Whether the key that secrets are sealed with, and responses encrypted, outlives this process, so
/// that Envoy can be given it; a finding where not.
fn has_lasting_key(project: &Project, report: &mut Report) -> bool {
    if !secrets_key::is_needed(&project.gateway) || project.secrets_key.is_given() {
        return true;
    }
    let (variable, _) = project.secrets_key.variable();
    let (place, what) = if project.gateway.credentials.is_empty() {
        let place = first_encrypted(&project.gateway).and_then(|part| project.places.find(&part));
        (place, "responses are encrypted")
    } else {
        (project.places.find("/credentials"), "secrets are sealed")
    };
    let (file, span, pointer) = match place {
        Some(place) => (place.file, place.span, place.pointer),
        None => (project.file.clone(), 0..0, String::new()),
    };
    report.push(
        Diagnostic::error(
            "secrets-key",
            file,
            span,
            pointer,
            format!("{what} with a key that Envoy needs too, and `{variable}` is not set"),
        )
        .hint(format!(
            "make one with `{HOW_TO_MAKE}`, keep it, and start Envoy with the same"
        )),
    );
    false
}

/// The setting of the first operation whose responses are encrypted.
fn first_encrypted(gateway: &Gateway) -> Option<String> {
    gateway.apis.iter().enumerate().find_map(|(api, found)| {
        found.stages.iter().enumerate().find_map(|(stage, found)| {
            let operations = &found.cache_cluster.as_ref()?.operations;
            let operation = operations.iter().position(|found| found.encrypted)?;
            Some(format!(
                "/apis/{api}/stages/{stage}/cacheCluster/operations/{operation}/encrypted"
            ))
        })
    })
}

fn write(project: &Project, arguments: &Arguments) -> Result<Vec<PathBuf>, String> {
    let Target::Envoy = arguments.target;
    let module = Filter::Gateway
        .module()
        .map_err(|error| error.to_string())?;
    let settings = Settings {
        listen: SocketAddr::new(arguments.address, arguments.port),
        tls_port: arguments.tls_port,
        admin: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), arguments.admin_port),
        // As the comment in the file says, Envoy is started in the folder.
        filter: PathBuf::from(Filter::Gateway.file_name()),
        access_log: access_log(&project.access_log),
        certificate_authorities: system_certificate_authorities(),
    };
    let transport = &project.transport;
    let text = static_configuration(&project.gateway, &project.upstreams, transport, &settings)
        .map_err(|error| error.to_string())?;
    let secrets = transport
        .secret_files()
        .map_err(|error| error.to_string())?;
    let put = |name: &str, bytes: &[u8]| {
        let file = arguments.out.join(name);
        std::fs::write(&file, bytes).map_err(|error| cannot_write(&file, &error))?;
        Ok::<_, String>(file)
    };
    let make = |folder: &Path| {
        std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))
    };
    make(&arguments.out)?;
    let mut files = vec![
        put(CONFIGURATION, text.as_bytes())?,
        put(Filter::Gateway.file_name(), module)?,
    ];
    if !secrets.is_empty() {
        make(&arguments.out.join(SECRETS_FOLDER))?;
    }
    for secret in secrets {
        let name = format!("{SECRETS_FOLDER}/{}", secret.name);
        files.push(put(&name, secret.resource.text.as_bytes())?);
    }
    Ok(files)
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("cannot write `{}`: {error}", path.display())
}

/// Where the access log of a configuration goes. Switched off, it is the gateway's document that
/// says so, and the place does not matter.
#[must_use]
pub fn access_log(configured: &configuration::AccessLog) -> AccessLog {
    match configured {
        configuration::AccessLog::File(path) => AccessLog::File(PathBuf::from(path)),
        _ => AccessLog::StandardOutput,
    }
}
