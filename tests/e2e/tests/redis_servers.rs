//! What stands between a gateway and Redis, as the gateway sees it: facts of Webdis that the
//! dialect is made after, each measured on the real one, and the bridge that stands for Upstash.
//!
//! In short. The body of a `POST` is one command: words with slashes between them, percent-encoded.
//! Everything that Redis says is a 200, errors too; a status that is none is Webdis's own. Numbers
//! and texts come back, alone or in a flat list; what is deeper, not UTF-8 or behind a NUL does not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by panicking"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use attache_e2e::{Body, Client, Raw, Redis, Request, Response, Upstash, Webdis, until};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// `EVAL` of a script without keys.
fn eval(script: &str, words: &[&str]) -> String {
    let mut body = format!("EVAL/{}/0", encoded(script.as_bytes()));
    for word in words {
        body = body + "/" + word;
    }
    body
}

/// Everything but letters and digits, as a gateway writes it.
fn encoded(word: &[u8]) -> String {
    let encode = |byte: &u8| match byte.is_ascii_alphanumeric() {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    word.iter().map(encode).collect()
}

fn json(answer: &Response) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some(&b"application/json"[..]), "{answer:?}");
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn webdis_takes_words_that_are_percent_encoded() {
    let redis = Redis::start();
    let webdis = Webdis::with(redis.address(), &json!({}));
    let length = "return #ARGV[1]";
    for (word, found) in [
        ("abc".to_owned(), 3),
        (encoded(b"a/b.c d+e%f?g&h#i"), 17),
        (encoded("é{}:\"\\".as_bytes()), 7),
        (encoded(&[0, 1, 127, 128, 255, b'\n', b'\r']), 7),
        (encoded(b"a.raw"), 5),
        // As it stands there, this is a file type, and none of the word.
        ("a.raw".to_owned(), 1),
        ("a+b".to_owned(), 3),
        ("a?b".to_owned(), 1),
        (String::new(), 0),
    ] {
        let asked = webdis.post(eval(length, &[&word]));
        let shown = String::from_utf8_lossy(&asked.body).into_owned();
        match word.as_str() {
            "a.raw" => assert_eq!(shown, format!(":{found}\r\n")),
            _ => assert_eq!(json(&asked), json!({"EVAL": found}), "{word}"),
        }
    }
    // A plus is a space, and empty words count.
    let words = webdis.post(eval("return ARGV", &["a+b", "", "c"]));
    assert_eq!(json(&words), json!({"EVAL": ["a b", "", "c"]}));
    // A slash in front of the command is an empty word in its place.
    let first = json(&webdis.post(format!("/{}", eval("return 1", &[]))));
    assert_ne!(first, json!({"EVAL": 1}));
    // Whatever the path.
    let body = Body::Whole(eval("return 1", &[]).into_bytes());
    let elsewhere = Request::new("POST", "/else/where").body(body);
    assert_eq!(json(&webdis.send(&elsewhere)), json!({"EVAL": 1}));
}

