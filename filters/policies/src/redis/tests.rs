use attache_model as model;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{Breaker, Course, Fault, Mark, Redis};
use crate::exchange::CalloutAnswer;
use crate::headers::Headers;
use crate::memory_ports::MemoryPorts;
use crate::ports::Timestamp;
use crate::sealed_secret::{SealingKey, VARIABLE};

fn definition(url: &str, dialect: model::RedisDialect) -> model::Redis {
    model::Redis {
        url: url.to_owned(),
        dialect,
        authorization: None,
        prefix: "attache".to_owned(),
        on_failure: model::OnFailure::Local,
        timeout_millis: 7,
        api_keys: false,
        usage_plans: false,
    }
}

fn webdis() -> Redis {
    let definition = definition("http://127.0.0.1:7379", model::RedisDialect::Webdis);
    Redis::compile(&definition, &|_: &str| None).unwrap()
}

fn upstash() -> Redis {
    let definition = definition("https://eu1.example.com/one", model::RedisDialect::Upstash);
    Redis::compile(&definition, &|_: &str| None).unwrap()
}

fn answered(body: &str) -> CalloutAnswer {
    let mut headers = Headers::default();
    headers.push(b":status", b"200");
    CalloutAnswer::Answered {
        headers,
        body: body.into(),
    }
}

const WORDS: [&[u8]; 4] = [b"SET", b"a/b.c", b"\x00\xff%", b""];

