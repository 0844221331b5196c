//! What can be typed after the verbs of deployments.

use std::path::PathBuf;

use clap::Args;

use super::folder::is_percentage;
use crate::terminal::Output;

/// Which stage is changed, and how that is told.
#[derive(Clone, Debug, Args)]
pub struct StageArguments {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// The stage.
    #[arg(long)]
    pub stage: String,
    /// The API, by its name in `attache.yaml`; needed where several have such a stage.
    #[arg(long)]
    pub api: Option<String>,
    /// Why, for the history.
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Say what would change, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How to print what was done.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

const DEPLOY: &str = "\
Examples:
  attache deploy --stage prod -m 'Photos of pets'
  attache deploy --stage prod --dry-run
  attache deploy --stage prod --canary 10 -m 'The new back end'

A gateway that `attache run` serves takes it over without losing a request. With --canary, ten of a
hundred requests get what is deployed, and the others what the stage served before, until
`attache promote` or `attache abandon`; canarySettings of the stage say which variables differ and
whose cache is used. Given again, with the same files, it changes the share.

Exit code 0: deployed, or there already. 1: refused, with every reason. 2: there is no such stage, or
the arguments do not fit together.";

/// The arguments of `attache deploy`.
#[derive(Debug, Args)]
#[command(after_help = DEPLOY)]
pub struct Deploy {
    /// What and where.
    #[command(flatten)]
    pub target: StageArguments,
    /// Deploy a canary release, which gets this share of the requests.
    #[arg(long, value_name = "PERCENT", value_parser = percentage, allow_negative_numbers = true)]
    pub canary: Option<f64>,
}

const PROMOTE: &str = "\
Examples:
  attache promote --stage prod
  attache promote --stage prod --from staging -m 'Release 12'

Without --from, the canary release becomes what the stage serves, its variables with it. With it, the
stage serves the operations that another stage of the API serves, with its own settings from
attache.yaml.

Exit code 0: done. 1: refused, with every reason. 2: there is no such stage, or the arguments do not
fit together.";

/// The arguments of `attache promote`.
#[derive(Debug, Args)]
#[command(after_help = PROMOTE)]
pub struct Promote {
    /// What and where.
    #[command(flatten)]
    pub target: StageArguments,
    /// The stage whose deployment is taken over; the canary release of the stage if not given.
    #[arg(long, value_name = "STAGE")]
    pub from: Option<String>,
}

const ROLLBACK: &str = "\
Examples:
  attache rollback --stage prod -m 'Photos are broken'
  attache rollback --stage prod --to 3f2ab91c04de

Without --to, the stage serves what it served before; given twice, what it served before that. A
deployment may be named by the beginning of its name.

Exit code 0: done. 1: refused, with every reason. 2: there is no such stage, or the arguments do not
fit together.";

/// The arguments of `attache rollback`.
#[derive(Debug, Args)]
#[command(after_help = ROLLBACK)]
pub struct Rollback {
    /// What and where.
    #[command(flatten)]
    pub target: StageArguments,
    /// The deployment of the stage to go back to, or on to.
    #[arg(long, value_name = "ID")]
    pub to: Option<String>,
}

const ABANDON: &str = "\
Examples:
  attache abandon --stage prod -m 'Too many errors'

Exit code 0: the canary release is gone. 1: refused, with every reason. 2: there is no such stage.";

/// The arguments of `attache abandon`.
#[derive(Debug, Args)]
#[command(after_help = ABANDON)]
pub struct Abandon {
    /// What and where.
    #[command(flatten)]
    pub target: StageArguments,
}

const LIST: &str = "\
Examples:
  attache deployments
  attache deployments --stage prod --output json | jq -r '.deployments[].id'";

/// The arguments of `attache deployments`.
#[derive(Debug, Args)]
#[command(after_help = LIST)]
pub struct List {
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// Only those of this stage.
    #[arg(long)]
    pub stage: Option<String>,
    /// Only those of this API.
    #[arg(long)]
    pub api: Option<String>,
    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

const DIFF: &str = "\
Examples:
  attache diff prod .
  attache diff 3f2ab91c04de 91aa02bd11ef
  attache diff staging prod --exit-code

Each side is a deployment, by its name or the beginning of it; a stage, for what it serves; or `.` for
the working files, with the settings that the stage of the other side has there. Told is what callers
can notice: routes, API keys, authorization, validation, limits, integrations.

Exit code 0: compared. 1: the files are refused, with every reason; with --exit-code, also that there
are changes. 2: there is no such deployment or stage.";

/// The arguments of `attache diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF)]
pub struct Diff {
    /// A deployment, a stage, or `.` for the working files.
    #[arg(value_name = "A")]
    pub before: String,
    /// The same, for what came after.
    #[arg(value_name = "B")]
    pub after: String,
    /// The folder that holds `attache.yaml`, or such a file.
    #[arg(value_name = "DIR", default_value = ".")]
    pub path: PathBuf,
    /// The API, by its name in `attache.yaml`; needed where several have such a stage.
    #[arg(long)]
    pub api: Option<String>,
    /// Exit with code 1 when there are changes.
    #[arg(long)]
    pub exit_code: bool,
    /// How to print the changes.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

fn percentage(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| is_percentage(*number));
    number.ok_or_else(|| "write a number from 0 to 100".to_owned())
}