#[test]
fn webdis_answers_with_numbers_texts_and_flat_lists() {
    let redis = Redis::start();
    let webdis = Webdis::with(redis.address(), &json!({}));
    for (script, found) in [
        ("return 7", json!(7)),
        ("return -7", json!(-7)),
        // Lua's numbers are doubles, and Redis cuts what is behind their point.
        ("return 3.99", json!(3)),
        ("return 9007199254740992", json!(9_007_199_254_740_992_u64)),
        ("return 'text'", json!("text")),
        ("return '3.99'", json!("3.99")),
        ("return ''", json!("")),
        ("return 'a\\1\"\\\\é'", json!("a\u{1}\"\\é")),
        ("return nil", json!(null)),
        ("return false", json!(null)),
        ("return true", json!(1)),
        ("return {}", json!([])),
        ("return {1, 'a', false, -2}", json!([1, "a", null, -2])),
        // Only one level is written.
        ("return {1, {2, 3}, 4}", json!([1, null, 4])),
        ("return {{ok = 'fine'}}", json!([null])),
        // Nothing behind a NUL is.
        ("return 'a\\0b'", json!("a")),
        // A status and an error are pairs.
        ("return redis.status_reply('FINE')", json!([true, "FINE"])),
        (
            "return redis.error_reply('ERR no')",
            json!([false, "ERR no"]),
        ),
    ] {
        let asked = json(&webdis.post(eval(script, &[])));
        assert_eq!(asked, json!({"EVAL": found}), "{script}");
    }
    // What is not UTF-8 leaves nothing of the answer.
    assert_eq!(json(&webdis.post(eval("return '\\255'", &[]))), json!({}));
    // The answer has the command's name as it was written.
    assert_eq!(json(&webdis.post("ping")), json!({"ping": [true, "PONG"]}));
    // Names and values take turns in a hash, unless a script has it.
    redis.ask::<()>(&["HSET", "hash", "name", "value"]);
    let hash = json(&webdis.post("HGETALL/hash"));
    assert_eq!(hash, json!({"HGETALL": {"name": "value"}}));
    let hash = eval("return redis.call('HGETALL', 'hash')", &[]);
    assert_eq!(json(&webdis.post(hash)), json!({"EVAL": ["name", "value"]}));
}

#[test]
fn webdis_tells_of_errors_in_answers_that_are_well() {
    let redis = Redis::start();
    let webdis = Webdis::with(redis.address(), &json!({}));
    let refused = |words: &str| {
        let answer = json(&webdis.post(words));
        let (_, pair) = answer.as_object().unwrap().iter().next().unwrap();
        assert_eq!(pair[0], false, "{words}: {answer}");
        pair[1].as_str().unwrap().to_owned()
    };
    let writes = eval("return redis.call('SET', 'a', 1)", &[]);
    let unknown = refused("EVALSHA/ffffffffffffffffffffffffffffffffffffffff/0");
    assert!(unknown.starts_with("NOSCRIPT "), "{unknown}");
    assert!(refused("NOSUCHCOMMAND").starts_with("ERR "));
    redis.make_read_only();
    assert!(refused(&writes).starts_with("READONLY "));
    assert_eq!(json(&webdis.post("GET/a")), json!({"GET": null}));
    redis.make_writable();
    redis.fill();
    assert!(refused(&writes).starts_with("OOM "));
    redis.relieve();
    assert_eq!(json(&webdis.post(&writes)), json!({"EVAL": [true, "OK"]}));
}

#[test]
fn webdis_answers_503_without_redis_and_comes_back_with_it() {
    let mut redis = Redis::durable();
    let webdis = Webdis::with(redis.address(), &json!({}));
    assert_eq!(json(&webdis.post("INCR/a")), json!({"INCR": 1}));
    redis.kill();
    let gone = webdis.post("INCR/a");
    assert_eq!((gone.status, gone.text().as_str()), (503, ""));
    redis.restart();
    // It connects anew by itself; the append-only file has kept what was counted.
    until("Webdis and Redis together", || {
        let answer = webdis.post("GET/a");
        (answer.status == 200).then(|| assert_eq!(json(&answer), json!({"GET": "1"})))
    });
}

#[test]
fn what_was_given_up_may_still_be_carried_out() {
    let redis = Redis::start();
    let webdis = Webdis::with(redis.address(), &json!({}));
    assert_eq!(json(&webdis.post("INCR/a")), json!({"INCR": 1}));
    redis.freeze();
    // Nobody answers, and Webdis has no time limit of its own.
    let mut client = Raw::connect(webdis.address()).patience(Duration::from_millis(100));
    let command = b"POST / HTTP/1.1\r\nhost: redis\r\ncontent-length: 6\r\n\r\nINCR/a";
    assert!(client.send(command));
    assert_eq!(client.response(), None);
    drop(client);
    redis.thaw();
    // Webdis sends the answer to whoever has the place of that connection by then.
    until("the command", || {
        (redis.ask::<u32>(&["GET", "a"]) == 2).then_some(())
    });
}

