//! Limits that hold over many gateways: real Envoys, a real Webdis and a real Redis.
//!
//! Time does not decide these tests. A quota is exact; a throttle is held to the bound that follows
//! from when requests were sent and answered.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::any::Any;
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use attache_e2e::load::{self, Attempt};
use attache_e2e::{
    Attache, Backend, Body, Client, Operation, Project, Redis, Request, Upstash, Webdis,
    definition, until,
};
use proptest::prelude::*;
use rustix::process::Signal;
use serde_json::Value;

#[allow(dead_code, reason = "the tests of the leases use the rest")]
#[path = "../../../filters/policies/src/fleet/redis_model.rs"]
mod redis_model;

const SCRIPT: &str = include_str!("../../../filters/policies/src/fleet/renew.lua");

const COUNT: &str = include_str!("../../../filters/policies/src/fleet/count_usage.lua");

const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// Gateways with one configuration, and what they share.
struct Fleet {
    gateways: Vec<Attache>,
    project: Project,
    redis: Redis,
    /// What stands between the gateways and Redis.
    _bridge: Box<dyn Any>,
    _backend: Backend,
}

impl Fleet {
    /// So many gateways with these limits in their one usage plan.
    fn new(count: usize, limits: &str) -> Self {
        let redis = Redis::durable();
        let webdis = Webdis::before(redis.address());
        let state = format!(
            "{{url: \"{}\", timeoutMs: 1000, onFailure: deny}}",
            webdis.url()
        );
        Self::with(count, limits, redis, Box::new(webdis), &state)
    }

    fn with(count: usize, limits: &str, redis: Redis, bridge: Box<dyn Any>, state: &str) -> Self {
        let backend = Backend::answering("served");
        let uri = format!("http://{}/one", backend.address());
        let configuration = format!(
            "accessLog: off
apis:
  pets: {{definition: openapi.json, stages: {{prod: {{}}}}}}
usagePlans:
  gold:
    apiStages: [{{api: pets, stage: prod}}]
{limits}
apiKeys:
  acme: {{value: key-of-acme-0123456789abcdef, usagePlans: [gold]}}
managementApi: {{token: {TOKEN}}}
state: {{redis: {state}}}
"
        );
        let definition = definition(&[Operation::new("GET", "/one", &uri).with_key()]);
        let project = Project::new(&configuration, &definition);
        let start = |_| Attache::serve(project.path(), &["--watch"]);
        Self {
            gateways: (0..count).map(start).collect(),
            project,
            redis,
            _bridge: bridge,
            _backend: backend,
        }
    }

    /// Sends so many requests to each gateway over each of some connections, all at once.
    fn hammer(&self, connections: usize, count: usize) -> Vec<Attempt> {
        let request = request();
        let attempts = thread::scope(|scope| {
            let loads = self.gateways.iter().map(|gateway| {
                let request = &request;
                scope.spawn(|| load::hammer(gateway.address(), connections, count, request))
            });
            let loads: Vec<_> = loads.collect();
            let attempts = loads.into_iter().map(|load| load.join().unwrap());
            attempts.collect::<Vec<_>>().concat()
        });
        let answered = attempts.iter().all(|it| matches!(it.status, 200 | 429));
        assert!(answered, "only 200 and 429");
        attempts
    }

    fn admits(&self, connections: usize, count: usize) -> usize {
        admitted(&self.hammer(connections, count))
    }

    /// `[used, remaining]` of today, as a gateway tells it.
    fn usage(&self, gateway: usize) -> Option<(u64, u64)> {
        let now = UNIX_EPOCH.elapsed().unwrap().as_secs();
        let now = jiff::Timestamp::from_second(i64::try_from(now).unwrap()).unwrap();
        let today = now.strftime("%Y-%m-%d");
        let path = format!("/usageplans/gold/usage?startDate={today}&endDate={today}");
        let request = Request::new("GET", &path).header("authorization", format!("Bearer {TOKEN}"));
        let mut client = Client::http1(self.gateways[gateway].address());
        let answer = client.send(&request).unwrap();
        let usage: Value = serde_json::from_slice(&answer.body).unwrap();
        let pair = &usage["values"]["acme"][0];
        Some((pair[0].as_u64()?, pair[1].as_u64()?))
    }

