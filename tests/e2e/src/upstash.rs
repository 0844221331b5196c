use std::net::SocketAddr;
use std::time::Duration;

use ::redis::{Connection, ErrorKind, IntoConnectionInfo, RedisError, RedisResult};
use serde_json::{Value, json};

use crate::backend::{Backend, Reaction, Seen};

/// A bridge from Upstash's REST protocol to a Redis, as far as one command in a body goes: `POST`
/// with a JSON array and a bearer token, `{"result": …}` or `{"error": …}` (Upstash, "REST API").
/// Dragonfly has the same at the path `/api`, and so has this at any path.
pub struct Upstash {
    backend: Backend,
}

impl Upstash {
    /// One in front of the Redis at this address, for whoever has the token.
    #[must_use]
    pub fn before(redis: SocketAddr, token: &str) -> Self {
        let authorization = format!("Bearer {token}").into_bytes();
        let backend = Backend::start(move |seen| {
            let (status, body) = answer(redis, &authorization, seen);
            Reaction::answer(status, body.to_string()).header("content-type", "application/json")
        });
        Self { backend }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.backend.address()
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Every request since the last call.
    #[must_use]
    pub fn take_seen(&self) -> Vec<Seen> {
        self.backend.take_seen()
    }
}

fn answer(redis: SocketAddr, authorization: &[u8], seen: &Seen) -> (u16, Value) {
    if seen.header("authorization") != Some(authorization) {
        let reason = "WRONGPASS invalid or missing auth token";
        return (401, json!({"error": reason}));
    }
    if seen.method != "POST" {
        return (405, json!({"error": "ERR method is not allowed"}));
    }
    let words = serde_json::from_slice::<Vec<Value>>(&seen.body).unwrap_or_default();
    let words: Option<Vec<String>> = words.iter().map(word).collect();
    let Some((name, rest)) = words.as_deref().and_then(<[String]>::split_first) else {
        return (400, json!({"error": "ERR failed to parse command"}));
    };
    let asked = || -> RedisResult<::redis::Value> {
        ::redis::cmd(name).arg(rest).query(&mut connect(redis)?)
    };
    match asked() {
        Ok(value) => (200, json!({"result": in_json(&value)})),
        Err(error) if is_of_command(&error) => (400, json!({"error": said(&error)})),
        Err(error) => (500, json!({"error": error.to_string()})),
    }
}

fn connect(redis: SocketAddr) -> RedisResult<Connection> {
    let place = (redis.ip().to_string(), redis.port()).into_connection_info()?;
    ::redis::Client::open(place)?.get_connection_with_timeout(Duration::from_secs(1))
}

/// A word of a command: numbers may stand there too.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn in_json(value: &::redis::Value) -> Value {
    match value {
        ::redis::Value::Nil => Value::Null,
        ::redis::Value::Int(number) => json!(number),
        ::redis::Value::BulkString(bytes) => json!(String::from_utf8_lossy(bytes)),
        ::redis::Value::SimpleString(text) => json!(text),
        ::redis::Value::Okay => json!("OK"),
        ::redis::Value::Array(items) => items.iter().map(in_json).collect(),
        other => json!(format!("{other:?}")),
    }
}

/// Whether it is what Redis says of a command.
fn is_of_command(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// What Redis has said, in its own words.
fn said(error: &RedisError) -> String {
    let code = error.code().unwrap_or("ERR");
    match error.detail() {
        Some(detail) => format!("{code} {detail}"),
        None => code.to_owned(),
    }
}