/// What tells an answer from one to a command that was given up.
#[test]
fn webdis_repeats_what_it_is_asked_to_call() {
    let redis = Redis::start();
    let webdis = Webdis::before(redis.address());
    let mut client = Client::http1(webdis.address());
    for (command, answer) in [
        (eval("return {1, ''}", &[]), r#"{"EVAL":[1,""]}"#),
        (
            eval("return redis.error_reply('ERR no')", &[]),
            r#"{"EVAL":[false,"ERR no"]}"#,
        ),
    ] {
        let request = Request::new("POST", "/?jsonp=m0123456789abcdef");
        let request = request.body(Body::Whole(command.into_bytes()));
        let marked = client.send(&request).unwrap().text().to_owned();
        assert_eq!(marked, format!("m0123456789abcdef({answer});\n"));
    }
}

#[test]
fn webdis_keeps_connections_and_takes_long_commands() {
    let redis = Redis::start();
    let webdis = Webdis::with(redis.address(), &json!({}));
    let mut client = Client::http1(webdis.address());
    for length in [0, 1, 1_000, 100_000, 1_000_000, 4_000_000] {
        let word = "a".repeat(length);
        let body = Body::Whole(eval("return #ARGV[1]", &[&word]).into_bytes());
        let answer = client.send(&Request::new("POST", "/").body(body)).unwrap();
        let kept = answer.header("connection").map(<[u8]>::to_ascii_lowercase);
        assert_eq!(kept.as_deref(), Some(&b"keep-alive"[..]));
        assert_eq!(json(&answer), json!({"EVAL": length}));
    }
    let long = json(&webdis.post(eval("return string.rep('a', 1000000)", &[])));
    assert_eq!(long["EVAL"].as_str().unwrap().len(), 1_000_000);
}

#[test]
fn webdis_lets_whoever_has_the_password_say_what_is_allowed() {
    let redis = Redis::start();
    let settings = json!({"acl": [
        {"disabled": ["*"]},
        {"http_basic_auth": "gateway:pass:word", "enabled": ["EVAL", "PING"]},
    ]});
    let webdis = Webdis::with(redis.address(), &settings);
    let ask = |pair: Option<&str>, words: &str| {
        let body = Body::Whole(words.as_bytes().to_vec());
        let mut request = Request::new("POST", "/").body(body);
        if let Some(pair) = pair {
            let value = format!("Basic {}", STANDARD.encode(pair));
            request = request.header("authorization", value);
        }
        webdis.send(&request).status
    };
    let script = eval("return 1", &[]);
    for (pair, words, status) in [
        (Some("gateway:pass:word"), script.as_str(), 200),
        (Some("gateway:pass:word"), "PING", 200),
        (Some("gateway:pass:word"), "ping", 200),
        (Some("gateway:pass:word"), "FLUSHALL", 403),
        (Some("gateway:pass:word"), "%46LUSHALL", 403),
        (Some("gateway:wrong"), "PING", 403),
        (Some("pass:word"), "PING", 403),
        (None, "PING", 403),
        (None, &script, 403),
    ] {
        assert_eq!(ask(pair, words), status, "{pair:?} {words}");
    }
}

#[test]
fn the_servers_of_the_containers_let_gateways_do_what_they_do() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(workspace.join(path)).unwrap();
    let compose = read("tests/targets/shared-state/compose/compose.yaml");
    let compose: Value = serde_saphyr::from_str(&compose).unwrap();
    let command = compose["services"]["redis"]["command"].as_array().unwrap();
    let command: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
    assert_eq!(command[0], "redis-server");
    let redis = Redis::with(&command[1..]);
    let settings: Value = serde_json::from_str(&read("envoy/compose/webdis.json")).unwrap();
    let webdis = Webdis::with(redis.address(), &json!({"acl": settings["acl"]}));

    assert_eq!(json(&webdis.post("PING")), json!({"PING": [true, "PONG"]}));
    // The script that renews leases, for a quota of 100 and a throttle.
    let script = read("filters/policies/src/fleet/renew.lua");
    let mut renewal = format!(
        "EVAL/{}/2/quota/throttle/gateway",
        encoded(script.as_bytes())
    );
    for words in [
        "/quota/0/0/0/1/9/100/32503680000000/0",
        "/throttle/0/0/0/1/9/50/100000000000/25",
    ] {
        renewal += words;
    }
    let answer = json(&webdis.post(renewal));
    let granted: Vec<u64> = serde_json::from_value(answer["EVAL"].clone()).unwrap();
    assert_eq!(granted.len(), 6, "{granted:?}");
    assert!(granted[0] >= 1 && granted[3] >= 1, "{granted:?}");

    for refused in [
        "GET/a",
        "SET/a/b",
        "FLUSHALL",
        "CONFIG/GET/*",
        "SCRIPT/FLUSH",
    ] {
        assert_eq!(webdis.post(refused).status, 403, "{refused}");
    }
    // Nor does a script get at what Webdis does not let through.
    for refused in [
        "'FLUSHALL'",
        "'CONFIG', 'GET', '*'",
        "'SHUTDOWN'",
        "'KEYS', '*'",
    ] {
        let answer = webdis.post(eval(&format!("return redis.call({refused})"), &[]));
        assert_eq!(json(&answer)["EVAL"][0], false, "{refused}");
    }
}

