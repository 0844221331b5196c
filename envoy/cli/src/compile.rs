//! `attache compile`: the files to deploy.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attache_model::{Gateway, KeptUsage};
use clap::Args;

use crate::command_line::REFUSED;
use crate::configuration;
use crate::diagnostic::{Diagnostic, Report};
use crate::embedded_filters::Filter;
use crate::envoy_target::{AccessLog, system_certificate_authorities};
use crate::filter_source::FilterSource;
use crate::image::{Image, sha256};
use crate::kept_usage;
use crate::project::{self, Project};
use crate::secrets_key::{self, HOW_TO_MAKE};
use crate::targets::{self, Contents, File, Layout, Modules, Request, Target};
use crate::terminal::{Output, Terminal};

const EXAMPLES: &str = "\
Examples:
  attache compile --target envoy --out build
  attache compile examples/petstore --target envoy --out build --address 0.0.0.0 --port 80
  cd build && envoy -c envoy.yaml
  attache compile --target compose --out build && docker compose --project-directory build up
  attache compile --target istio --out build --wasm oci://registry.example.com/attache/gateway:1.0
  attache compile --target envoy --layout split --out build
  attache compile --target envoy --out build --usage usage.json";

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
    /// Which filters do the work.
    #[arg(long, value_enum, default_value_t)]
    pub layout: Layout,
    /// Where proxies get the filters from: file, file:///PATH, oci://REGISTRY/REPOSITORY:TAG or
    /// https://HOST/PATH. `{filter}` in it is replaced by the name of each filter. Beside the other
    /// files unless said; required for clusters.
    #[arg(long, value_name = "PLACE")]
    pub wasm: Option<FilterSource>,
    /// The address that clients connect to; a cluster has its own.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub address: IpAddr,
    /// The port that clients connect to; unless said, 8080, and 80 in a cluster.
    #[arg(long)]
    pub port: Option<u16>,
    /// The port that clients use TLS at, where a custom domain name has a certificate; a cluster's
    /// gateways end TLS by themselves.
    #[arg(long, default_value_t = 8443, value_name = "PORT")]
    pub tls_port: u16,
    /// The port of Envoy's own pages, on the loopback interface.
    #[arg(long, default_value_t = 9901, value_name = "PORT")]
    pub admin_port: u16,
    /// The namespace of the resources in a cluster.
    #[arg(long, default_value = "default")]
    pub namespace: String,
    /// What keys have used so far, which the gateway begins with: a file that `attache usage
    /// snapshot` has written.
    #[arg(long, value_name = "FILE")]
    pub usage: Option<PathBuf>,
    /// How to print findings.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// Compiles a configuration and writes the files.
///
/// # Errors
///
/// When the output cannot be written to the terminal.
pub fn run(arguments: &Arguments, terminal: &mut Terminal) -> io::Result<ExitCode> {
    let mut report = Report::new();
    let usage = match arguments.usage.as_deref().map(used).transpose() {
        Ok(usage) => usage.unwrap_or_default(),
        Err(reason) => {
            terminal.notice(&reason)?;
            return Ok(ExitCode::from(REFUSED));
        }
    };
    let project = project::load(&arguments.path, &mut report)
        .filter(|project| has_lasting_key(project, &mut report));
    let project = match project {
        Some(mut project) if arguments.usage.is_some() => {
            if let Some(reason) = counts_elsewhere(&project.gateway, arguments.layout) {
                terminal.notice(&format!("error: `--usage` has no effect: {reason}"))?;
                return Ok(ExitCode::from(REFUSED));
            }
            kept_usage::begin(&mut project.gateway, &usage);
            Some(project)
        }
        project => project,
    };
    let request = Request {
        target: arguments.target,
        layout: arguments.layout,
        wasm: arguments.wasm.clone(),
        address: arguments.address,
        port: arguments.port,
        tls_port: arguments.tls_port,
        admin_port: arguments.admin_port,
        namespace: arguments.namespace.clone(),
        certificate_authorities: system_certificate_authorities(),
    };
    let files = project.map(|project| targets::files(&project, &request, &Embedded, &mut report));
    terminal.findings(&report, arguments.output)?;
    let written = match files {
        None | Some(Ok(None)) => return Ok(ExitCode::from(REFUSED)),
        Some(Ok(Some(files))) => write(&files, &arguments.out),
        Some(Err(reason)) => Err(reason),
    };
    match written {
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

/// What keys have used so far.
fn used(file: &Path) -> Result<Vec<KeptUsage>, String> {
    kept_usage::read(file).map_err(|reason| {
        format!(
            "error: `{}`: {reason}\n  = help: `attache usage snapshot` writes one",
            file.display()
        )
    })
}

/// Why a gateway cannot begin with what keys have used so far.
fn counts_elsewhere(gateway: &Gateway, layout: Layout) -> Option<&'static str> {
    if gateway.state.is_some() {
        Some("what is used is counted in Redis, which outlasts its gateways")
    } else if layout == Layout::Split {
        Some("the filters of the split layout begin with nothing; use `--layout fused`")
    } else {
        None
    }
}

/// Whether the key that secrets are sealed with, and responses encrypted, outlives this process, so
/// that Envoy can be given it; a finding where not.
fn has_lasting_key(project: &Project, report: &mut Report) -> bool {
    if !secrets_key::is_needed(&project.gateway) || project.secrets_key.is_given() {
        return true;
    }
    let (variable, _) = project.secrets_key.variable();
    let gateway = &project.gateway;
    let (place, what) = if let Some(part) = first_sealed(gateway) {
        (project.places.find(part), "secrets are sealed")
    } else {
        let place = first_encrypted(gateway).and_then(|part| project.places.find(&part));
        (place, "responses are encrypted")
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

/// The first setting that holds a sealed secret.
fn first_sealed(gateway: &Gateway) -> Option<&'static str> {
    let redis = gateway.state.as_ref().map(|state| &state.redis);
    if !gateway.credentials.is_empty() {
        Some("/credentials")
    } else if redis.is_some_and(|redis| redis.authorization.is_some()) {
        Some("/state/redis/authorization")
    } else {
        None
    }
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

/// The modules inside of this binary.
struct Embedded;

impl Modules for Embedded {
    fn sha256(&self, filter: Filter) -> Result<String, String> {
        module(filter).map(sha256)
    }

    fn image_sha256(&self, filter: Filter) -> Result<String, String> {
        let image = Image::new(filter.image_name(), module(filter)?);
        let image = image.map_err(|error| format!("no image can be made: {error}"))?;
        Ok(image.manifest.sha256().to_owned())
    }
}

fn module(filter: Filter) -> Result<&'static [u8], String> {
    filter.module().map_err(|error| error.to_string())
}

fn write(files: &[File], out: &Path) -> Result<Vec<PathBuf>, String> {
    let mut written = Vec::new();
    for file in files {
        let bytes = match &file.contents {
            Contents::Text(text) => text.as_bytes(),
            Contents::Module(filter) => module(*filter)?,
        };
        let path = out.join(&*file.path);
        let folder = path.parent().unwrap_or(out);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .map_err(|error| cannot_write(&path, &error))?;
        written.push(path);
    }
    Ok(written)
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
