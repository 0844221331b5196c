//! What can be typed after `attache keys`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{Span, Timestamp};

use crate::terminal::Output;

/// Create, list, import, revoke and rotate API keys in the declared files; update those in Redis.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder that holds `attache.yaml`.
    #[arg(
        long,
        short = 'C',
        global = true,
        default_value = ".",
        value_name = "DIR"
    )]
    pub directory: PathBuf,
    /// How to print results.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// Not in the files, but in the Redis that the gateways share (`state.redis`, with
    /// `apiKeys: true`): they know within two seconds, and nothing is deployed.
    #[arg(long, global = true)]
    pub fleet: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with the keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Declare a new key and show its value, once.
    Create(Create),
    /// List the keys, without their values.
    List(List),
    /// Take over the keys of an AWS API key file (CSV).
    Import(Import),
    /// Disable a key, or remove it.
    Revoke(Revoke),
    /// Give a key a new value and show it, once. Its plans and its usage stay.
    Rotate(Rotate),
    /// Change the plans or the expiry of a key in Redis, or enable it again. Its values stay, and so
    /// does its usage, which each plan counts by itself.
    Update(Update),
}

/// The arguments of `create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The name of the new key, which is also its id.
    pub name: String,
    /// A usage plan that the key belongs to; may be given several times.
    #[arg(long = "plan", value_name = "PLAN")]
    pub plans: Vec<String>,
    /// When the key stops working, such as `2027-01-31T00:00:00Z`.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub expires_at: Option<Timestamp>,
    /// How the value is stored.
    #[command(flatten)]
    pub storage: Storage,
    /// Read the value from standard input instead of generating one. It is not shown again.
    #[arg(long)]
    pub value_stdin: bool,
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Storage {
    /// Write the SHA-256 of the value, so that the file holds no secret (the default).
    #[arg(long, conflicts_with = "plain")]
    pub hashed: bool,
    /// Write the value itself.
    #[arg(long)]
    pub plain: bool,
}

/// The arguments of `list`.
#[derive(Debug, Args)]
pub struct List {}

/// The arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// The file, with the columns Name, Key, Description, Enabled, UsagePlanIds.
    pub file: PathBuf,
    /// Import nothing when there is a warning.
    #[arg(long)]
    pub fail_on_warnings: bool,
}

/// The arguments of `revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The name of the key.
    pub name: String,
    /// Remove the key from the file instead of disabling it.
    #[arg(long)]
    pub delete: bool,
}

/// The arguments of `rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The name of the key.
    pub name: String,
    /// How long the old value keeps working, such as `24h` or `7 days`. Without this and
    /// `--expires-at` every earlier value stops at once.
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "expires_at")]
    pub overlap: Option<Span>,
    /// Until when the old value keeps working, such as `2027-01-31T00:00:00Z`.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    pub expires_at: Option<Timestamp>,
    /// How the new value is stored.
    #[command(flatten)]
    pub storage: Storage,
    /// Read the new value from standard input instead of generating one. It is not shown again.
    #[arg(long)]
    pub value_stdin: bool,
}

/// The arguments of `update`.
#[derive(Debug, Args)]
pub struct Update {
    /// The name of the key.
    pub name: String,
    /// A usage plan that the key is to belong to as well; may be given several times.
    #[arg(long = "plan", value_name = "PLAN")]
    pub plans: Vec<String>,
    /// A usage plan that the key no longer belongs to; may be given several times. With `--plan`,
    /// the key moves from one plan to another.
    #[arg(long = "remove-plan", value_name = "PLAN")]
    pub removed_plans: Vec<String>,
    /// Enable the key again after `revoke`.
    #[arg(long)]
    pub enable: bool,
    /// When the key stops working, such as `2027-01-31T00:00:00Z`.
    #[arg(long, value_name = "RFC3339", value_parser = moment, conflicts_with = "no_expires_at")]
    pub expires_at: Option<Timestamp>,
    /// Have the key work without end.
    #[arg(long)]
    pub no_expires_at: bool,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "write a moment with its offset, such as `2027-01-31T00:00:00Z`".to_owned())
}

fn duration(text: &str) -> Result<Span, String> {
    let span: Span = text
        .parse()
        .map_err(|_| "write a duration such as `24h` or `7 days`".to_owned())?;
    if span.is_positive() {
        Ok(span)
    } else {
        Err("a duration is longer than nothing".to_owned())
    }
}
