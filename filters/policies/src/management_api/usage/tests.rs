use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{date, read_date};
use crate::Gateway;
use crate::exchange::{Event, Reply, Service, Step, Stream};
use crate::headers::Headers;
use crate::memory_ports::MemoryPorts;

/// SHA-256 of `token`.
const DIGEST: &str = "3C469E9D6C5875D37A43F353D4F88E61FCF812C66EEE3457465A40B0DA4153E0";

/// Two plans, the first with three keys and a quota of 10 a month.
fn document() -> Value {
    let digest = |value: &str| {
        let digest = Sha256::digest(value);
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let key = |id: &str, plan: &str| json!({"id": id, "digest": digest(id), "enabled": true, "usagePlans": [plan]});
    json!({
        "version": 1,
        "account": {"id": "123456789012", "region": "us-east-1"},
        "managementApi": {"tokenSha256": DIGEST},
        "apis": [{
            "id": "shop", "name": "Shop", "protocol": "REST", "anyHost": true,
            "operations": [{
                "path": "/pets", "method": "GET", "apiKeyRequired": true,
                "integration": {"httpProxy": {"uri": "http://back.example/", "timeoutInMillis": 29_000}},
            }],
            "stages": [{"name": "prod"}, {"name": "dev"}],
        }],
        "usagePlans": [
            {
                "id": "gold \"plan\"", "quota": {"limit": 10, "period": "MONTH"},
                "apiStages": [{"api": "shop", "stage": "prod"}],
            },
            {"id": "free", "apiStages": [{"api": "shop", "stage": "dev"}]},
        ],
        "apiKeys": [
            key("acme", "gold \"plan\""), key("other/key", "gold \"plan\""), key("c", "gold \"plan\""),
            key("guest", "free"),
        ],
    })
}

struct World {
    gateway: Arc<Gateway>,
    proxy: Rc<MemoryPorts>,
}

impl World {
    fn of(document: Value) -> Self {
        let document = serde_json::from_value(document).unwrap();
        let gateway = Gateway::compile(&document, &|_: &str| None).unwrap();
        let world = Self {
            gateway: Arc::new(gateway),
            proxy: Rc::default(),
        };
        world.gateway.begin(&*world.proxy);
        world
    }

    /// What the gateway answers by itself; `None` when it asks the back end.
    fn send(&self, method: &str, path: &str, field: (&str, &str), body: &str) -> Option<Reply> {
        let headers: Headers = [
            (":method", method),
            (":path", path),
            (":authority", "a"),
            field,
        ]
        .into_iter()
        .collect();
        let ports = Rc::new(self.proxy.another());
        let (mut stream, mut step) = Stream::start(&self.gateway, headers, body.is_empty(), ports);
        if step == Step::Collect {
            step = stream.resume(Event::RequestBody(body.into()));
        }
        match step {
            Step::Reply(reply) => Some(reply),
            Step::Forward(_) => None,
            step => panic!("{step:?}"),
        }
    }

    fn call(&self, stage: &str, key: &str, times: usize) {
        for _ in 0..times {
            self.send("GET", &format!("/{stage}/pets"), ("x-api-key", key), "");
        }
    }

    /// Status and body of a request with the token.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let reply = self.send(method, path, ("authorization", "Bearer token"), body);
        let reply = reply.expect("an answer");
        assert!(reply.has_header("x-amzn-requestid"));
        (reply.status, serde_json::from_slice(&reply.body).unwrap())
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{body}");
        body
    }
}

const GOLD: &str = "/usageplans/gold%20%22plan%22/usage?startDate=2026-11-19&endDate=2026-11-20";

#[wasm_bindgen_test(unsupported = test)]
fn usage_is_told_as_aws_does() {
    let world = World::of(document());
    world.call("prod", "acme", 3);
    world.call("prod", "other/key", 12);
    world.call("dev", "guest", 2);
    let told = json!({
        "usagePlanId": "gold \"plan\"", "startDate": "2026-11-19", "endDate": "2026-11-20",
        "values": {
            "acme": [[0, 10], [3, 7]], "other/key": [[0, 10], [10, 0]], "c": [[0, 10], [0, 10]],
        },
    });
    assert_eq!(world.get(GOLD), told);
    let with_refusals = world.get(&format!("{GOLD}&include=refusals"));
    assert_eq!(
        with_refusals["refusals"],
        json!({"acme": [[0, 0], [0, 0]], "other/key": [[0, 0], [0, 2]], "c": [[0, 0], [0, 0]]})
    );
    assert_eq!(with_refusals["values"], told["values"]);

    let one = world.get(&format!("{GOLD}&keyId=other%2Fkey&limit=1"));
    assert_eq!(one["values"], json!({"other/key": [[0, 10], [10, 0]]}));
    assert_eq!(one.get("position"), None);
    // Without a quota.
    let free = world.get("/usageplans/free/usage?startDate=2026-11-20&endDate=2026-11-20");
    assert_eq!(free["values"], json!({"guest": [[2, -1]]}));
}