    /// Every key that Redis holds can go by itself.
    fn assert_that_all_keys_expire(&self) {
        let keys: Vec<String> = self.redis.ask(&["KEYS", "*"]);
        assert!(!keys.is_empty());
        for key in keys {
            let expires_in: i64 = self.redis.ask(&["TTL", &key]);
            assert!(expires_in > 0, "{key}: {expires_in}");
        }
    }
}

fn request() -> Request {
    Request::new("GET", "/prod/one").header("x-api-key", "key-of-acme-0123456789abcdef")
}

fn admitted(attempts: &[Attempt]) -> usize {
    attempts.iter().filter(|it| it.status == 200).count()
}

#[test]
fn a_quota_over_gateways_is_exact_to_the_last_request() {
    for gateways in [2, 4] {
        let limit = 1_500;
        let limits = format!("    quota: {{limit: {limit}, period: MONTH}}");
        let fleet = Fleet::new(gateways, &limits);
        let mut total = fleet.admits(6, 200 / gateways);
        assert!(total <= limit, "{total}");
        // What somebody still holds is given back, or used by whoever holds it.
        until("the quota is used up", || {
            total += fleet.admits(2, 150);
            assert!(total <= limit, "{total}");
            (total == limit).then_some(())
        });
        assert_eq!(fleet.admits(4, 20), 0);
        let calls = calls(&fleet.redis);
        println!("{gateways} gateways: {total} of {limit} admitted, {calls} calls of Redis");

        for gateway in [0, gateways - 1] {
            until("the usage is told", || {
                fleet.usage(gateway).filter(|told| *told == (1_500, 0))
            });
        }
        fleet.assert_that_all_keys_expire();
    }
}

/// How many scripts Redis has run.
fn calls(redis: &Redis) -> u64 {
    let statistics: String = redis.ask(&["INFO", "commandstats"]);
    let of_scripts = statistics.lines().find_map(|line| {
        let (_, rest) = line.split_once("cmdstat_eval:calls=")?;
        rest.split(',').next()?.parse().ok()
    });
    of_scripts.unwrap_or(0)
}

#[test]
fn more_that_is_granted_is_had_at_every_gateway() {
    let fleet = Fleet::new(2, "    quota: {limit: 20, period: MONTH}");
    assert_eq!(fleet.admits(1, 30), 20);
    // What gateways have spent of what they held is told a moment later.
    until("the usage is told", || {
        fleet.usage(1).filter(|told| *told == (20, 0))
    });
    let grant = Request::new("PATCH", "/usageplans/gold/keys/acme/usage")
        .header("authorization", format!("Bearer {TOKEN}"))
        .body(Body::Whole(
            br#"{"patchOperations":[{"op":"replace","path":"/remaining","value":"7"}]}"#.to_vec(),
        ));
    let mut client = Client::http1(fleet.gateways[0].address());
    assert_eq!(client.send(&grant).unwrap().status, 200);
    let mut total = 0;
    until("the seven are used", || {
        total += fleet.admits(1, 2);
        assert!(total <= 7, "{total}");
        (total == 7).then_some(())
    });
}

#[test]
fn what_was_used_is_told_however_a_gateway_or_its_workers_end() {
    let mut fleet = Fleet::new(2, "    quota: {limit: 1000000, period: MONTH}");
    let mut used = 0;
    let mut use_one = |fleet: &Fleet| {
        let answer = Client::http1(fleet.gateways[0].address()).send(&request());
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200);
        used += 1;
        (used, answer.header("ratelimit").is_some())
    };
    let told = |fleet: &Fleet, used| {
        until("the usage is told", || {
            fleet
                .usage(1)
                .filter(|told| *told == (used, 1_000_000 - used))
        });
    };
    // An edit ends workers in the midst of a second.
    let configuration = std::fs::read_to_string(fleet.project.path().join("attache.yaml")).unwrap();
    for tells in [true, false, true] {
        let edited = format!("{configuration}rateLimitHeaders: {tells}\n");
        fleet.project.write("attache.yaml", &edited);
        until("the edit is served", || {
            (use_one(&fleet).1 == tells).then_some(())
        });
    }
    let (used, _) = use_one(&fleet);
    told(&fleet, used);
    let (used, _) = use_one(&fleet);
    fleet.gateways[0].signal(Signal::TERM);
    assert!(fleet.gateways[0].wait().success());
    // What the quota has left is known to those who hold it, and the gateway held some.
    until("the usage is told", || {
        fleet.usage(1).filter(|told| told.0 == used)
    });
}

