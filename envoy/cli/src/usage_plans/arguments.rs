//! What can be typed after `attache usage-plans`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::configuration::{Period, Throttle};
use crate::terminal::Output;

const EXAMPLES: &str = "\
Examples:
  attache usage-plans create gold --fleet --rate-limit 100 --burst-limit 200 \\
    --quota-limit 100000 --quota-period MONTH --api-stage orders:prod
  attache usage-plans update gold --fleet --burst-limit 400 \\
    --method-throttle orders:prod:/orders/{id}/GET=10:20
  attache usage-plans list --fleet --output json
  attache keys create acme --fleet --plan gold

Keys that live in Redis belong to these plans, and to those of attache.yaml; keys of the files
belong to plans of the files alone.

Exit code 0: done. 1: refused, or Redis did not answer. 2: the arguments do not fit together.";

/// Create, update, delete and list the usage plans in the Redis that gateways share.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
    /// In the Redis that the gateways share (`state.redis`, with `apiKeys: true` and
    /// `usagePlans: true`): they know within two seconds, and nothing is deployed. Required, as
    /// plans of the files are edited in `attache.yaml`.
    #[arg(long, global = true)]
    pub fleet: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do with the usage plans.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create a usage plan.
    Create(Create),
    /// Change what is given of a usage plan, and leave the rest.
    Update(Update),
    /// Delete a usage plan that holds no stages and has no keys.
    Delete(Delete),
    /// List the usage plans.
    List(List),
}

/// The arguments of `create`.
#[derive(Debug, Args)]
pub struct Create {
    /// The name of the new plan, which is also its id.
    pub name: String,
    /// The limits and stages.
    #[command(flatten)]
    pub limits: Limits,
}

/// The limits of a plan, and the stages that it holds.
#[derive(Debug, Default, Args)]
pub struct Limits {
    /// Requests a second for each key, such as 100 or 0.5.
    #[arg(long, value_name = "N")]
    pub rate_limit: Option<f64>,
    /// Requests at once for each key: the capacity of the token bucket.
    #[arg(long, value_name = "N")]
    pub burst_limit: Option<u32>,
    /// Requests of each key per period.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=MOST_REQUESTS))]
    pub quota_limit: Option<u64>,
    /// The calendar period of the quota.
    #[arg(long, value_enum, value_name = "PERIOD")]
    pub quota_period: Option<Period>,
    /// On which day the period starts: 0 (Sunday) to 6 for WEEK, 0 (the first) to 27 for MONTH.
    #[arg(long, value_name = "N")]
    pub quota_offset: Option<u8>,
    /// The time zone whose midnight ends a period, such as `Europe/Berlin`; UTC unless set, as on
    /// AWS.
    #[arg(long, value_name = "ZONE")]
    pub quota_time_zone: Option<String>,
    /// A stage that keys of the plan open; may be given several times.
    #[arg(long = "api-stage", value_name = "API:STAGE", value_parser = held_stage)]
    pub api_stages: Vec<HeldStage>,
    /// Limits for one method in place of the plan's own, such as `orders:prod:/orders/GET=10:20`;
    /// may be given several times.
    #[arg(
        long = "method-throttle",
        value_name = "API:STAGE:/PATH/METHOD=RATE:BURST",
        value_parser = method_throttle
    )]
    pub method_throttles: Vec<MethodThrottle>,
}

/// As many requests as JSON can say exactly.
const MOST_REQUESTS: u64 = 9_007_199_254_740_991;

/// The arguments of `update`.
#[derive(Debug, Args)]
pub struct Update {
    /// The name of the plan.
    pub name: String,
    /// What is to be changed or added.
    #[command(flatten)]
    pub limits: Limits,
    /// Remove the throttle of the plan.
    #[arg(long, conflicts_with_all = ["rate_limit", "burst_limit"])]
    pub no_throttle: bool,
    /// Remove the quota.
    #[arg(
        long,
        conflicts_with_all = ["quota_limit", "quota_period", "quota_offset", "quota_time_zone"]
    )]
    pub no_quota: bool,
    /// A stage that keys of the plan no longer open; may be given several times.
    #[arg(long = "remove-api-stage", value_name = "API:STAGE", value_parser = held_stage)]
    pub removed_api_stages: Vec<HeldStage>,
    /// A method that is no longer throttled by itself; may be given several times.
    #[arg(
        long = "remove-method-throttle",
        value_name = "API:STAGE:/PATH/METHOD",
        value_parser = throttled_method
    )]
    pub removed_method_throttles: Vec<ThrottledMethod>,
}

/// The arguments of `delete`.
#[derive(Debug, Args)]
pub struct Delete {
    /// The name of the plan.
    pub name: String,
    /// Delete it although it holds stages or has keys; its keys keep its name, and open nothing by
    /// it.
    #[arg(long)]
    pub force: bool,
}

/// The arguments of `list`.
#[derive(Debug, Args)]
pub struct List {}

/// A stage, as AWS writes it: `API:STAGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldStage {
    /// The id of the API.
    pub api: String,
    /// The name of the stage.
    pub stage: String,
}

/// A method of a stage: `API:STAGE:/PATH/METHOD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrottledMethod {
    /// The stage.
    pub stage: HeldStage,
    /// `/PATH/METHOD`, as it was typed.
    pub method: String,
}