#[wasm_bindgen_test(unsupported = test)]
fn pages_follow_each_other() {
    let world = World::of(document());
    let first = world.get(&format!("{GOLD}&limit=2"));
    assert_eq!(first["values"].as_object().unwrap().len(), 2);
    let position = first["position"].as_str().unwrap();
    let second = world.get(&format!("{GOLD}&limit=2&position={position}"));
    assert_eq!(second["values"], json!({"c": [[0, 10], [0, 10]]}));
    assert_eq!(second.get("position"), None);
    let beyond = world.get(&format!("{GOLD}&position=18446744073709551615"));
    assert_eq!(beyond["values"], json!({}));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_is_asked_wrongly_is_refused_in_the_form_of_aws() {
    let world = World::of(document());
    for (path, status, word) in [
        (
            "/usageplans/none/usage?startDate=2026-11-20&endDate=2026-11-20",
            404,
            "Usage Plan",
        ),
        (&*format!("{GOLD}&keyId=guest"), 404, "API Key"),
        (&format!("{GOLD}&limit=x"), 400, "limit"),
        (&format!("{GOLD}&position=-1"), 400, "position"),
        (&format!("{GOLD}&include=all"), 400, "refusals"),
        ("/usageplans/free/usage", 400, "startDate"),
        (
            "/usageplans/free/usage?startDate=2026-11-20&endDate=2026-11-31",
            400,
            "YYYY-MM-DD",
        ),
        (
            "/usageplans/free/usage?startDate=2026-11-20&endDate=2026-11-19",
            400,
            "after",
        ),
        (
            "/usageplans/free/usage?startDate=2026-09-19&endDate=2026-11-19",
            400,
            "2026-09-20",
        ),
        (
            "/usageplans/free/usage?startDate=2026-09-20&endDate=2026-11-21",
            400,
            "62 days at once",
        ),
    ] {
        let (found, body) = world.ask("GET", path, "");
        assert_eq!(found, status, "{path}: {body}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(word), "{path}: {message}");
    }
    let longest = "/usageplans/free/usage?startDate=2026-09-20&endDate=2026-11-20";
    let longest = world.get(longest);
    assert_eq!(longest["values"]["guest"].as_array().unwrap().len(), 62);
    let reply = world.send("GET", GOLD, ("x", "y"), "").unwrap();
    assert_eq!(reply.status, 403);
    // Another method or path is an API's.
    for (method, path) in [
        ("POST", GOLD),
        ("GET", "/usageplans/free"),
        ("GET", "/usageplansx/a/usage"),
    ] {
        let reply = world.send(method, path, ("authorization", "Bearer token"), "");
        assert_eq!(reply.unwrap().body, br#"{"message":"Forbidden"}"#);
    }
}

const REMAINING: &str = "/usageplans/gold%20%22plan%22/keys/acme/usage";

fn patch(value: &str) -> String {
    json!({"patchOperations": [{"op": "replace", "path": "/remaining", "value": value}]})
        .to_string()
}

#[wasm_bindgen_test(unsupported = test)]
fn more_can_be_granted_for_the_period() {
    let world = World::of(document());
    world.call("prod", "acme", 11);
    let (status, usage) = world.ask("PATCH", REMAINING, &patch("2"));
    assert_eq!(status, 200);
    assert_eq!(
        usage,
        json!({
            "usagePlanId": "gold \"plan\"", "startDate": "2026-11-20", "endDate": "2026-11-20",
            "values": {"acme": [[10, 2]]},
        })
    );
    world.call("prod", "acme", 3);
    assert_eq!(world.get(GOLD)["values"]["acme"], json!([[0, 10], [12, 0]]));

    for (path, body, status) in [
        (REMAINING, "", 400),
        (REMAINING, "{}", 400),
        (REMAINING, r#"{"patchOperations": []}"#, 400),
        (
            REMAINING,
            r#"{"patchOperations": [{"op": "add", "path": "/remaining", "value": "1"}]}"#,
            400,
        ),
        (
            REMAINING,
            r#"{"patchOperations": [{"op": "replace", "path": "/used", "value": "1"}]}"#,
            400,
        ),
        (REMAINING, &*patch("-1"), 400),
        (REMAINING, &patch("9007199254740992"), 400),
        ("/usageplans/none/keys/acme/usage", &patch("1"), 404),
        ("/usageplans/free/keys/acme/usage", &patch("1"), 404),
        ("/usageplans/free/keys/guest/usage", &patch("1"), 400),
    ] {
        let (found, answer) = world.ask("PATCH", path, body);
        assert_eq!(found, status, "{path} {body}: {answer}");
    }
    assert_eq!(world.get(GOLD)["values"]["acme"], json!([[0, 10], [12, 0]]));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_next_gateway_goes_on_with_the_counts_of_this_one() {
    let world = World::of(document());
    world.call("prod", "acme", 4);
    world.call("prod", "c", 1);
    world.call("dev", "guest", 2);
    let first = world.get("/usageplans/counts?limit=2");
    let position = first["position"].as_str().unwrap();
    let second = world.get(&format!("/usageplans/counts?limit=2&position={position}"));
    assert_eq!(second.get("position"), None);
    let pages = [&first, &second].map(|page| page["keptUsage"].as_array().unwrap().clone());
    let kept = pages.concat();
    assert_eq!(kept.len(), 3, "{kept:?}");

    let mut document = document();
    document["keptUsage"] = kept.into();
    let next = World::of(document.clone());
    assert_eq!(next.get(GOLD)["values"], world.get(GOLD)["values"]);
    next.call("prod", "acme", 1);
    // It is told again, as with an edit while the gateway runs.
    next.gateway.begin(&*next.proxy);
    assert_eq!(next.get(GOLD)["values"]["acme"], json!([[0, 10], [5, 5]]));

    // Of another period nothing is known, but of the days there is.
    document["usagePlans"][0]["quota"]["period"] = json!("DAY");
    document["usagePlans"][1]["id"] = json!("gone");
    document["apiKeys"][3]["usagePlans"] = json!(["gone"]);
    let other = World::of(document.clone());
    other.call("prod", "acme", 1);
    assert_eq!(other.get(GOLD)["values"]["acme"], json!([[0, 10], [5, 9]]));

    for wrong in ["?", "", "AAAA"] {
        document["keptUsage"][0]["quota"] = json!(wrong);
        let document = serde_json::from_value(document.clone()).unwrap();
        let faults = Gateway::compile(&document, &|_: &str| None).unwrap_err();
        assert_eq!(faults[0].pointer, "/keptUsage/0");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_worker_that_ends_stores_what_it_has_seen() {
    let world = World::of(document());
    world.call("prod", "acme", 4);
    world.gateway.end(&*world.proxy);
    let mut next = World::of(document());
    next.proxy = Rc::clone(&world.proxy);
    assert_eq!(next.get(GOLD)["values"]["acme"], json!([[0, 10], [4, 6]]));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_holder_of_a_key_is_told_of_this_key_where_the_configuration_says_so() {
    let with = |changes: &[(&str, Value)]| {
        let mut document = document();
        for (pointer, value) in changes {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            document.pointer_mut(parent).unwrap()[name] = value.clone();
        }
        World::of(document)
    };
    let on = ("/usageRoute", json!("/account/usage"));
    let route = "/prod/account/usage?startDate=2026-11-20&endDate=2026-11-20";
    let world = with(std::slice::from_ref(&on));
    world.call("prod", "acme", 3);
    let ask = |world: &World, method: &str, path: &str, key: &str| {
        let reply = world.send(method, path, ("x-api-key", key), "");
        let reply = reply.expect("an answer");
        (
            reply.status,
            serde_json::from_slice(&reply.body).unwrap_or(Value::Null),
        )
    };
    let (status, told) = ask(&world, "GET", route, "acme");
    assert_eq!(status, 200);
    let expected = json!({
        "usagePlanId": "gold \"plan\"", "startDate": "2026-11-20", "endDate": "2026-11-20",
        "values": {"acme": [[3, 7]]},
    });
    assert_eq!(told, expected);
    // Asking uses up nothing, and the days may be left out.
    let (_, told) = ask(&world, "GET", "/prod/account/usage", "acme");
    assert_eq!(told["values"]["acme"].as_array().unwrap().len(), 30);
    assert_eq!(told["values"]["acme"][29], json!([3, 7]));

    let forbidden = (403, json!({"message": "Forbidden"}));
    // No key, no such key, a key for another stage.
    assert_eq!(ask(&world, "GET", route, ""), forbidden);
    assert_eq!(ask(&world, "GET", route, "none"), forbidden);
    assert_eq!(ask(&world, "GET", route, "guest"), forbidden);
    assert_eq!(
        ask(&world, "GET", "/prod/account/usage?startDate=x", "acme").0,
        400
    );
    // Not for another method or path, nor unless it is on, nor where keys come from an authorizer.
    let elsewhere = (403, json!({"message": "Missing Authentication Token"}));
    assert_eq!(ask(&world, "POST", route, "acme"), elsewhere);
    assert_eq!(
        ask(&world, "GET", "/prod/account/usage/", "acme"),
        elsewhere
    );
    assert_eq!(ask(&with(&[]), "GET", route, "acme"), elsewhere);
    let source = ("/apis/0/apiKeySource", json!("AUTHORIZER"));
    assert_eq!(ask(&with(&[on, source]), "GET", route, "acme"), elsewhere);
}

#[wasm_bindgen_test(unsupported = test)]
fn no_stage_stands_in_the_way() {
    let mut document = document();
    document["apis"][0]["stages"][1]["name"] = json!("usageplans");
    document["usagePlans"][1]["apiStages"] = json!([]);
    let document = serde_json::from_value(document).unwrap();
    let faults = Gateway::compile(&document, &|_: &str| None).unwrap_err();
    assert_eq!(faults[0].pointer, "/apis/0/stages/1/name");
}

proptest! {
    #[wasm_bindgen_test(unsupported = test)]
    fn a_date_is_read_as_it_is_written(day in 0_u32..2_932_897) {
        prop_assert_eq!(read_date(Some(&date(day))), Some(day));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn no_text_panics(text in "[0-9+-]{0,12}") {
        if let Some(day) = read_date(Some(&text)) {
            prop_assert_eq!(date(day), text);
        }
    }
}
