use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::terminal::Output;

const EXAMPLES: &str = "\
Examples:
  attache import openapi petstore.json --out shop
  attache import aws exported --out shop
  attache import sam template.yaml --parameter Stage=prod --out shop

Exit code 0: what was written can be served. 1: it is refused, with every reason.";

const OF_OPENAPI: &str = "\
Examples:
  attache import openapi petstore.json --out shop
  attache import openapi api.yaml --protocol HTTP --stage '$default' --out shop
  attache import openapi api.yaml --parameter MyFunction.Arn=arn:aws:lambda:eu-central-1:123456789012:function:orders

Values that CloudFormation would put in (`Fn::Sub`, `Ref`, …) are put in as far as they can be told;
`--parameter` tells the others, by their names in the document.";

const OF_AWS: &str = "\
DIR holds what the AWS command line printed, one file a call, with any names; each file is recognised
by what it holds. Put the id of the API into the name of every file that belongs to one API, the id of
the plan into that of usage-plan-keys, the domain name into that of its mappings:

  aws apigateway get-rest-apis                                  > rest-apis.json
  aws apigateway get-stages --rest-api-id ID                    > stages-ID.json
  aws apigateway get-export --rest-api-id ID --stage-name STAGE --export-type oas30 \\
      --parameters extensions=apigateway                          export-ID.json
  aws apigateway get-usage-plans                                > usage-plans.json
  aws apigateway get-usage-plan-keys --usage-plan-id PLAN       > usage-plan-keys-PLAN.json
  aws apigateway get-api-keys --include-values                  > api-keys.json
  aws apigateway get-domain-names                               > domain-names.json
  aws apigateway get-base-path-mappings --domain-name NAME      > mappings-NAME.json
  aws apigatewayv2 get-apis                                     > apis.json
  aws apigatewayv2 get-stages --api-id ID                       > stages-ID.json
  aws apigatewayv2 export-api --api-id ID --specification OAS30 \\
      --output-type JSON --include-extensions                     export-ID.json

In place of an export, these do: get-resources --embed methods, get-authorizers, get-models,
get-request-validators and get-gateway-responses for a REST API, get-routes, get-integrations and
get-authorizers for an HTTP API. Values of API keys are written as their SHA-256.

Examples:
  attache import aws exported --out shop
  attache import aws exported --out shop --output json";

const OF_SAM: &str = "\
Examples:
  attache import sam template.yaml --out shop
  attache import cloudformation template.json --parameter Stage=prod --out shop

Intrinsic functions get their values from the template's mappings, its conditions and the defaults of
its parameters; `--parameter` tells others, of resources too: `--parameter Table=orders`,
`--parameter Function.Arn=arn:…`.";

/// The arguments of `attache import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// What is imported.
    #[command(subcommand)]
    pub source: Source,
}

/// What is imported.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// An OpenAPI document, such as an export of API Gateway's.
    Openapi(Openapi),
    /// What the AWS command line prints of the APIs of an account.
    Aws(Aws),
    /// A template of AWS SAM or CloudFormation.
    #[command(visible_alias = "cloudformation")]
    Sam(Cloudformation),
}

/// Where to write, and what to print.
#[derive(Debug, Args)]
pub struct Writing {
    /// The folder that `attache.yaml` is written to; it is made when it is not there.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
    /// How to print what became of each thing.
    #[arg(long, value_enum, default_value_t)]
    pub output: Output,
}

/// REST API (v1) or HTTP API (v2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum Protocol {
    /// API Gateway v1.
    Rest,
    /// API Gateway v2.
    Http,
}

/// The arguments of `attache import openapi`.
#[derive(Debug, Args)]
#[command(after_help = OF_OPENAPI)]
pub struct Openapi {
    /// The document: OpenAPI 2.0, 3.0 or 3.1, in YAML or JSON.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The API's id; made of its title unless set.
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Whether it is a REST or an HTTP API; told by what the document holds unless set.
    #[arg(long, value_enum)]
    pub protocol: Option<Protocol>,
    /// The name of the stage; that of the document's address unless set, else `prod`, or `$default`
    /// for an HTTP API.
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// A value that CloudFormation would put in.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub parameter: Vec<(String, String)>,
    /// Where to write.
    #[command(flatten)]
    pub writing: Writing,
}

/// The arguments of `attache import aws`.
#[derive(Debug, Args)]
#[command(after_help = OF_AWS)]
pub struct Aws {
    /// The folder of what the AWS command line printed.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Where to write.
    #[command(flatten)]
    pub writing: Writing,
}

/// The arguments of `attache import sam`.
#[derive(Debug, Args)]
#[command(after_help = OF_SAM)]
pub struct Cloudformation {
    /// The template, in YAML or JSON.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The value of a parameter, or of what the template says about a resource.
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub parameter: Vec<(String, String)>,
    /// Where to write.
    #[command(flatten)]
    pub writing: Writing,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write `NAME=VALUE`".to_owned()),
    }
}