/// The limits of a method: `API:STAGE:/PATH/METHOD=RATE:BURST`.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodThrottle {
    /// The method.
    pub method: ThrottledMethod,
    /// Its limits.
    pub throttle: Throttle,
}

fn held_stage(text: &str) -> Result<HeldStage, String> {
    match text.split_once(':') {
        Some((api, stage)) if !api.is_empty() && !stage.is_empty() && !stage.contains(':') => {
            Ok(HeldStage {
                api: api.to_owned(),
                stage: stage.to_owned(),
            })
        }
        _ => Err("write the id of the API and the name of the stage: `orders:prod`".to_owned()),
    }
}

fn throttled_method(text: &str) -> Result<ThrottledMethod, String> {
    let method = text.split_once(':').and_then(|(api, rest)| {
        let (stage, method) = rest.split_once(':')?;
        let stage = held_stage(&format!("{api}:{stage}")).ok()?;
        let method = (!method.is_empty()).then(|| method.to_owned())?;
        Some(ThrottledMethod { stage, method })
    });
    method.ok_or_else(|| {
        "write the stage, the resource path and the method: `orders:prod:/orders/GET`".to_owned()
    })
}

fn method_throttle(text: &str) -> Result<MethodThrottle, String> {
    const FORM: &str = "write rate and burst behind the method: `orders:prod:/orders/GET=10:20`";
    let (method, limits) = text.rsplit_once('=').ok_or(FORM)?;
    let (rate, burst) = limits.split_once(':').ok_or(FORM)?;
    Ok(MethodThrottle {
        method: throttled_method(method)?,
        throttle: Throttle {
            rate_limit: rate.parse().map_err(|_| FORM)?,
            burst_limit: burst.parse().map_err(|_| FORM)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::{Arguments, HeldStage, Verb};
    use crate::configuration::Period;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn read(arguments: &[&str]) -> Result<Verb, clap::Error> {
        let line = ["usage-plans"].iter().chain(arguments);
        Line::try_parse_from(line).map(|line| line.arguments.verb)
    }

    #[test]
    fn limits_and_stages_are_read_in_the_notations_of_aws() {
        let verb = read(&[
            "create",
            "gold",
            "--rate-limit",
            "0.5",
            "--burst-limit",
            "200",
            "--quota-limit",
            "1000",
            "--quota-period",
            "WEEK",
            "--quota-offset",
            "1",
            "--api-stage",
            "orders:prod",
            "--api-stage",
            "orders:test",
            "--method-throttle",
            "orders:prod:/orders/{id}:cancel=now/POST=2.5:7",
        ]);
        let Ok(Verb::Create(create)) = verb else {
            panic!("{verb:?}");
        };
        let limits = create.limits;
        assert_eq!(
            (create.name.as_str(), limits.rate_limit, limits.burst_limit),
            ("gold", Some(0.5), Some(200))
        );
        assert_eq!(
            (limits.quota_limit, limits.quota_period, limits.quota_offset),
            (Some(1_000), Some(Period::Week), Some(1))
        );
        let stage = |stage: &str| HeldStage {
            api: "orders".to_owned(),
            stage: stage.to_owned(),
        };
        assert_eq!(limits.api_stages, [stage("prod"), stage("test")]);
        let [throttle] = &limits.method_throttles[..] else {
            panic!("{limits:?}");
        };
        assert_eq!(throttle.method.stage, stage("prod"));
        assert_eq!(throttle.method.method, "/orders/{id}:cancel=now/POST");
        assert_eq!(
            (throttle.throttle.rate_limit, throttle.throttle.burst_limit),
            (2.5, 7)
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_usage_error() {
        for arguments in [
            &["create"][..],
            &["create", "gold", "--rate-limit", "many"],
            &["create", "gold", "--burst-limit", "-1"],
            &["create", "gold", "--burst-limit", "0.5"],
            &["create", "gold", "--quota-limit", "9007199254740992"],
            &["create", "gold", "--quota-period", "YEAR"],
            &["create", "gold", "--quota-offset", "256"],
            &["create", "gold", "--api-stage", "orders"],
            &["create", "gold", "--api-stage", ":prod"],
            &["create", "gold", "--api-stage", "orders:"],
            &["create", "gold", "--api-stage", "orders:prod:/x/GET"],
            &["create", "gold", "--method-throttle", "orders:prod:/x/GET"],
            &["create", "gold", "--method-throttle", "orders:prod=1:2"],
            &["create", "gold", "--method-throttle", "orders:prod:=1:2"],
            &[
                "create",
                "gold",
                "--method-throttle",
                "orders:prod:/x/GET=1",
            ],
            &[
                "create",
                "gold",
                "--method-throttle",
                "orders:prod:/x/GET=1:b",
            ],
            &["create", "gold", "--no-quota"],
            &["update", "gold", "--no-throttle", "--rate-limit", "1"],
            &["update", "gold", "--no-quota", "--quota-offset", "1"],
            &["update", "gold", "--remove-api-stage", "orders"],
            &["update", "gold", "--remove-method-throttle", "orders:prod"],
            &["delete"],
        ] {
            let error = read(arguments).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }
}
