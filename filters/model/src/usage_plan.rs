use serde::{Deserialize, Serialize};

use crate::Verb;

/// A usage plan: limits for each key that belongs to it, over the stages it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UsagePlan {
    /// The plan's name under `usagePlans` in `attache.yaml`.
    pub id: String,
    /// Rate and burst of each key over all stages of the plan.
    #[serde(default)]
    pub throttle: Option<Throttle>,
    /// Requests of each key per period over all stages of the plan.
    #[serde(default)]
    pub quota: Option<Quota>,
    /// The stages that keys of this plan may call.
    pub api_stages: Vec<ApiStage>,
}

/// A stage in a usage plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiStage {
    /// The id of the API.
    pub api: String,
    /// The name of the stage.
    pub stage: String,
    /// Limits that replace the plan's own for one method.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub throttle: Vec<MethodThrottle>,
}

/// A plan's throttle for one method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MethodThrottle {
    /// The resource path as in the definition.
    pub path: String,
    /// The method of the operation.
    pub method: Verb,
    /// Rate and burst of each key on this method.
    pub throttle: Throttle,
}

/// A token bucket: `burstLimit` tokens at most, refilled at `rateLimit` a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Throttle {
    /// Tokens per second; finite and not negative.
    pub rate_limit: f64,
    /// The capacity of the bucket.
    pub burst_limit: u32,
}

/// How many requests a key may make in a calendar period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// Requests per period.
    pub limit: u64,
    /// The length of the period.
    pub period: Period,
    /// On which day the period starts: 0 for DAY; 0 (Sunday) to 6 for WEEK; 0 (the first) to 27
    /// for MONTH.
    #[serde(default)]
    pub offset: u8,
    /// Where midnight is taken; `None` is UTC, as on AWS.
    #[serde(default)]
    pub time_zone: Option<TimeZone>,
}

/// The calendar period of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// Seven days, from Sunday unless offset.
    Week,
    /// A calendar month, from the first unless offset.
    Month,
}

/// A time zone with its rules, so that the filter needs no zone database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeZone {
    /// The IANA name, such as `Europe/Berlin`.
    pub name: String,
    /// The zone's TZif data (RFC 9636), in base64.
    pub tzif: String,
}

/// What a key had used of a plan when an earlier gateway told it, for the one that takes its place.
/// Both values are what that gateway had stored, in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptUsage {
    /// The id of the plan.
    pub usage_plan: String,
    /// The id of the API key.
    pub api_key: String,
    /// The count of the plan's quota.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<String>,
    /// The days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
}
