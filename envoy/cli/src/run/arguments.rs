use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  attache run examples/petstore
  attache run --port 8080 --watch
  ATTACHE_ENVOY=/opt/envoy/envoy attache run

What `attache deploy` and its like change is served at once, with --watch or without.

What keys have used of their quotas outlasts a run: it is kept below XDG_STATE_HOME, or ~/.local/state,
and the next run of the same configuration goes on from there.

Envoy is the one that --envoy or ATTACHE_ENVOY names, or else the one that `make setup` installed
in .tools, or else `envoy` on the PATH.";

/// The arguments of `attache run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// The address that clients connect to. Only this machine can reach the default.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub address: IpAddr,
    /// The port that clients connect to; 0 for any free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// The port that clients use TLS at, where a custom domain name has a certificate; 0 for any free
    /// one.
    #[arg(long, default_value_t = 8443, value_name = "PORT")]
    pub tls_port: u16,
    /// The port of Envoy's own pages, on the loopback interface; any free one if not given.
    #[arg(long, value_name = "PORT")]
    pub admin_port: Option<u16>,
    /// The Envoy to start.
    #[arg(long, value_name = "PATH")]
    pub envoy: Option<PathBuf>,
    /// How many worker threads Envoy has; one per processor if not given.
    #[arg(long, value_name = "N")]
    pub concurrency: Option<u32>,
    /// Follow edits of the configuration without dropping a request.
    #[arg(long)]
    pub watch: bool,
    /// Begin to count anew, whatever keys have used of their quotas in earlier runs.
    #[arg(long)]
    pub forget_usage: bool,
}
