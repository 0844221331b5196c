//! Throttles and quotas, exact over two workers under concurrent load.
//!
//! Time does not decide these tests. A bucket that is refilled within hours behaves like a count,
//! and is used where levels are told apart; one that is refilled many times during a test is held
//! to the bounds that follow from when requests were sent and answered.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::collections::BTreeMap;

use attache_e2e::load::{self, Attempt};
use attache_e2e::{Attache, Backend, Client, Operation, Project, Request, definition};

/// Enough that the system does not give them all to one worker.
const CONNECTIONS: usize = 24;

struct Served {
    attache: Attache,
    backend: Backend,
    _project: Project,
}

impl Served {
    /// An API `pets` and an API `toys`, each with `/one`, `/two` (with key) and `/open` (without).
    /// `settings` is everything of `attache.yaml` but the APIs; `stages` those of both APIs.
    fn new(stages: &str, settings: &str) -> Self {
        let backend = Backend::answering("served");
        let at = |path: &str| format!("http://{}{path}", backend.address());
        let operations = [
            Operation::new("GET", "/one", &at("/one")).with_key(),
            Operation::new("GET", "/two", &at("/two")).with_key(),
            Operation::new("GET", "/open", &at("/open")),
        ];
        let configuration = format!(
            "accessLog: off
apis:
  pets: {{definition: openapi.json, stages: {{{stages}}}}}
  toys: {{definition: openapi.json, stages: {{{stages}}}}}
{settings}"
        );
        let project = Project::new(&configuration, &definition(&operations));
        Self {
            attache: Attache::serve(project.path(), &[]),
            backend,
            _project: project,
        }
    }

    /// Sends `count` requests over every connection.
    fn hammer(&self, count: usize, request: &Request) -> Vec<Attempt> {
        let _of_before = self.backend.take_seen();
        let attempts = load::hammer(self.attache.address(), CONNECTIONS, count, request);
        let admitted = admitted(&attempts);
        // What was refused never reached the back end.
        assert_eq!(self.backend.take_seen().len(), admitted);
        let refused = attempts.iter().filter(|it| it.status == 429).count();
        assert_eq!(admitted + refused, attempts.len(), "only 200 and 429");
        attempts
    }

    /// How many of a storm of requests are admitted.
    fn admits(&self, request: &Request) -> usize {
        admitted(&self.hammer(5, request))
    }

    /// The name of the refusal, or an empty one.
    fn error(&self, request: &Request) -> String {
        let answer = Client::http1(self.attache.address()).send(request).unwrap();
        let error = answer.header("x-amzn-errortype").unwrap_or_default();
        String::from_utf8(error.to_vec()).unwrap()
    }

    fn assert_both_workers_served(&self) {
        for worker in 0..2 {
            let connections = self
                .attache
                .admin(&format!(
                    "/stats?filter=worker_{worker}.downstream_cx_total"
                ))
                .text();
            let served = connections
                .lines()
                .filter(|line| !line.contains("admin"))
                .any(|line| !line.ends_with(": 0"));
            assert!(served, "worker {worker}: {connections}");
        }
    }
}

fn admitted(attempts: &[Attempt]) -> usize {
    attempts.iter().filter(|it| it.status == 200).count()
}

fn key(name: &str) -> String {
    format!("{name}-0123456789-0123456789")
}

fn request(api: &str, path: &str, key_of: &str) -> Request {
    Request::new("GET", path)
        .header("host", format!("{api}.localhost"))
        .header("x-api-key", key(key_of))
}

fn keys(plans: &BTreeMap<&str, &str>) -> String {
    let keys: Vec<String> = plans
        .iter()
        .map(|(name, plans)| {
            format!(
                "  {name}: {{value: {}, usagePlans: [{plans}]}}\n",
                key(name)
            )
        })
        .collect();
    format!("apiKeys:\n{}", keys.concat())
}

