//! Usage plans that live in Redis: real Envoys, a real Webdis, a real Redis, and the command that
//! changes them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::process::Command;
use std::time::Duration;

use attache_e2e::{Attache, Client, Fleet, Request, attache_program, until};
use serde_json::Value;

const IN_REDIS: &str = ", apiKeys: true, usagePlans: true";

/// How many of some requests with a key are admitted, by each gateway in turn.
fn admitted(fleet: &Fleet, value: &str, count: usize) -> usize {
    let request = Request::new("GET", "/prod/one").header("x-api-key", value);
    let clients = fleet.gateways.iter();
    let mut clients: Vec<_> = clients
        .map(|gateway| Client::http1(gateway.address()))
        .collect();
    let gateways = clients.len();
    let mut admitted = 0;
    for number in 0..count {
        let status = clients[number % gateways].send(&request).unwrap().status;
        assert!(matches!(status, 200 | 429), "{status}");
        admitted += usize::from(status == 200);
    }
    admitted
}

/// What `attache usage` prints.
fn usage(fleet: &Fleet, arguments: &[&str]) -> String {
    let output = Command::new(attache_program())
        .args(["usage", "-C"])
        .arg(fleet.project.path())
        .arg("--url")
        .arg(format!("http://{}", fleet.gateways[0].address()))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_plan_holds_everywhere_soon_after_it_was_created_changed_or_deleted() {
    let fleet = Fleet::new(2, IN_REDIS);
    let mut longest = Duration::ZERO;
    for name in ["silver", "Über & Söhne: 1"] {
        fleet.told("usage-plans", &["create", name]);
        let value = fleet.told("keys", &["create", name, "--plan", name]);
        // The plan holds no stage yet.
        fleet.comes_to(&value, 403);
        fleet.told("usage-plans", &["update", name, "--api-stage", "pets:prod"]);
        longest = longest.max(fleet.comes_to(&value, 200));
        let quota = ["--quota-limit", "0", "--quota-period", "MONTH"];
        fleet.told("usage-plans", &[&["update", name], &quota[..]].concat());
        longest = longest.max(fleet.comes_to(&value, 429));
        fleet.told("usage-plans", &["update", name, "--no-quota"]);
        longest = longest.max(fleet.comes_to(&value, 200));
        let stage = ["--remove-api-stage", "pets:prod"];
        fleet.told("usage-plans", &[&["update", name], &stage[..]].concat());
        longest = longest.max(fleet.comes_to(&value, 403));
        // `gold` is declared and holds the stage.
        fleet.told("keys", &["update", name, "--plan", "gold"]);
        longest = longest.max(fleet.comes_to(&value, 200));
        let moved = ["update", name, "--plan", name, "--remove-plan", "gold"];
        fleet.told("keys", &moved);
        longest = longest.max(fleet.comes_to(&value, 403));
        fleet.told("keys", &["revoke", "--delete", name]);
        fleet.told("usage-plans", &["delete", name]);
        let gone = fleet.command("usage-plans", &["update", name, "--no-quota"]);
        assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    }
    // Two seconds are stated; how busy the machine is must not decide the test.
    println!("known everywhere after {longest:?} at most");
    fleet.everything_expires();
}

#[test]
fn the_quota_of_a_plan_is_held_raised_and_reported() {
    let fleet = Fleet::new(2, IN_REDIS);
    let limits = ["--quota-limit", "300", "--quota-period", "MONTH"];
    let create = ["create", "silver", "--api-stage", "pets:prod"];
    fleet.told("usage-plans", &[&create[..], &limits[..]].concat());
    let value = fleet.told("keys", &["create", "acme", "--plan", "silver"]);
    fleet.comes_to(&value, 200);
    let remaining = || {
        let told = usage(&fleet, &["--plan", "silver", "--output", "json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        let days = told["items"]["acme"].as_array()?;
        let today = days.last()?;
        Some((today[0].as_u64()?, today[1].as_u64()?))
    };
    // What one gateway holds and does not use is given back.
    until("the quota is used to its end", || {
        admitted(&fleet, &value, 40);
        (remaining()? == (300, 0)).then_some(())
    });
    assert_eq!(admitted(&fleet, &value, 20), 0);
    fleet.told("usage-plans", &["update", "silver", "--quota-limit", "400"]);
    until("the raised quota is used to its end", || {
        admitted(&fleet, &value, 40);
        (remaining()? == (400, 0)).then_some(())
    });
    usage(&fleet, &["extend", "silver", "acme", "--remaining", "10"]);
    until("what was granted is used", || {
        admitted(&fleet, &value, 20);
        (remaining()? == (410, 0)).then_some(())
    });
    assert_eq!(admitted(&fleet, &value, 20), 0);
    // Without a name, all plans are told of.
    assert!(usage(&fleet, &[]).contains("silver"));
}

#[test]
fn plans_stay_in_force_without_redis_and_new_gateways_learn_them() {
    let mut fleet = Fleet::new(1, IN_REDIS);
    let create = ["create", "silver", "--api-stage", "pets:prod"];
    fleet.told("usage-plans", &create);
    let value = fleet.told("keys", &["create", "acme", "--plan", "silver"]);
    fleet.comes_to(&value, 200);
    fleet.until_loaded(&value);
    fleet.redis.kill();
    assert_eq!(fleet.statuses(&value), [200]);
    let refused = fleet.command("usage-plans", &["list"]);
    assert_eq!(refused.status.code(), Some(1));
    fleet.redis.restart();
    fleet
        .gateways
        .push(Attache::serve(fleet.project.path(), &[]));
    fleet.comes_to(&value, 200);
    let stage = ["update", "silver", "--remove-api-stage", "pets:prod"];
    fleet.told("usage-plans", &stage);
    fleet.comes_to(&value, 403);
}
