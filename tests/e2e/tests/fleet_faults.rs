//! What becomes of a fleet when something that it shares is slow, gone or full: two gateways with
//! real Webdis and Redis under load, and one fault at a time.
//!
//! Whatever happens, every request is answered, and soon; a quota is spent to its last request and
//! not beyond, also when answers of Redis are lost on their way; and when the fault is over, so is
//! its effect, without anybody's help. Each test prints a row of the table in `docs/reliability.md`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use attache_e2e::{Attache, Client, Project, Redis, Relay, Request, Webdis, until};
use rustix::process::{Signal, kill_process};
use serde_json::json;

const KEY: &str = "a-key-of-the-fleet-0123456789";
const QUOTA: usize = 4_000;

/// How long a request may wait for Redis.
const TIMEOUT: Duration = Duration::from_millis(50);

/// How much longer an answer may take here, where all of it shares two processors with other tests.
const MARGIN: Duration = Duration::from_millis(950);

/// How long it may take until all is well again: the longest wait between two probes is 4 s.
const RECOVERY: Duration = Duration::from_secs(6);

/// How many connections ask each gateway, and how long each rests between two requests.
const CONNECTIONS: usize = 2;
const REST: Duration = Duration::from_millis(4);

/// One fleet at a time: a fault is told from an effect of other load.
static ALONE: Mutex<()> = Mutex::new(());

struct Fleet {
    gateways: Vec<Attache>,
    _projects: Vec<Project>,
    /// From each gateway to Webdis.
    networks: Vec<Relay>,
    webdis: Webdis,
    redis: Redis,
    _alone: MutexGuard<'static, ()>,
}

impl Fleet {
    fn start(on_failure: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let redis = Redis::durable();
        let webdis = Webdis::before(redis.address());
        let networks: Vec<Relay> = (0..2).map(|_| Relay::to(webdis.address())).collect();
        let projects: Vec<Project> = networks
            .iter()
            .map(|network| project(network.address(), on_failure))
            .collect();
        let gateways = projects
            .iter()
            .map(|project| Attache::serve(project.path(), &[]))
            .collect();
        Self {
            gateways,
            _projects: projects,
            networks,
            webdis,
            redis,
            _alone: alone,
        }
    }
}

/// A gateway that answers by itself, whose customers have a quota.
fn project(redis: SocketAddr, on_failure: &str) -> Project {
    let configuration = json!({
        "apis": {"tickets": {"definition": "openapi.json", "stages": {"prod": {}}}},
        "usagePlans": {"daily": {
            "quota": {"limit": QUOTA, "period": "MONTH"},
            "apiStages": [{"api": "tickets", "stage": "prod"}],
        }},
        "apiKeys": {"acme": {"value": KEY, "usagePlans": ["daily"]}},
        "state": {"redis": {
            "url": format!("http://{redis}"),
            "onFailure": on_failure,
            "timeoutMs": TIMEOUT.as_millis(),
        }},
        "accessLog": "off",
    });
    let definition = json!({
        "openapi": "3.0.1",
        "info": {"title": "tickets", "version": "1"},
        "paths": {"/tickets": {"get": {
            "security": [{"api_key": []}],
            "responses": {"200": {"description": "a ticket"}},
            "x-amazon-apigateway-integration": {
                "type": "mock",
                "requestTemplates": {"application/json": "{\"statusCode\": 200}"},
                "responses": {"default": {"statusCode": "200"}},
            },
        }}},
        "components": {"securitySchemes": {
            "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
        }},
    });
    Project::new(&configuration.to_string(), &definition.to_string())
}

/// What is going on while a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Healthy,
    Fault,
    Healed,
    Over,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Healthy, Self::Fault, Self::Healed, Self::Over];
}

#[derive(Clone, Copy, Debug)]
struct Attempt {
    gateway: usize,
    phase: Phase,
    sent: Instant,
    took: Duration,
    /// `None` when the connection broke off.
    status: Option<u16>,
}

/// What came of it all.
struct Outcome {
    attempts: Vec<Attempt>,
    /// When the fault was over.
    healed: Instant,
}

impl Outcome {
    fn count(&self, wanted: impl Fn(&Attempt) -> bool) -> usize {
        self.attempts
            .iter()
            .filter(|attempt| wanted(attempt))
            .count()
    }

    fn admitted(&self) -> usize {
        self.count(|attempt| attempt.status == Some(200))
    }

    fn admitted_by(&self, gateway: usize, phase: Phase) -> usize {
        self.count(|attempt| {
            attempt.status == Some(200) && attempt.gateway == gateway && attempt.phase == phase
        })
    }

    fn longest(&self) -> Duration {
        let all = self.attempts.iter().map(|attempt| attempt.took);
        all.max().unwrap_or_default()
    }