#[test]
fn a_quota_admits_its_limit_over_both_workers_and_all_stages() {
    const LIMIT: usize = 400;
    let served = Served::new(
        "prod: {}, beta: {}",
        &format!(
            "usagePlans:
  gold:
    quota: {{limit: {LIMIT}, period: MONTH}}
    apiStages: [{{api: pets, stage: prod}}, {{api: pets, stage: beta}}, {{api: toys, stage: prod}}]
{}",
            keys(&BTreeMap::from([("acme", "gold"), ("other", "gold")]))
        ),
    );
    let count =
        |api: &str, path: &str, key: &str| admitted(&served.hammer(8, &request(api, path, key)));
    let of_stage = CONNECTIONS * 8;
    assert_eq!(count("pets", "/prod/one", "acme"), of_stage);
    assert_eq!(count("pets", "/beta/two", "acme"), of_stage);
    assert_eq!(count("toys", "/prod/one", "acme"), LIMIT - 2 * of_stage);
    assert_eq!(
        served.error(&request("pets", "/prod/two", "acme")),
        "LimitExceededException"
    );
    // Operations without a key and other customers are not touched.
    assert_eq!(count("pets", "/prod/open", "acme"), of_stage);
    assert_eq!(count("toys", "/prod/one", "other"), of_stage);
    served.assert_both_workers_served();
}

