//! What ends an answer before its time: a client that asks for a new one, and whoever operates the
//! gateway.

use std::sync::atomic::{AtomicUsize, Ordering};

use attache_e2e::{Attache, Backend, Gate, Raw, Reaction, Request, Response};
use serde_json::json;

use crate::hits::counting;
use crate::served::{Served, Setup};

const TOKEN: &str = "management-token-0123456789-0123456789";

fn with_management_api(backend: Backend) -> Setup {
    let mut setup = Setup::new(backend).get("/{proxy+}", &["method.request.path.proxy"]);
    setup.configuration["managementApi"] = json!({"token": TOKEN});
    setup
}

fn flush(served: &Served, stage: &str, authorization: Option<&str>) -> Response {
    let path = format!("/restapis/petstore/stages/{stage}/cache/data");
    let request = Request::new("DELETE", &path);
    served.send(&match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    })
}

#[test]
fn a_client_may_ask_for_a_new_answer_and_all_get_it() {
    let served = Served::everything(counting());
    assert_eq!(served.get("/prod/pets").text(), "/pets call 1");
    let anew = Request::new("GET", "/prod/pets").header("cache-control", "max-age=0");
    assert_eq!(served.send(&anew).text(), "/pets call 2");
    for _ in 0..10 {
        assert_eq!(served.get("/prod/pets").text(), "/pets call 2");
    }
}

#[test]
fn who_may_not_ask_for_a_new_answer_gets_what_the_stage_says() {
    for (strategy, status, warns) in [
        ("FAIL_WITH_403", 403, false),
        ("SUCCEED_WITH_RESPONSE_HEADER", 200, true),
        ("SUCCEED_WITHOUT_RESPONSE_HEADER", 200, false),
    ] {
        let mut setup = Setup::new(counting()).get("/{proxy+}", &["method.request.path.proxy"]);
        setup.settings()["requireAuthorizationForCacheControl"] = json!(true);
        setup.settings()["unauthorizedCacheControlHeaderStrategy"] = json!(strategy);
        let served = setup.serve();
        assert_eq!(served.get("/prod/pets").status, 200);
        let anew = Request::new("GET", "/prod/pets").header("cache-control", "max-age=0");
        let answer = served.send(&anew);
        assert_eq!(answer.status, status, "{strategy}");
        assert_eq!(answer.header("warning").is_some(), warns, "{strategy}");
        assert_eq!(served.get("/prod/pets").text(), "/pets call 1");
        assert_eq!(served.calls(), 1, "{strategy}");
    }
}

#[test]
fn a_flush_empties_a_stage_for_who_has_the_token_alone() {
    let served = with_management_api(counting()).serve();
    for path in ["/prod/pets", "/prod/owners"] {
        assert_eq!(served.get(path).status, 200);
    }
    assert_eq!(served.calls(), 2);
    let right = format!("Bearer {TOKEN}");
    for wrong in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some(TOKEN),
        Some("Bearer wrong"),
        Some("Basic Og=="),
        right.get(..right.len() - 1),
        Some(&format!("{right}x")),
        Some(&right.to_uppercase()),
    ] {
        let refused = flush(&served, "prod", wrong);
        assert!(
            matches!(refused.status, 401 | 403),
            "{wrong:?}: {}",
            refused.status
        );
    }
    for path in ["/prod/pets", "/prod/owners"] {
        assert_eq!(served.get(path).status, 200);
    }
    assert_eq!(served.calls(), 0);
    assert_eq!(flush(&served, "prod", Some(&right)).status, 202);
    for path in ["/prod/pets", "/prod/owners", "/prod/pets", "/prod/owners"] {
        assert_eq!(served.get(path).status, 200);
    }
    assert_eq!(served.calls(), 2);
    let missing = flush(&served, "nowhere", Some(&right));
    assert_eq!(missing.status, 404);
}

#[test]
fn without_a_token_in_the_configuration_there_is_nothing_to_flush_with() {
    let served = Served::everything(counting());
    assert_eq!(served.get("/prod/pets").status, 200);
    for authorization in [None, Some("Bearer "), Some("Bearer undefined")] {
        let answer = flush(&served, "prod", authorization);
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    assert_eq!(served.get("/prod/pets").text(), "/pets call 1");
}

#[test]
fn what_was_on_its_way_at_a_flush_is_not_kept() {
    let gate = Gate::new();
    let held = gate.clone();
    let calls = AtomicUsize::new(0);
    let backend = Backend::start(move |_| {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = Reaction::answer(200, format!("call {call}"));
        match call {
            1 => Reaction::Behind(held.clone(), Box::new(answer)),
            _ => answer,
        }
    });
    let served = with_management_api(backend).serve();
    let mut first = Raw::connect(served.address());
    first.send(b"GET /prod/pets HTTP/1.1\r\nhost: localhost\r\n\r\n");
    served.wait_for_calls(1);
    let right = format!("Bearer {TOKEN}");
    assert_eq!(flush(&served, "prod", Some(&right)).status, 202);
    gate.open();
    assert_eq!(first.response().unwrap().body, b"call 1");
    assert_eq!(served.get("/prod/pets").text(), "call 2");
}

#[test]
fn the_command_flushes_a_running_gateway() {
    flush_by_command(&with_management_api(counting()).serve());
}

#[test]
fn a_gateway_of_this_computers_users_needs_no_token_of_theirs() {
    let setup = Setup::new(counting()).get("/{proxy+}", &["method.request.path.proxy"]);
    assert!(setup.configuration.get("managementApi").is_none());
    let served = setup.serve();
    flush_by_command(&served);
    // Without it, nobody flushes.
    for authorization in [None, Some("Bearer "), Some(&*format!("Bearer {TOKEN}"))] {
        assert_eq!(flush(&served, "prod", authorization).status, 403);
    }
}

fn flush_by_command(served: &Served) {
    let flush = |more: &[&str]| {
        let folder = served.project.path().to_str().unwrap();
        let stage = [
            "cache", "flush", folder, "--api", "petstore", "--stage", "prod",
        ];
        let environment = [("XDG_RUNTIME_DIR", served.attache.runtime_folder())];
        let mut command = Attache::start_with(&[&stage[..], more].concat(), &environment);
        let status = command.wait();
        let said = format!("{}{}", command.output(), command.messages());
        assert!(!said.contains(TOKEN), "{said}");
        assert!(status.success(), "{said}");
    };
    let mut calls = 0;
    let mut ask = |path: &str, is_new: bool| {
        calls += usize::from(is_new);
        let answer = served.get(&format!("/prod{path}")).text();
        assert_eq!(
            answer.ends_with(&format!("call {calls}")),
            is_new,
            "{answer}"
        );
    };
    ask("/pets", true);
    ask("/owners", true);
    ask("/pets", false);
    // All of the stage, all of a method, and one answer.
    flush(&[]);
    ask("/pets", true);
    ask("/owners", true);
    flush(&["--method", "/{proxy+}/GET"]);
    ask("/pets", true);
    ask("/owners", true);
    flush(&["--key", "/owners"]);
    ask("/pets", false);
    ask("/owners", true);
}