#[test]
fn the_bridge_speaks_as_upstash_does() {
    const TOKEN: &str = "AX8sASQgNzAtOTI1Zi00=";
    let mut redis = Redis::start();
    let bridge = Upstash::before(redis.address(), TOKEN);
    let ask = |token: &str, body: &Value| {
        let request = Request::new("POST", "/api")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::Whole(body.to_string().into_bytes()));
        let answer = Client::http1(bridge.address()).send(&request).unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, body)
    };
    let script = "return {1, 'a/b.c', false, {2, 'é'}}";
    for (words, status, found) in [
        (json!(["PING"]), 200, json!({"result": "PONG"})),
        (
            json!(["SET", "a", 1, "EX", 100]),
            200,
            json!({"result": "OK"}),
        ),
        (json!(["GET", "a"]), 200, json!({"result": "1"})),
        (json!(["GET", "none"]), 200, json!({"result": null})),
        (json!(["INCR", "a"]), 200, json!({"result": 2})),
        (
            json!(["EVAL", script, "0"]),
            200,
            json!({"result": [1, "a/b.c", null, [2, "é"]]}),
        ),
        (
            json!([]),
            400,
            json!({"error": "ERR failed to parse command"}),
        ),
        (
            json!(["EVALSHA", "f".repeat(40), "0"]),
            400,
            json!({"error": "NOSCRIPT No matching script. Please use EVAL."}),
        ),
        (
            json!(["EVAL", "return redis.error_reply('OWN words')", "0"]),
            400,
            json!({"error": "OWN words"}),
        ),
    ] {
        assert_eq!(ask(TOKEN, &words), (status, found), "{words}");
    }
    let (status, body) = ask("another", &json!(["PING"]));
    assert_eq!((status, &body["result"]), (401, &Value::Null));
    redis.fill();
    let (status, body) = ask(TOKEN, &json!(["SET", "a", "b"]));
    assert_eq!(status, 400);
    assert!(
        body["error"].as_str().unwrap().starts_with("OOM "),
        "{body}"
    );
    redis.kill();
    assert_eq!(ask(TOKEN, &json!(["PING"])).0, 500);
}