/// Every level alone: the others allow more.
#[test]
fn a_throttle_of_every_level_admits_what_its_bucket_holds() {
    const BURST: usize = 7;
    let slow = format!("rateLimit: 0.0001, burstLimit: {BURST}");
    let slow_stage = format!("throttlingRateLimit: 0.0001, throttlingBurstLimit: {BURST}");
    let served = Served::new(
        &format!(
            "prod: {{}},
    stage: {{methodSettings: {{\"*/*\": {{{slow_stage}}}}}}},
    method: {{methodSettings: {{
      \"*/*\": {{throttlingRateLimit: 9000, throttlingBurstLimit: 9000}},
      \"/one/GET\": {{{slow_stage}}}}}}}"
        ),
        &format!(
            "usagePlans:
  open:
    apiStages: [{{api: pets, stage: prod}}, {{api: pets, stage: stage}}, {{api: pets, stage: method}}]
  plan:
    throttle: {{{slow}}}
    apiStages: [{{api: pets, stage: prod}}, {{api: toys, stage: prod}}]
  method:
    throttle: {{rateLimit: 9000, burstLimit: 9000}}
    apiStages: [{{api: pets, stage: prod, throttle: {{\"/one/GET\": {{{slow}}}}}}}]
{}",
            keys(&BTreeMap::from([
                ("free", "open"),
                ("planned", "plan"),
                ("neighbour", "plan"),
                ("methodical", "method"),
            ]))
        ),
    );
    let all = CONNECTIONS * 5;
    let cases = [
        // The stage's bucket is one for all callers and methods.
        ("pets", "/stage/one", "free", BURST),
        ("pets", "/stage/two", "free", 0),
        ("pets", "/stage/open", "free", 0),
        ("toys", "/stage/open", "free", BURST),
        // The method's is its own.
        ("pets", "/method/one", "free", BURST),
        ("pets", "/method/two", "free", all),
        // The plan's is one for each key, over all APIs of the plan.
        ("pets", "/prod/one", "planned", BURST),
        ("toys", "/prod/two", "planned", 0),
        ("pets", "/prod/open", "planned", all),
        ("pets", "/prod/one", "neighbour", BURST),
        // The plan's for a method takes the place of the plan's.
        ("pets", "/prod/one", "methodical", BURST),
        ("pets", "/prod/two", "methodical", all),
        // Nobody above has used up anything of those who have no limit.
        ("pets", "/prod/one", "free", all),
    ];
    for (api, path, key, expected) in cases {
        let request = request(api, path, key);
        assert_eq!(served.admits(&request), expected, "{api}{path} of {key}");
        if expected < all {
            assert_eq!(served.error(&request), "TooManyRequestsException");
        }
    }
    served.assert_both_workers_served();
}

#[test]
fn the_account_s_throttle_is_one_for_everything() {
    let served = Served::new(
        "prod: {}",
        "account: {throttle: {rateLimit: 0.0001, burstLimit: 50}}\n",
    );
    let request = |api: &str| request(api, "/prod/open", "nobody");
    assert_eq!(served.admits(&request("pets")), 50);
    assert_eq!(served.admits(&request("toys")), 0);
    assert_eq!(served.error(&request("toys")), "TooManyRequestsException");
}

/// The buckets are refilled many times during this test, at two levels at once: the tighter one
/// decides, and each admits what its rate and burst allow.
#[test]
fn a_bucket_that_is_refilled_admits_what_rate_and_burst_allow() {
    let served = Served::new(
        "prod: {},
    stage: {methodSettings: {\"*/*\": {throttlingRateLimit: 100, throttlingBurstLimit: 120}}}",
        &format!(
            "usagePlans:
  gold:
    throttle: {{rateLimit: 120.5, burstLimit: 150}}
    apiStages: [{{api: pets, stage: prod}}, {{api: pets, stage: stage}}]
{}",
            keys(&BTreeMap::from([("acme", "gold"), ("other", "gold")]))
        ),
    );
    for (path, key, rate, burst) in [
        ("/stage/one", "acme", 100.0, 120.0),
        ("/prod/one", "other", 120.5, 150.0),
    ] {
        let attempts = served.hammer(100, &request("pets", path, key));
        let bounds = load::admissible(&attempts, rate, burst);
        let admitted = admitted(&attempts);
        assert!(
            bounds.contains(&admitted),
            "{path}: {admitted} not in {bounds:?}"
        );
        assert!(admitted < attempts.len(), "{path}: nothing was refused");
    }
    served.assert_both_workers_served();
}

#[test]
fn a_throttled_request_uses_no_quota() {
    let served = Served::new(
        "prod: {}",
        &format!(
            "usagePlans:
  gold:
    throttle: {{rateLimit: 9000, burstLimit: 9000}}
    quota: {{limit: 50, period: MONTH}}
    apiStages: [{{api: pets, stage: prod, throttle: {{\"/one/GET\": {{rateLimit: 0.0001, burstLimit: 20}}}}}}]
{}",
            keys(&BTreeMap::from([("acme", "gold")]))
        ),
    );
    let (throttled, other) = (
        request("pets", "/prod/one", "acme"),
        request("pets", "/prod/two", "acme"),
    );
    // A hundred more than the bucket holds, twice.
    assert_eq!(served.admits(&throttled), 20);
    assert_eq!(served.admits(&throttled), 0);
    assert_eq!(served.error(&throttled), "TooManyRequestsException");
    // All that is left of the quota is still there.
    assert_eq!(served.admits(&other), 30);
    assert_eq!(served.error(&other), "LimitExceededException");
}

#[test]
fn a_key_has_one_plan_on_each_api() {
    let served = Served::new(
        "prod: {}",
        &format!(
            "usagePlans:
  cats: {{quota: {{limit: 30, period: MONTH}}, apiStages: [{{api: pets, stage: prod}}]}}
  blocks: {{throttle: {{rateLimit: 0.0001, burstLimit: 11}}, apiStages: [{{api: toys, stage: prod}}]}}
{}",
            keys(&BTreeMap::from([("acme", "cats, blocks"), ("cat", "cats")]))
        ),
    );
    let (pets, toys) = (
        request("pets", "/prod/one", "acme"),
        request("toys", "/prod/one", "acme"),
    );
    assert_eq!(served.admits(&pets), 30);
    assert_eq!(served.error(&pets), "LimitExceededException");
    assert_eq!(served.admits(&toys), 11);
    assert_eq!(served.error(&toys), "TooManyRequestsException");
    let elsewhere = request("toys", "/prod/one", "cat");
    assert_eq!(served.error(&elsewhere), "ForbiddenException");
}
