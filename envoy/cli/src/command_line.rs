//! What can be typed, and which module answers it.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::terminal::Terminal;
use crate::{
    cache, check, compile, completions, deployments, docs, export, image, import, keys, man,
    run as serve, schema, sdk, template, test_authorizer, test_invoke, usage, usage_plans,
};

/// The exit code of a command that refuses a configuration, or cannot do what it was asked, having
/// said why.
pub const REFUSED: u8 = 1;

/// What the exit codes of every command mean.
pub const EXIT_CODES: [(u8, &str); 3] = [
    (0, "It is done; there may be warnings."),
    (
        REFUSED,
        "The configuration is refused, or what was asked cannot be done. The reasons are told.",
    ),
    (2, "The command line cannot be understood."),
];

/// AWS API Gateway's behaviour on Envoy.
///
/// Bring an OpenAPI document, usage plans and API keys; the same requests get the same answers.
#[derive(Debug, Parser)]
#[command(name = "attache", version, propagate_version = true)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Serve a configuration: start Envoy with the gateway's filter.
    Run(serve::Arguments),
    /// Report everything that is wrong with a configuration, and start nothing.
    Check(check::Arguments),
    /// Write the files to deploy on an Envoy of your own.
    Compile(compile::Arguments),
    /// Have a stage serve the working files as they are now, whatever becomes of them.
    Deploy(deployments::Deploy),
    /// List what was deployed, and what of it is served.
    Deployments(deployments::List),
    /// Tell what changes for callers between two deployments, stages, or the working files.
    Diff(deployments::Diff),
    /// Make a canary release, or what another stage serves, what a stage serves.
    Promote(deployments::Promote),
    /// End the canary release of a stage.
    Abandon(deployments::Abandon),
    /// Have a stage serve what it served before.
    Rollback(deployments::Rollback),
    /// Write the filters as OCI images, without Docker.
    Image(image::Arguments),
    /// Flush the response caches of a gateway that runs.
    Cache(cache::Arguments),
    /// Print what a shell needs to complete these commands.
    Completions(completions::Arguments),
    /// Write the reference of an API as one page that needs nothing else.
    Docs(docs::Arguments),
    /// Write an API's definition as API Gateway exports it: OpenAPI 3.0 or Swagger 2.0.
    Export(export::Arguments),
    /// Make attache.yaml of what others have written: OpenAPI, AWS's answers, SAM templates.
    Import(import::Arguments),
    /// Manage API keys in the files that declare them.
    Keys(keys::Arguments),
    /// Print the manual as man pages.
    Man(man::Arguments),
    /// Print the JSON Schema of attache.yaml.
    Schema(schema::Arguments),
    /// Make a client for an API, by openapi-generator.
    Sdk(sdk::Arguments),
    /// Render a mapping template.
    Template(template::Arguments),
    /// Show who may call, and why, for one request and without Envoy.
    TestAuthorizer(test_authorizer::Arguments),
    /// Send one request through the policies without Envoy, and print the log of its execution.
    TestInvoke(test_invoke::Arguments),
    /// Show what API keys have used of their plans, or let them use more.
    Usage(usage::Arguments),
    /// Manage the usage plans that gateways share in Redis.
    UsagePlans(usage_plans::Arguments),
}

/// Does what was typed.
///
/// # Errors
///
/// When the output cannot be written.
pub fn run(command_line: &CommandLine, terminal: &mut Terminal) -> io::Result<ExitCode> {
    match &command_line.verb {
        Verb::Run(arguments) => serve::command(arguments, terminal),
        Verb::Check(arguments) => check::run(arguments, terminal),
        Verb::Compile(arguments) => compile::run(arguments, terminal),
        Verb::Deploy(arguments) => deployments::deploy(arguments, terminal),
        Verb::Deployments(arguments) => deployments::list(arguments, terminal),
        Verb::Diff(arguments) => deployments::diff(arguments, terminal),
        Verb::Promote(arguments) => deployments::promote(arguments, terminal),
        Verb::Abandon(arguments) => deployments::abandon(arguments, terminal),
        Verb::Rollback(arguments) => deployments::rollback(arguments, terminal),
        Verb::Image(arguments) => image::run(arguments, terminal),
        Verb::Cache(arguments) => cache::run(arguments, terminal),
        Verb::Completions(arguments) => completions::run(arguments, terminal),
        Verb::Docs(arguments) => docs::run(arguments, terminal),
        Verb::Export(arguments) => export::run(arguments, terminal),
        Verb::Import(arguments) => import::run(arguments, terminal),
        Verb::Keys(arguments) => keys::command(arguments, terminal),
        Verb::Man(arguments) => man::run(arguments, terminal),
        Verb::Schema(arguments) => schema::run(arguments, terminal),
        Verb::Sdk(arguments) => sdk::run(arguments, terminal),
        Verb::Template(arguments) => template::run(arguments, terminal),
        Verb::TestAuthorizer(arguments) => test_authorizer::run(arguments, terminal),
        Verb::TestInvoke(arguments) => test_invoke::run(arguments, terminal),
        Verb::Usage(arguments) => usage::run(arguments, terminal),
        Verb::UsagePlans(arguments) => usage_plans::command(arguments, terminal),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::CommandLine;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }
}
