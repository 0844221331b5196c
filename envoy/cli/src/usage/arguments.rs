//! What can be typed after `attache usage`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

use crate::terminal::Output;

const EXAMPLES: &str = "\
Examples:
  attache usage
  attache usage --plan gold --from 2026-11-01 --to 2026-11-30 --output csv
  attache usage --plan gold --key acme --output json
  attache usage --from 2026-11-01 --output cloudevents > november.json
  attache usage extend gold acme --remaining 1000
  attache usage snapshot --out usage.json

A gateway that `attache run` serves is found by its configuration, and needs no token to be given
unless the configuration holds its digest alone. Others need `managementApi` in their configuration,
and its token in ATTACHE_MANAGEMENT_TOKEN or a file. Each Envoy counts for itself unless the state is
in Redis. Days are those of UTC, and a gateway tells the last 62.

Exit code 0: told. 1: the gateway refused, or could not be reached. 2: the arguments do not fit
together, or there is no such plan or key.";

/// Show what API keys have used of their plans, day by day.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(
        long,
        short = 'C',
        global = true,
        default_value = ".",
        value_name = "DIR"
    )]
    pub directory: PathBuf,
    /// Only this usage plan; all of the configuration, and of the Redis that gateways share, if not
    /// given.
    #[arg(long)]
    pub plan: Option<String>,
    /// Only this API key, by its name.
    #[arg(long)]
    pub key: Option<String>,
    /// The first day; 29 days before the last if not given.
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// The last day; today if not given.
    #[arg(long, value_name = "DATE")]
    pub to: Option<Date>,
    /// How to print what was used.
    #[arg(long, value_enum, default_value_t)]
    pub output: Format,
    /// What CloudEvents name as their source. Gateways that count for themselves need a name each.
    #[arg(long, value_name = "URI", default_value = "attache")]
    pub source: String,
    /// Where the gateway is; the one that `attache run` serves, or else `http://127.0.0.1:8080`, if
    /// not given.
    #[arg(long, global = true, value_name = "URL")]
    pub url: Option<String>,
    /// The file that holds the token of the management API; ATTACHE_MANAGEMENT_TOKEN may hold it
    /// too.
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// What to do in place of showing.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do in place of showing.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Set what is left to a key of the quota's current period.
    Extend(Extend),
    /// Write the counts of a gateway to a file, which another one begins with.
    Snapshot(Snapshot),
}

const SNAPSHOT_EXAMPLES: &str = "\
Examples:
  attache usage snapshot --out usage.json
  attache compile --target envoy --out build --usage usage.json

For an Envoy of one's own, before it is restarted: the new one goes on with the counts of quotas and
the days of the old one. `attache run` does the same by itself, and edits of the configuration leave
counts alone. Gateways that share their state in Redis need it not.";

/// The arguments of `snapshot`.
#[derive(Debug, Args)]
#[command(after_help = SNAPSHOT_EXAMPLES)]
pub struct Snapshot {
    /// The file to write, which only this user can read.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

const EXTEND_EXAMPLES: &str = "\
Examples:
  attache usage extend gold acme --remaining 1000

It holds until the period of the quota ends; the next one begins with the quota.";

/// The arguments of `extend`.
#[derive(Debug, Args)]
#[command(after_help = EXTEND_EXAMPLES)]
pub struct Extend {
    /// The usage plan.
    #[arg(value_name = "PLAN")]
    pub usage_plan: String,
    /// The API key, by its name.
    #[arg(value_name = "KEY")]
    pub api_key: String,
    /// How many requests the key has left from now on.
    #[arg(long, value_name = "N")]
    pub remaining: u64,
    /// How to print what was done.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// How to print what was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: the days with requests, with a bar of what was used of what was left.
    #[default]
    Text,
    /// As the AWS command line prints `get-usage`.
    Json,
    /// A line for each day.
    Csv,
    /// A batch of CloudEvents for billing: one for each key and day that is over.
    Cloudevents,
}
