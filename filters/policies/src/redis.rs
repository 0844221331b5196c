//! Redis, as gateways reach it: over HTTP, because a filter can make no other connection.
//!
//! Two dialects are in use. [Webdis] takes the words of a command percent-encoded with slashes
//! between them, and answers with an object that has the command's name; a status or an error is a
//! pair of a truth value and a text there. Upstash's [REST API], which Dragonfly speaks too, takes
//! a JSON array, and answers with `result` or `error`.
//!
//! [Webdis]: https://github.com/nicolasff/webdis
//! [REST API]: https://upstash.com/docs/redis/features/restapi

mod breaker;

use std::fmt;

use attache_model::{self as model, RedisDialect};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::compile_error::CompileError;
use crate::exchange::{Callout, CalloutAnswer, Exchange};
use crate::integration::Upstream;
use crate::integration::encoding::push_encoded;
use crate::integration::uri::parse_fixed;
use crate::ports::Environment;
use crate::sealed_secret::SealingKey;

pub(crate) use breaker::{Breaker, Course};

/// How much of a call tells it from others.
const LONGEST_DIGESTED: usize = 64 << 10;

/// A server, and how it is called.
#[derive(Debug)]
pub(crate) struct Redis {
    pub(crate) upstream: Upstream,
    cluster: String,
    pub(crate) authority: String,
    target: String,
    dialect: RedisDialect,
    authorization: Option<Authorization>,
    pub(crate) timeout_millis: u32,
    /// What the name of every key begins with.
    pub(crate) prefix: String,
    pub(crate) on_failure: model::OnFailure,
    /// Whether API keys live there.
    pub(crate) holds_keys: bool,
    /// Whether usage plans live there.
    pub(crate) holds_plans: bool,
}

/// What an answer says whose it is.
///
/// Webdis writes the answer to a command that was given up into whatever connection has the place of
/// the one that it came over, which may be a later command's. It repeats what it is asked to call a
/// function by, around the answer ([JSONP]).
///
/// [JSONP]: https://github.com/nicolasff/webdis#file-types-and-content-types
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark(u64);

/// The value of the `Authorization` field.
struct Authorization(Vec<u8>);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody answered in time, or not as the dialect says. Holds the status, if there was one.
    Unreachable(Option<String>),
    /// Redis answered with an error, such as `OOM` or `READONLY`.
    Refused(String),
}

impl Redis {
    /// # Errors
    ///
    /// When the URL is none of a service, or what stands in `Authorization` cannot be opened.
    pub(crate) fn compile(
        redis: &model::Redis,
        environment: &dyn Environment,
    ) -> Result<Self, Vec<CompileError>> {
        let mut errors = Vec::new();
        let authorization = redis.authorization.as_ref().and_then(|sealed| {
            let key = SealingKey::from_environment(environment);
            let opened = key.ok().flatten().and_then(|key| {
                let name = model::Redis::AUTHORIZATION;
                Some(key.open(name, sealed).ok()?.reveal().clone())
            });
            if opened.is_none() {
                errors.push(
                    CompileError::new(
                        "/state/redis/authorization",
                        "what Redis is shown cannot be opened",
                    )
                    .hint("give the proxy the key that it was sealed with"),
                );
            }
            opened.map(Authorization)
        });
        let address = parse_fixed(&redis.url).and_then(|(upstream, target)| {
            if target.contains('?') {
                return Err("it has a query string");
            }
            Ok((upstream, target))
        });
        match address {
            Err(reason) => errors.push(CompileError::new(
                "/state/redis/url",
                format!("it leads to no Redis: {reason}"),
            )),
            Ok((upstream, target)) if errors.is_empty() => {
                return Ok(Self {
                    cluster: upstream.cluster(),
                    authority: upstream.authority(),
                    upstream,
                    target,
                    dialect: redis.dialect,
                    authorization,
                    timeout_millis: redis.timeout_millis,
                    prefix: in_one_slot(&redis.prefix),
                    on_failure: redis.on_failure,
                    holds_keys: redis.api_keys,
                    holds_plans: redis.usage_plans,
                });
            }
            Ok(_) => {}
        }
        Err(errors)
    }