#[test]
fn a_throttle_over_gateways_keeps_to_its_bound() {
    for (gateways, rate, burst) in [(2, 200_u32, 100_u32), (4, 50, 200)] {
        let limits = format!("    throttle: {{rateLimit: {rate}, burstLimit: {burst}}}");
        let fleet = Fleet::new(gateways, &limits);
        let started = Instant::now();
        let attempts = fleet.hammer(6, 1_500 / gateways);
        let took = started.elapsed();
        let mut sent: Vec<(Duration, Duration)> = attempts
            .iter()
            .filter(|it| it.status == 200)
            .map(|it| (it.sent, it.answered))
            .collect();
        sent.sort_unstable();
        // At the most: what all may hold ahead, and one for each worker's call.
        let besides = burst.max(rate).div_ceil(4) + 2 * u32::try_from(gateways).unwrap();
        let (mut worst, mut worst_bound) = (0, 1.0);
        for (from, (first, _)) in sent.iter().enumerate() {
            // Those that were surely admitted between this moment and a later one.
            let mut answers: Vec<Duration> = sent[from..].iter().map(|(_, it)| *it).collect();
            answers.sort_unstable();
            for (count, last) in (1_usize..).zip(&answers) {
                let time = last.checked_sub(*first).unwrap().as_secs_f64();
                let bound = f64::from(burst) + f64::from(rate) * time + f64::from(besides);
                assert!(
                    count as f64 <= bound,
                    "{count} in {time} s, {bound} at most"
                );
                if count as f64 / bound > f64::from(worst) / worst_bound {
                    (worst, worst_bound) = (u32::try_from(count).unwrap(), bound);
                }
            }
        }
        let allowed = f64::from(burst) + f64::from(rate) * took.as_secs_f64();
        let ratio = sent.len() as f64 / allowed;
        println!(
            "{gateways} gateways, {rate} a second, burst {burst}: {} of {allowed:.0} admitted in \
             {took:?} ({ratio:.3}), at worst {worst} where the bound is {worst_bound:.0}, {} calls",
            sent.len(),
            calls(&fleet.redis),
        );
        fleet.assert_that_all_keys_expire();
    }
}

#[test]
fn a_quota_survives_restarts_of_gateways_of_redis_and_of_both() {
    let limit = 1_000;
    let mut fleet = Fleet::new(1, "    quota: {limit: 1000, period: MONTH}");
    let mut total = 0;
    for (restarts_gateway, restarts_redis) in [(true, false), (false, true), (true, true)] {
        total += fleet.admits(2, 50);
        if restarts_gateway {
            fleet.gateways.clear();
        }
        if restarts_redis {
            fleet.redis.kill();
            fleet.redis.restart();
        }
        if restarts_gateway {
            fleet.gateways = vec![Attache::serve(fleet.project.path(), &[])];
        }
        // The breaker may have opened.
        until("requests are admitted", || {
            let mut client = Client::http1(fleet.gateways[0].address());
            let admitted = client.send(&request()).unwrap().status == 200;
            total += usize::from(admitted);
            admitted.then_some(())
        });
    }
    total += fleet.admits(2, 600);
    assert!(total <= limit, "{total}");
    // Two gateways were ended with something in hand.
    println!(
        "{total} of {limit} admitted, {} lost with gateways",
        limit - total
    );
    assert!(total >= limit - 200, "{total}");
}

#[test]
fn a_metric_and_a_line_of_the_log_tell_that_redis_is_away() {
    let mut fleet = Fleet::new(1, "    quota: {limit: 1000, period: MONTH}");
    let available = |fleet: &Fleet, expected| {
        until("the metric tells", || {
            let _ = fleet.admits(1, 5);
            let told = fleet.gateways[0].stat("wasmcustom.attache.redis.Available");
            (told == expected).then_some(())
        });
    };
    available(&fleet, 1);
    fleet.redis.kill();
    available(&fleet, 0);
    fleet.gateways[0].wait_for("cannot be used, and is left alone");
    assert!(fleet.gateways[0].stat("wasmcustom.attache.redis.ErrorCount") >= 3);
    fleet.redis.restart();
    available(&fleet, 1);
    fleet.gateways[0].wait_for("can be used again");
}