    /// How long after the end of the fault both gateways had admitted a request again.
    fn recovery(&self) -> Option<Duration> {
        let first = |gateway| {
            let mut admitted = self.attempts.iter().filter(|attempt| {
                attempt.gateway == gateway
                    && attempt.status == Some(200)
                    && attempt.sent >= self.healed
            });
            let first = admitted.next()?;
            Some(first.sent + first.took - self.healed)
        };
        Some(first(0)?.max(first(1)?))
    }

    /// Holds for every fault, and the row of the table.
    #[expect(clippy::print_stderr, reason = "the table is made of it")]
    fn judge(&self, fault: &str) {
        let refused = self.count(|attempt| attempt.status == Some(429));
        let broken = self.count(|attempt| attempt.status.is_none());
        let others = self.attempts.len() - self.admitted() - refused - broken;
        let in_fault = |status| {
            self.count(|attempt| attempt.phase == Phase::Fault && attempt.status == Some(status))
        };
        eprintln!(
            "| {fault} | {} | {} | {} | {:.0} ms | {} ms | {} of {QUOTA} |",
            self.attempts.len(),
            in_fault(200),
            in_fault(429),
            self.longest().as_secs_f64() * 1_000.0,
            self.recovery()
                .map_or_else(|| "-".to_owned(), |took| took.as_millis().to_string()),
            self.admitted(),
        );
        assert_eq!(others, 0, "{fault}: {:?}", self.attempts.last());
        assert!(
            self.longest() < TIMEOUT + MARGIN,
            "{fault}: {:?}",
            self.longest()
        );
    }
}

/// Keeps both gateways busy: a second in health, two in the fault, then until nothing is left of
/// the quota.
fn play(
    fleet: &mut Fleet,
    begin: impl FnOnce(&mut Fleet),
    end: impl FnOnce(&mut Fleet),
) -> Outcome {
    let phase = AtomicU8::new(0);
    let attempts = Mutex::new(Vec::new());
    let addresses: Vec<SocketAddr> = fleet.gateways.iter().map(Attache::address).collect();
    let healed = thread::scope(|scope| {
        let (phase, attempts) = (&phase, &attempts);
        let over = Ends(phase);
        for (gateway, address) in addresses.into_iter().enumerate() {
            for _ in 0..CONNECTIONS {
                scope.spawn(move || ask(gateway, address, phase, attempts));
            }
        }
        let rest = |seconds| thread::sleep(Duration::from_secs(seconds));
        rest(1);
        begin(fleet);
        phase.store(1, Ordering::SeqCst);
        rest(2);
        end(fleet);
        let healed = Instant::now();
        phase.store(2, Ordering::SeqCst);
        // Nothing is admitted any more, by either, once all is well.
        until("the end of the quota", || {
            let attempts = locked(attempts);
            let last = attempts
                .iter()
                .rev()
                .find(|attempt: &&Attempt| attempt.status == Some(200))
                .map(|attempt| attempt.sent);
            let still = Duration::from_secs(3);
            let is_over =
                healed.elapsed() > RECOVERY && last.is_none_or(|last| last.elapsed() > still);
            is_over.then_some(())
        });
        drop(over);
        healed
    });
    let mut attempts = attempts
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    attempts.sort_by_key(|attempt| attempt.sent + attempt.took);
    Outcome { attempts, healed }
}

/// Lets the load end, also when the test has failed.
struct Ends<'p>(&'p AtomicU8);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(3, Ordering::SeqCst);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask(gateway: usize, address: SocketAddr, phase: &AtomicU8, attempts: &Mutex<Vec<Attempt>>) {
    let request = Request::new("GET", "/prod/tickets").header("x-api-key", KEY);
    let now = || Phase::ALL[usize::from(phase.load(Ordering::SeqCst))];
    let mut client = None;
    while now() != Phase::Over {
        // A gateway that was killed is not asked, until it is back.
        if client.is_none() && TcpStream::connect(address).is_err() {
            thread::sleep(REST);
            continue;
        }
        let connected = client.get_or_insert_with(|| Client::http1(address));
        let (sent, phase) = (Instant::now(), now());
        let answer = connected.send(&request).ok();
        if answer.is_none() {
            client = None;
        }
        locked(attempts).push(Attempt {
            gateway,
            phase,
            sent,
            took: sent.elapsed(),
            status: answer.map(|answer| answer.status),
        });
        thread::sleep(REST);
    }
}

/// One fault under `onFailure: deny`, by which nothing is let through that nobody has counted.
fn holds(fault: &str, begin: impl FnOnce(&mut Fleet), end: impl FnOnce(&mut Fleet)) -> Outcome {
    let mut fleet = Fleet::start("deny");
    let outcome = play(&mut fleet, begin, end);
    outcome.judge(fault);
    assert_eq!(outcome.admitted(), QUOTA, "{fault}");
    assert_eq!(outcome.count(|attempt| attempt.status.is_none()), 0);
    let recovery = outcome.recovery();
    assert!(
        recovery.is_some_and(|recovery| recovery < RECOVERY),
        "{fault}: {recovery:?}"
    );
    outcome
}