    /// A key of this fleet.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// The call of a command.
    pub(crate) fn call<'w>(&self, words: impl IntoIterator<Item = &'w [u8]>) -> Callout {
        let field = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let mut headers = vec![
            field(":method", b"POST"),
            field(":path", self.target.as_bytes()),
            field(":authority", self.authority.as_bytes()),
        ];
        if let Some(Authorization(value)) = &self.authorization {
            headers.push(field("authorization", value));
        }
        let mut body = Vec::new();
        match self.dialect {
            RedisDialect::Webdis => {
                for (place, word) in words.into_iter().enumerate() {
                    if place > 0 {
                        body.push(b'/');
                    }
                    // A dot in the last word would be read as the beginning of a file type.
                    push_encoded(&mut body, word, |byte| byte.is_ascii_alphanumeric());
                }
            }
            RedisDialect::Upstash => {
                headers.push(field("content-type", b"application/json"));
                let words: Vec<_> = words.into_iter().map(String::from_utf8_lossy).collect();
                body = serde_json::to_vec(&words).unwrap_or_default();
            }
        }
        Callout {
            cluster: self.cluster.clone(),
            headers,
            body,
            timeout_millis: self.timeout_millis,
            shared_as: None,
        }
    }

    /// Marks a call that is made now, so that no other answer passes for its own. Calls that are
    /// made for several are marked alike.
    pub(crate) fn mark(&self, callout: &mut Callout) -> Mark {
        if self.dialect != RedisDialect::Webdis {
            return Mark::default();
        }
        let digest = callout.shared_as.unwrap_or_else(|| {
            let body = &callout.body;
            // What is longer writes, and its answer says nothing but that it was written.
            let end = body.len().saturating_sub(LONGEST_DIGESTED);
            let mut hash = Sha256::new_with_prefix(body.len().to_le_bytes());
            hash.update(body.get(end..).unwrap_or_default());
            hash.finalize().into()
        });
        let [a, b, c, d, e, f, g, h, ..] = digest;
        let mark = Mark(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
        let path = callout.headers.iter_mut();
        if let Some((_, path)) = path.into_iter().find(|(name, _)| name == ":path") {
            path.extend_from_slice(b"?jsonp=");
            path.extend_from_slice(&mark.text());
        }
        mark
    }

    /// Makes a call for a request: what Redis answers. When the answer to another call comes in its
    /// place, it is made once more, with half of the time and if as much is left: whoever waits for the
    /// same then shares that call too. What calls do they may do twice.
    pub(crate) async fn ask(
        &self,
        mut callout: Callout,
        exchange: &Exchange,
    ) -> Result<Value, Fault> {
        let mark = self.mark(&mut callout);
        let half = callout.timeout_millis / 2;
        let asked_at = exchange.ports().now();
        let mut answer = CalloutAnswer::Failed;
        for timeout_millis in [callout.timeout_millis, half] {
            let call = Callout {
                timeout_millis,
                ..callout.clone()
            };
            answer = exchange.callout(call).await;
            let spent = exchange.ports().now().millis_since(asked_at);
            if half == 0 || spent > u64::from(half) || !self.is_of_another(mark, &answer) {
                break;
            }
        }
        self.answer(mark, answer)
    }

    /// Whether this is the answer to another call than that with this mark.
    fn is_of_another(&self, mark: Mark, answer: &CalloutAnswer) -> bool {
        let CalloutAnswer::Answered { headers, body } = answer else {
            return false;
        };
        self.dialect == RedisDialect::Webdis
            && headers.first(b":status") == Some(b"200")
            && mark.answer_in(body).is_none()
    }

    /// What the command with this mark has answered.
    pub(crate) fn answer(&self, mark: Mark, answer: CalloutAnswer) -> Result<Value, Fault> {
        let CalloutAnswer::Answered { headers, body } = answer else {
            return Err(Fault::Unreachable(None));
        };
        let status = headers.first(b":status").unwrap_or_default();
        let unreachable = || {
            let status = String::from_utf8_lossy(status).into_owned();
            Fault::Unreachable(Some(status))
        };
        let body = match self.dialect {
            RedisDialect::Upstash => &*body,
            RedisDialect::Webdis => mark.answer_in(&body).ok_or_else(unreachable)?,
        };
        let answer: Value = serde_json::from_slice(body).map_err(|_| unreachable())?;
        let Value::Object(mut answer) = answer else {
            return Err(unreachable());
        };
        match self.dialect {
            RedisDialect::Upstash => match answer.remove("error") {
                Some(Value::String(message)) => Err(Fault::Refused(message)),
                _ => answer.remove("result").ok_or_else(unreachable),
            },
            RedisDialect::Webdis => {
                let (_, value) = answer.into_iter().next().ok_or_else(unreachable)?;
                match value {
                    Value::Array(pair) if matches!(pair.first(), Some(Value::Bool(_))) => {
                        let [Value::Bool(good), Value::String(message)] = &*pair else {
                            return Err(unreachable());
                        };
                        if *good {
                            Ok(Value::String(message.clone()))
                        } else {
                            Err(Fault::Refused(message.clone()))
                        }
                    }
                    value => Ok(value),
                }
            }
        }
    }
}

impl Mark {
    fn text(self) -> Vec<u8> {
        format!("m{:016x}", self.0).into_bytes()
    }

    /// The answer that is marked so.
    fn answer_in(self, body: &[u8]) -> Option<&[u8]> {
        let answer = body.strip_prefix(&*self.text())?.strip_prefix(b"(")?;
        answer.trim_ascii_end().strip_suffix(b");")
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("<secret>")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(None) => formatter.write_str("it did not answer in time"),
            Self::Unreachable(Some(status)) => {
                write!(formatter, "no answer of Redis came with status {status}")
            }
            Self::Refused(message) => write!(formatter, "it answered: {message}"),
        }
    }
}

/// A Redis Cluster keeps all keys with the same part in braces in one slot, where one script may
/// reach them. Whoever writes braces has thought of it.
///
/// <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags>
fn in_one_slot(prefix: &str) -> String {
    if prefix.contains('{') {
        prefix.to_owned()
    } else {
        format!("{{{prefix}}}")
    }
}

/// The beginning of the command that runs a script, which so many keys follow.
pub(crate) fn eval(script: &str, keys: usize) -> Vec<String> {
    vec!["EVAL".to_owned(), script.to_owned(), keys.to_string()]
}

/// What Webdis answers to a marked call.
#[cfg(test)]
pub(crate) fn answered(callout: &Callout, answer: &Value) -> CalloutAnswer {
    let path = callout.headers.iter().find(|(name, _)| name == ":path");
    let (_, path) = path.expect("a path");
    let path = str::from_utf8(path).expect("a path");
    let (_, mark) = path.split_once("?jsonp=").expect("a mark");
    CalloutAnswer::Answered {
        headers: [(":status", "200")].into_iter().collect(),
        body: format!("{mark}({answer});\n").into_bytes(),
    }
}

#[cfg(test)]
mod tests;