#[test]
fn upstashs_dialect_does_the_same() {
    let redis = Redis::start();
    let upstash = Upstash::before(redis.address(), "a-token-of-upstash");
    let state = format!(
        "{{url: \"{}\", dialect: upstash, auth: {{token: a-token-of-upstash}}, timeoutMs: 1000, \
         onFailure: deny}}",
        upstash.url()
    );
    let limits =
        "    quota: {limit: 60, period: DAY}\n    throttle: {rateLimit: 1000, burstLimit: 1000}";
    let fleet = Fleet::with(2, limits, redis, Box::new(upstash), &state);
    let mut total = 0;
    until("the quota is used up", || {
        total += fleet.admits(2, 25);
        assert!(total <= 60, "{total}");
        (total == 60).then_some(())
    });
}

/// One renewal by one of some gateways, of both kinds of limits.
#[derive(Clone, Debug)]
struct Renewal {
    /// Microseconds since the last.
    after: u64,
    gateway: usize,
    quota: [u64; 5],
    throttle: [u64; 5],
}

fn renewals() -> impl Strategy<Value = Vec<Renewal>> {
    let counts = || prop::array::uniform5(0_u64..30);
    let after = prop_oneof![0_u64..1_000, 0_u64..2_000_000, 5_000_000_u64..30_000_000];
    let renewal = (after, 0_usize..4, counts(), counts());
    let renewal = renewal.prop_map(|(after, gateway, quota, throttle)| Renewal {
        after,
        gateway,
        quota,
        throttle,
    });
    prop::collection::vec(renewal, 1..40)
}

/// The script answers what the model answers that the leases are proven against.
#[test]
fn the_script_is_the_model() {
    let redis = Redis::start();
    // The only thing that a test cannot have its way with is the time.
    let script = SCRIPT.replace(
        "redis.call('TIME')",
        "{math.floor(ARGV[#ARGV] / 1000000), ARGV[#ARGV] % 1000000}",
    );
    assert_ne!(script, SCRIPT);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let limits = (0_u64..200, 1_u64..60, 1_u64..100_000_000_000);
    runner
        .run(&(limits, renewals()), |((limit, burst, rate), renewals)| {
            redis.ask::<()>(&["FLUSHALL"]);
            let mut model = redis_model::RedisModel::default();
            let mut now = 1_795_132_800_000_000;
            let most = burst.max(rate / 1_000_000_000).div_ceil(4);
            let keys = ["{a}:quota".to_owned(), "{a}:throttle".to_owned()];
            for renewal in renewals {
                now += renewal.after;
                let mut words = vec![format!("{:032x}", renewal.gateway)];
                let terms = [
                    ("quota", renewal.quota, [limit, 4_000_000_000_000, 0]),
                    ("throttle", renewal.throttle, [burst, rate, most]),
                ];
                for (kind, counts, terms) in terms {
                    words.push(kind.to_owned());
                    words.extend(counts.iter().chain(&terms).map(u64::to_string));
                }
                let expected = model.renew(now, &keys, &words);
                words.push(now.to_string());
                let mut command = vec!["EVAL", &script, "2", &keys[0], &keys[1]];
                command.extend(words.iter().map(String::as_str));
                let answer: Vec<u64> = redis.ask(&command);
                prop_assert_eq!(answer, expected);
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_report_counts_once_and_days_that_are_too_old_go() {
    let redis = Redis::start();
    let report = |name: &str, day: &str, oldest: &str| -> u64 {
        redis.ask(&[
            "EVAL", COUNT, "2", name, "usage", oldest, "100", day, "3", "0", "1",
        ])
    };
    assert_eq!(report("one", "20000", "0"), 1);
    assert_eq!(report("one", "20000", "0"), 0);
    assert_eq!(report("two", "20000", "0"), 1);
    let field = |name: &str| redis.ask::<Option<u64>>(&["HGET", "usage", name]);
    assert_eq!(
        (field("20000:used"), field("20000:refused")),
        (Some(6), Some(2))
    );
    assert_eq!(field("20000:throttled"), None);
    let mut name = String::new();
    for day in 20_001..20_250 {
        name.clear();
        let _ = write!(name, "{day}");
        assert_eq!(report(&name, &name, "20100"), 1);
    }
    assert_eq!((field("20000:used"), field("20249:used")), (None, Some(3)));
    assert!(redis.ask::<u64>(&["HLEN", "usage"]) <= 402);
}
