//! What can be typed after `attache cache`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::terminal::Output;

/// Flush the response caches of a gateway that runs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with the caches.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Forget the responses of a stage, of one method, or of one key, or what authorizers have said.
    Flush(Flush),
}

const EXAMPLES: &str = "\
Examples:
  attache cache flush --api petstore --stage prod
  attache cache flush --api petstore --stage prod --method /pets/GET
  attache cache flush --api petstore --stage prod --key '/pets/7?lang=de' \\
    --header 'Accept-Language: de'
  attache cache flush --api petstore --stage prod --authorizers
  attache cache flush --api petstore --stage prod --url https://gateway.example.com \\
    --token-file token.txt

A gateway that `attache run` serves is found by its configuration, and needs no token to be given
unless the configuration holds its digest alone. Others need `managementApi` in their configuration,
and its token in ATTACHE_MANAGEMENT_TOKEN or a file. Each Envoy has a cache of its own; where a stage
has `cacheCluster: {shared: true}`, what is forgotten at one gateway is forgotten at all.

Exit code 0: forgotten. 1: the gateway refused, or could not be reached. 2: the arguments do not fit
together, or there is no such API or stage.";

/// The arguments of `flush`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Flush {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// The API, by its name in `attache.yaml`.
    #[arg(long)]
    pub api: String,
    /// The stage.
    #[arg(long)]
    pub stage: String,
    /// What Lambda authorizers have said, rather than responses.
    #[arg(long, conflicts_with_all = ["method", "key"])]
    pub authorizers: bool,
    /// Only the responses of this method, such as `/pets/GET`.
    #[arg(long, value_name = "METHOD", conflicts_with = "key")]
    pub method: Option<String>,
    /// Only the response to this request: its path without the stage, and its query string.
    #[arg(long, value_name = "TARGET")]
    pub key: Option<String>,
    /// The method of that request.
    #[arg(long, value_name = "VERB", requires = "key", default_value = "GET")]
    pub verb: String,
    /// A header field of that request, when it is a part of the cache key; may come several times.
    #[arg(long = "header", value_name = "NAME: VALUE", requires = "key")]
    pub headers: Vec<String>,
    /// Where the gateway is; the one that `attache run` serves, or else `http://127.0.0.1:8080`, if
    /// not given.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The file that holds the token of the management API; ATTACHE_MANAGEMENT_TOKEN may hold it
    /// too.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How to print what happened.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}