#[wasm_bindgen_test(unsupported = test)]
fn a_command_is_written_as_the_dialect_wants_it() {
    let call = webdis().call(WORDS);
    assert_eq!(call.cluster, "http_127.0.0.1_7379");
    assert_eq!(call.timeout_millis, 7);
    assert_eq!(call.body, b"SET/a%2Fb%2Ec/%00%FF%25/");
    assert!(call.headers.contains(&(":path".to_owned(), b"/".to_vec())));

    let call = upstash().call([&b"SET"[..], b"a\"b", b"7"]);
    assert_eq!(call.cluster, "https_eu1.example.com_443");
    assert_eq!(call.body, br#"["SET","a\"b","7"]"#);
    let path = (":path".to_owned(), b"/one".to_vec());
    assert!(call.headers.contains(&path));
}

#[wasm_bindgen_test(unsupported = test)]
fn an_answer_is_read_as_the_dialect_writes_it() {
    let refused = |message: &str| Err(Fault::Refused(message.to_owned()));
    let unreachable = || Err(Fault::Unreachable(Some("200".to_owned())));
    for (redis, body, expected) in [
        (webdis(), r#"{"EVAL":[1,2,[3]]}"#, Ok(json!([1, 2, [3]]))),
        (webdis(), r#"{"EVAL":[]}"#, Ok(json!([]))),
        (webdis(), r#"{"GET":null}"#, Ok(Value::Null)),
        (webdis(), r#"{"PING":[true,"PONG"]}"#, Ok(json!("PONG"))),
        (webdis(), r#"{"EVAL":[false,"OOM"]}"#, refused("OOM")),
        (webdis(), r#"{"EVAL":[false]}"#, unreachable()),
        (webdis(), "{}", unreachable()),
        (webdis(), "[1]", unreachable()),
        (webdis(), "no healthy upstream", unreachable()),
        (upstash(), r#"{"result":[1,2]}"#, Ok(json!([1, 2]))),
        (upstash(), r#"{"result":null}"#, Ok(Value::Null)),
        (upstash(), r#"{"error":"READONLY"}"#, refused("READONLY")),
        (upstash(), "{}", unreachable()),
        (upstash(), "", unreachable()),
    ] {
        let mut call = redis.call([&b"PING"[..]]);
        let mark = redis.mark(&mut call);
        let body = match redis.dialect {
            model::RedisDialect::Webdis => format!("{}({body});\n", text(mark)),
            model::RedisDialect::Upstash => body.to_owned(),
        };
        assert_eq!(redis.answer(mark, answered(&body)), expected, "{body}");
    }
    let failed = webdis().answer(Mark::default(), CalloutAnswer::Failed);
    assert_eq!(failed, Err(Fault::Unreachable(None)));
}

fn text(mark: Mark) -> String {
    String::from_utf8(mark.text()).unwrap()
}

/// Webdis writes what belongs to a call that was given up into a connection of another.
#[wasm_bindgen_test(unsupported = test)]
fn the_answer_to_another_call_is_none() {
    let redis = webdis();
    let mut calls = ["one", "two"].map(|key| redis.call([b"GET", key.as_bytes()]));
    let [one, two] = calls.each_mut().map(|call| redis.mark(call));
    for (call, mark) in calls.iter().zip([one, two]) {
        let path = format!("/?jsonp={}", text(mark)).into_bytes();
        assert!(call.headers.contains(&(":path".to_owned(), path)));
    }
    let marked = format!("{}({{\"GET\":\"1\"}});\n", text(one));
    assert_eq!(redis.answer(one, answered(&marked)), Ok(json!("1")));
    let none = Err(Fault::Unreachable(Some("200".to_owned())));
    for foreign in [&*marked, "{\"GET\":\"1\"}", "({});", ""] {
        assert_eq!(redis.answer(two, answered(foreign)), none, "{foreign}");
    }
    // Whoever asks for several asks for the same.
    let mut shared = redis.call([&b"GET"[..], b"three"]);
    shared.shared_as = Some([7; 32]);
    let mut other = redis.call([&b"GET"[..], b"four"]);
    other.shared_as = Some([7; 32]);
    assert_eq!(redis.mark(&mut shared), redis.mark(&mut other));
    // A large entry is told from others by its end and its length.
    let large = |end: &str| {
        let word = ["x".repeat(100_000).as_str(), end].concat();
        redis.mark(&mut redis.call([b"SET", word.as_bytes()]))
    };
    assert_ne!(large("a"), large("b"));
    assert_ne!(large("a"), large("xa"));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_call_that_fails_counts_once_however_many_wait_for_it() {
    let ports = MemoryPorts::default();
    let fails = |asked_at: u64, now: u64, waiting: usize| {
        let fault = Fault::Unreachable(None);
        let report = |_| {
            let (asked_at, now) = (Timestamp(asked_at), Timestamp(now));
            Breaker::report(&ports, asked_at, now, Err(&fault), "redis")
        };
        (0..waiting).map(report).last()
    };
    assert_eq!(fails(0, 10, 20), Some(Course::Ask));
    assert_eq!(fails(9, 11, 20), Some(Course::Ask));
    // A clock that was put back hides no failure.
    assert_eq!(fails(5, 6, 20), Some(Course::Ask));
    assert_eq!(fails(12, 20, 20), Some(Course::Leave));
    // An answer ends the row.
    let answered = |now| Breaker::report(&ports, Timestamp(now), Timestamp(now), Ok(()), "redis");
    assert_eq!(answered(30), Course::Ask);
    assert_eq!(fails(31, 32, 20), Some(Course::Ask));
    assert_eq!(fails(33, 34, 20), Some(Course::Ask));
    assert_eq!(answered(35), Course::Ask);
    assert_eq!(fails(36, 37, 20), Some(Course::Ask));
}

#[wasm_bindgen_test(unsupported = test)]
fn what_redis_is_shown_is_sealed_and_is_never_printed() {
    let key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let sealed = SealingKey::from_base64(key)
        .unwrap()
        .seal(model::Redis::AUTHORIZATION, b"Bearer hidden");
    let definition = model::Redis {
        authorization: Some(sealed),
        ..definition("https://example.com/", model::RedisDialect::Upstash)
    };
    let environment = |name: &str| (name == VARIABLE).then(|| key.to_owned());
    let redis = Redis::compile(&definition, &environment).unwrap();
    let shown = ("authorization".to_owned(), b"Bearer hidden".to_vec());
    assert!(redis.call([&b"PING"[..]]).headers.contains(&shown));
    assert!(!format!("{redis:?}").contains("hidden"));

    let faults = Redis::compile(&definition, &|_: &str| None).unwrap_err();
    assert_eq!(faults[0].pointer, "/state/redis/authorization");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_url_that_leads_to_no_server_is_a_fault() {
    for url in ["", "redis://127.0.0.1", "http://a/?b", "http://{host}/"] {
        let definition = definition(url, model::RedisDialect::Webdis);
        let faults = Redis::compile(&definition, &|_: &str| None).unwrap_err();
        assert_eq!(faults[0].pointer, "/state/redis/url", "{url}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn all_keys_of_a_fleet_are_in_one_slot() {
    for (prefix, expected) in [("attache", "{attache}"), ("a:{b}", "a:{b}")] {
        let definition = model::Redis {
            prefix: prefix.to_owned(),
            ..definition("http://127.0.0.1/", model::RedisDialect::Webdis)
        };
        let redis = Redis::compile(&definition, &|_: &str| None).unwrap();
        assert_eq!(redis.prefix, expected);
    }
}