#[test]
fn redis_is_killed_and_started_again() {
    holds(
        "Redis is killed and started again",
        |fleet| fleet.redis.kill(),
        |fleet| fleet.redis.restart(),
    );
}

#[test]
fn redis_is_frozen() {
    holds(
        "Redis is frozen",
        |fleet| fleet.redis.freeze(),
        |fleet| fleet.redis.thaw(),
    );
}

#[test]
fn redis_is_slow_and_still_in_time() {
    let slow = holds(
        "Redis takes 20 ms",
        |fleet| {
            for network in &fleet.networks {
                network.slow(Duration::from_millis(10));
            }
        },
        |fleet| fleet.networks.iter().for_each(Relay::mend),
    );
    // Few wait for it.
    assert!(slow.admitted_by(0, Phase::Fault) > 0 && slow.admitted_by(1, Phase::Fault) > 0);
}

#[test]
fn redis_is_too_slow() {
    // Every script is run, and no gateway hears of it.
    holds(
        "Redis takes 200 ms",
        |fleet| {
            for network in &fleet.networks {
                network.slow(Duration::from_millis(100));
            }
        },
        |fleet| fleet.networks.iter().for_each(Relay::mend),
    );
}

#[test]
fn redis_is_read_only() {
    holds(
        "Redis is read-only",
        |fleet| fleet.redis.make_read_only(),
        |fleet| fleet.redis.make_writable(),
    );
}

#[test]
fn redis_is_out_of_memory() {
    holds(
        "Redis is out of memory",
        |fleet| fleet.redis.fill(),
        |fleet| fleet.redis.relieve(),
    );
}

#[test]
fn webdis_is_killed_and_started_again() {
    holds(
        "Webdis is killed and started again",
        |fleet| fleet.webdis.kill(),
        |fleet| fleet.webdis.restart(),
    );
}

#[test]
fn the_network_of_one_gateway_is_cut() {
    let cut = holds(
        "one gateway loses packets",
        |fleet| fleet.networks[0].hold(),
        |fleet| fleet.networks[0].mend(),
    );
    // The other goes on.
    assert!(cut.admitted_by(1, Phase::Fault) > 100);
    let reset = holds(
        "one gateway's connections are reset",
        |fleet| fleet.networks[0].cut(),
        |fleet| fleet.networks[0].mend(),
    );
    assert!(reset.admitted_by(1, Phase::Fault) > 100);
}

#[test]
fn a_gateway_is_killed_with_leases_out() {
    let fault = "a gateway is killed";
    let mut fleet = Fleet::start("deny");
    let outcome = play(
        &mut fleet,
        |fleet| {
            let gateway = &fleet.gateways[0];
            let children = gateway.children();
            gateway.signal(Signal::KILL);
            for child in children {
                let _ended_already = kill_process(child, Signal::KILL);
            }
        },
        // It does not come back, and nobody waits for it.
        |_| {},
    );
    outcome.judge(fault);
    assert!(outcome.admitted_by(1, Phase::Fault) > 100);
    // What it held is lost, and no more than that: a part of what was left.
    let lost = QUOTA.checked_sub(outcome.admitted()).unwrap();
    assert!(lost < QUOTA / 4, "{lost} are lost");
}

#[test]
fn without_redis_each_gateway_counts_by_itself() {
    let fault = "Redis is killed, `onFailure: local`";
    let mut fleet = Fleet::start("local");
    let outcome = play(
        &mut fleet,
        |fleet| fleet.redis.kill(),
        |fleet| fleet.redis.restart(),
    );
    outcome.judge(fault);
    let refused =
        |phase| outcome.count(|attempt| attempt.phase == phase && attempt.status == Some(429));
    assert_eq!(refused(Phase::Healthy) + refused(Phase::Fault), 0);
    // What was let through meanwhile is counted when Redis is back.
    assert!(outcome.admitted() <= 2 * QUOTA, "{}", outcome.admitted());
}

#[test]
fn without_redis_everything_is_let_through_where_it_may() {
    let fault = "Redis is killed, `onFailure: allow`";
    let mut fleet = Fleet::start("allow");
    let outcome = play(
        &mut fleet,
        |fleet| fleet.redis.kill(),
        |fleet| fleet.redis.restart(),
    );
    outcome.judge(fault);
    let refused =
        |phase| outcome.count(|attempt| attempt.phase == phase && attempt.status == Some(429));
    assert_eq!(refused(Phase::Healthy) + refused(Phase::Fault), 0);
}
