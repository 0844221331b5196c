//! Tells clients how they stand with their usage plan, in the header fields of the IETF draft
//! `RateLimit` and of RFC 9110 §10.2.3 (`Retry-After`).
//!
//! AWS sends none of these, so [`UsagePlans::admit`](crate::usage_plan::UsagePlans::admit) leaves
//! out what they are made of unless the configuration has `rateLimitHeaders` on, and then nothing
//! is made here.
//!
//! A throttle is told as the policy `"throttle"`: `q` is the burst and `w` the seconds in which
//! an empty bucket fills, so that `q` over `w` is the rate. A quota is the policy `"quota"`: `w`
//! is the length of its period. `t` says when the limit will be whole again.
//!
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>

use std::fmt::Write;

use crate::usage_plan::{Allowance, Refusal, Remaining};

/// The largest integer of a structured field (RFC 9651 §3.3.1).
const LARGEST: u64 = 999_999_999_999_999;

/// The fields for the answer to an admitted request.
#[must_use]
pub fn of_allowance(allowance: &Allowance) -> Vec<(&'static str, String)> {
    let mut policy = String::new();
    let mut state = String::new();
    let limits = [("throttle", allowance.throttle), ("quota", allowance.quota)];
    for (name, remaining) in limits {
        if let Some(remaining) = remaining {
            append(&mut policy, &mut state, name, remaining);
        }
    }
    if policy.is_empty() {
        return Vec::new();
    }
    vec![("ratelimit-policy", policy), ("ratelimit", state)]
}

/// The fields for a refusal.
#[must_use]
pub fn of_refusal(refusal: &Refusal) -> Vec<(&'static str, String)> {
    let mut fields = of_allowance(&refusal.allowance);
    if let Some(seconds) = refusal.retry_after {
        fields.push(("retry-after", seconds.to_string()));
    }
    fields
}

/// Adds one limit to the list of policies and to that of their states.
fn append(policy: &mut String, state: &mut String, name: &str, remaining: Remaining) {
    let separator = if policy.is_empty() { "" } else { ", " };
    policy.push_str(separator);
    state.push_str(separator);
    item(
        policy,
        name,
        ('q', remaining.limit),
        ('w', remaining.window),
    );
    item(
        state,
        name,
        ('r', remaining.requests),
        ('t', remaining.reset),
    );
}

/// One member of a structured list: the name and its two parameters.
fn item(list: &mut String, name: &str, amount: (char, u64), seconds: (char, Option<u64>)) {
    // Writing to a string cannot fail.
    let _ = write!(list, "\"{name}\";{}={}", amount.0, amount.1.min(LARGEST));
    if let (parameter, Some(seconds)) = seconds {
        let _ = write!(list, ";{parameter}={}", seconds.min(LARGEST));
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{of_allowance, of_refusal};
    use crate::usage_plan::{Allowance, Reason, Refusal, Remaining};

    const THROTTLE: Remaining = Remaining {
        limit: 100,
        window: Some(2),
        requests: 99,
        reset: Some(1),
    };
    const QUOTA: Remaining = Remaining {
        limit: u64::MAX,
        window: Some(86_400),
        requests: u64::MAX - 1,
        reset: Some(0),
    };

    #[wasm_bindgen_test(unsupported = test)]
    fn each_limit_of_the_plan_is_one_policy() {
        for (throttle, quota, policy, state) in [
            (
                Some(THROTTLE),
                None,
                r#""throttle";q=100;w=2"#,
                r#""throttle";r=99;t=1"#,
            ),
            (
                None,
                Some(QUOTA),
                r#""quota";q=999999999999999;w=86400"#,
                r#""quota";r=999999999999999;t=0"#,
            ),
            (
                Some(THROTTLE),
                Some(QUOTA),
                r#""throttle";q=100;w=2, "quota";q=999999999999999;w=86400"#,
                r#""throttle";r=99;t=1, "quota";r=999999999999999;t=0"#,
            ),
            (
                Some(Remaining {
                    window: None,
                    reset: None,
                    requests: 0,
                    ..THROTTLE
                }),
                None,
                r#""throttle";q=100"#,
                r#""throttle";r=0"#,
            ),
        ] {
            assert_eq!(
                of_allowance(&Allowance { throttle, quota }),
                [
                    ("ratelimit-policy", policy.to_owned()),
                    ("ratelimit", state.to_owned())
                ]
            );
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn without_a_plan_nothing_is_told() {
        assert_eq!(of_allowance(&Allowance::default()), []);
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_refusal_says_when_to_come_back() {
        let refusal = |retry_after| Refusal {
            reason: Reason::Throttled,
            retry_after,
            allowance: Allowance::default(),
        };
        assert_eq!(
            of_refusal(&refusal(Some(7))),
            [("retry-after", "7".to_owned())]
        );
        assert_eq!(of_refusal(&refusal(None)), []);
    }
}
