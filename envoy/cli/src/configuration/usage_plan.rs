use std::collections::BTreeMap;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Deserialize;

/// A usage plan: limits for each key that belongs to it, over the stages it holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "usage plan")]
pub struct UsagePlan {
    /// What the plan is for. Not used.
    pub description: Option<String>,
    /// Rate and burst of each key over all stages of the plan.
    pub throttle: Option<Throttle>,
    /// Requests of each key per period over all stages of the plan.
    pub quota: Option<Quota>,
    /// The stages that keys of this plan open.
    #[serde(default)]
    pub api_stages: Vec<ApiStage>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "throttle")]
pub struct Throttle {
    /// Requests a second, such as 100 or 0.5.
    #[schemars(range(min = 0))]
    pub rate_limit: f64,
    /// Requests at once, such as 200: the capacity of the token bucket.
    #[schemars(range(min = 0, max = 4_294_967_295_u32))]
    pub burst_limit: u32,
}

/// How many requests a key may make in a calendar period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "quota")]
pub struct Quota {
    /// Requests per period, such as 10000.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_u64))]
    pub limit: u64,
    /// The calendar period: DAY, WEEK or MONTH.
    pub period: Period,
    /// On which day the period starts: 0 for DAY; 0 (Sunday) to 6 for WEEK; 0 (the first) to 27
    /// for MONTH.
    #[serde(default)]
    #[schemars(range(min = 0, max = 27))]
    pub offset: u8,
    /// The IANA name of the time zone whose midnight ends a period, such as `Europe/Berlin`; UTC
    /// unless set, as on AWS.
    pub time_zone: Option<String>,
}

/// The calendar period of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "UPPERCASE")]
#[value(rename_all = "UPPER")]
#[schemars(inline)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// Seven days, from Sunday unless offset.
    Week,
    /// A calendar month, from the first unless offset.
    Month,
}

/// A stage in a usage plan.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "API stage")]
pub struct ApiStage {
    /// The API's id under `apis`.
    pub api: String,
    /// The stage's name.
    pub stage: String,
    /// Limits for single methods in place of the plan's own, by `/path/METHOD`.
    #[serde(default)]
    pub throttle: BTreeMap<String, Throttle>,
}
