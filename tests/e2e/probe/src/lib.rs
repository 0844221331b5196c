//! A filter for the tests of the host: each request says in `x-probe` what its pipeline is to do,
//! as words separated by spaces.
//!
//! | word | does |
//! |---|---|
//! | `callout` | asks the cluster `authorizer`; anything but 200 ends the exchange with a 403 |
//! | `share` | the same, together with all requests that have the same `x-share` |
//! | `body` | awaits the message's body: the request's before `forward`, the answer's after |
//! | `admit` | counts in the shared store under the name in `x-name`, up to `x-limit`; 429 above |
//! | `pause:N` | waits for so many milliseconds |
//! | `until` | waits, a few milliseconds at a time, until something stands in the shared store under the name in `x-name` |
//! | `put` | writes `x-value` into the shared store under the name in `x-name` |
//! | `guard` | writes `dropped` there when the pipeline is dropped before it has ended |
//! | `forward` | sends the request on and awaits the answer's head |
//! | `forward:short`, `forward:long` | the same with a body that is shorter or longer than the awaited one |
//! | `release:short`, `release:long` | lets the answer pass with such a body |
//! | `strip` | sends the request on with `x-strip` set to `gateway`, whatever came |
//! | `pass:N` | passes the answer on; of its body the shared store then has `copy ` and all of it under the name in `x-name`, or `none` when it has more than so many bytes or is not whole |
//! | `reply` | answers 299 with all bodies that were awaited |
//! | `stored` | answers 299 with what stands in the shared store under the name in `x-name` |
//! | `gauge` | sets the gauge `probe_gauge` to `x-value` |
//! | `cluster` | answers 299 with the cluster that the proxy's route leads to |
//! | `fetched` | answers 299 with how many errands have ended, and what the last one brought |
//! | `environment` | answers 299 with the environment variable that `x-name` names |
//! | `certificate` | answers 299 with what the filter makes of the client's certificate |
//! | `verify` | answers 299 with what the proxy says of the signature in `x-hash`, `x-key`, `x-signature` and `x-text`, all but the first in hexadecimal digits |
//!
//! Without a last word the message in hand passes. With the configuration `errands` the filter
//! asks the cluster `authorizer` for `/errand`, again and again, one at a time.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attache_policies::client_certificate::ClientCertificate;
use attache_policies::ports::{Environment, HashFunction, Metric, Ports, Signed, Swap};
use attache_policies::{
    Answer, Callout, CalloutAnswer, Edits, Errand, Exchange, HeaderEdit, Reply, Service,
};

/// The variables that the filter looks at.
const VARIABLES: [&str; 2] = ["PATH", "ATTACHE_PROBE_MISSING"];

/// The service of the filter.
pub struct Probe {
    environment: BTreeMap<&'static str, String>,
    errands: Option<Mutex<Errands>>,
    gauge: Metric,
}

#[derive(Default)]
struct Errands {
    under_way: bool,
    ended: usize,
    last: String,
}

attache_host::filter!(Probe);

impl Service for Probe {
    fn compile(configuration: &[u8], environment: &dyn Environment) -> Result<Self, Vec<String>> {
        if configuration == b"refuse" {
            return Err(vec!["asked to refuse its configuration".to_owned()]);
        }
        Ok(Self {
            environment: VARIABLES
                .into_iter()
                .filter_map(|name| Some((name, environment.variable(name)?)))
                .collect(),
            errands: (configuration == b"errands").then(Mutex::default),
            gauge: Metric {
                index: 0,
                name: "probe_gauge".to_owned(),
            },
        })
    }

    fn errands(&self, _ports: &dyn Ports) -> Vec<Errand> {
        let Some(mut errands) = self.errand_book() else {
            return Vec::new();
        };
        if errands.under_way {
            return Vec::new();
        }
        errands.under_way = true;
        vec![Errand {
            id: errands.ended,
            callout: callout(b"/errand", None),
        }]
    }

    fn fetched(&self, errand: usize, answer: CalloutAnswer, _ports: &dyn Ports) {
        let Some(mut errands) = self.errand_book() else {
            return;
        };
        if errand == errands.ended {
            errands.under_way = false;
            errands.ended += 1;
            errands.last = match answer {
                CalloutAnswer::Answered { body, .. } => String::from_utf8_lossy(&body).into_owned(),
                CalloutAnswer::Failed => "failed".to_owned(),
            };
        }
    }

    async fn serve(self: Arc<Self>, exchange: Exchange) -> Answer {
        let program = text(&exchange, b"x-probe").to_owned();
        let guard = DropGuard {
            exchange: &exchange,
            armed: Cell::new(program.split(' ').any(|word| word == "guard")),
        };
        let answer = self.follow(&program, &exchange).await;
        guard.armed.set(false);
        answer
    }
}

impl Probe {
    async fn follow(&self, program: &str, exchange: &Exchange) -> Answer {
        let mut forwarded = false;
        let mut read = Vec::new();
        let mut body = Vec::new();
        for word in program.split(' ') {
            let (word, number) = word.split_once(':').unwrap_or((word, ""));
            match word {
                "callout" | "share" if allowed(exchange, word).await => {}
                "callout" | "share" => return reply(403, b"refused".to_vec()),
                "body" => {
                    body = if forwarded {
                        exchange.response_body().await
                    } else {
                        exchange.request_body().await.to_vec()
                    };
                    read.extend_from_slice(&body);
                }
                "admit" if admitted(exchange) => {}
                "admit" => return reply(429, b"above the limit".to_vec()),
                "pause" => exchange.pause(number.parse().unwrap_or_default()).await,
                "until" => {
                    while stored(exchange).is_none() {
                        exchange.pause(5).await;
                    }
                }
                "put" => put(exchange, field(exchange, b"x-value")),
                "gauge" => {
                    let value = text(exchange, b"x-value").parse().unwrap_or_default();
                    exchange.ports().set(&self.gauge, value);
                }
                "pass" => {
                    let at_most = number.parse().unwrap_or_default();
                    let set = HeaderEdit::Set("x-passed".into(), b"on".to_vec());
                    let edits = Edits {
                        headers: vec![set],
                        body: None,
                    };
                    let copy = exchange.pass_on(edits, at_most).await;
                    let value = copy.map(|copy| [b"copy ", copy.as_slice()].concat());
                    put(exchange, value.as_deref().unwrap_or(b"none"));
                    return Answer::PassedOn;
                }
                "forward" if number.is_empty() => {
                    exchange.forward(Edits::default()).await;
                    forwarded = true;
                }
                "strip" => {
                    let set = HeaderEdit::Set("x-strip".into(), b"gateway".to_vec());
                    let edits = Edits {
                        headers: vec![set],
                        body: None,
                    };
                    exchange.forward(edits).await;
                    forwarded = true;
                }
                "forward" => {
                    exchange.forward(replaced(number, &body)).await;
                    forwarded = true;
                }
                "release" => return Answer::PassThrough(replaced(number, &body)),
                "reply" => return reply(299, read),
                _ => {
                    if let Some(told) = self.told(word, exchange) {
                        return reply(299, told);
                    }
                }
            }
        }
        Answer::PassThrough(Edits::default())
    }

    /// What the filter knows without waiting; `None` for a word that asks for nothing.
    fn told(&self, word: &str, exchange: &Exchange) -> Option<Vec<u8>> {
        Some(match word {
            "stored" => stored(exchange).unwrap_or_default(),
            "cluster" => exchange.ports().cluster(),
            "fetched" => self.last_fetched().into_bytes(),
            "environment" => {
                let value = self.environment.get(text(exchange, b"x-name"));
                format!("{value:?}").into_bytes()
            }
            "certificate" => {
                let certificate = ClientCertificate::of(exchange.request(), exchange.ports());
                format!("{certificate:?}").into_bytes()
            }
            "verify" => verified(exchange).into_bytes(),
            _ => return None,
        })
    }

    fn errand_book(&self) -> Option<MutexGuard<'_, Errands>> {
        let errands = self.errands.as_ref()?;
        Some(errands.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn last_fetched(&self) -> String {
        self.errand_book()
            .map(|errands| format!("{} {}", errands.ended, errands.last))
            .unwrap_or_default()
    }
}

/// Says that a pipeline was dropped.
struct DropGuard<'a> {
    exchange: &'a Exchange,
    armed: Cell<bool>,
}

impl Drop for DropGuard<'_> {
    fn drop(&mut self) {
        if self.armed.get() {
            put(self.exchange, b"dropped");
        }
    }
}

fn field<'a>(exchange: &'a Exchange, name: &[u8]) -> &'a [u8] {
    exchange.request().first(name).unwrap_or_default()
}

fn text<'a>(exchange: &'a Exchange, name: &[u8]) -> &'a str {
    str::from_utf8(field(exchange, name)).unwrap_or_default()
}

/// What stands in the shared store under the request's name.
fn stored(exchange: &Exchange) -> Option<Vec<u8>> {
    let stored = exchange.ports().get(field(exchange, b"x-name"));
    Some(stored.ok().flatten()?.value)
}

fn put(exchange: &Exchange, value: &[u8]) {
    // A store that cannot be written shows in what is read from it.
    let _ = exchange.ports().put(field(exchange, b"x-name"), value);
}

fn callout(path: &[u8], shared_as: Option<[u8; 32]>) -> Callout {
    Callout {
        cluster: "authorizer".to_owned(),
        headers: vec![
            (":method".to_owned(), b"GET".to_vec()),
            (":path".to_owned(), path.to_vec()),
            (":authority".to_owned(), b"authorizer".to_vec()),
        ],
        body: Vec::new(),
        timeout_millis: 20_000,
        shared_as,
    }
}

async fn allowed(exchange: &Exchange, word: &str) -> bool {
    let path = field(exchange, b":path");
    let share = field(exchange, b"x-share");
    let shared_as = (word == "share").then(|| {
        let mut name = [0; 32];
        for (to, from) in name.iter_mut().zip(share) {
            *to = *from;
        }
        name
    });
    let answer = exchange.callout(callout(path, shared_as)).await;
    matches!(
        answer,
        CalloutAnswer::Answered { headers, .. } if headers.first(b":status") == Some(b"200")
    )
}

/// Adds one to a counter that all workers share unless it has reached its limit.
fn admitted(exchange: &Exchange) -> bool {
    let limit = text(exchange, b"x-limit").parse().unwrap_or(0);
    count_up(exchange.ports(), field(exchange, b"x-name"), limit)
}

fn count_up(ports: &dyn Ports, key: &[u8], limit: u64) -> bool {
    // Every lost race means that another worker has counted, so this ends.
    loop {
        let Ok(stored) = ports.get(key) else {
            return false;
        };
        let count = stored
            .as_ref()
            .and_then(|stored| Some(u64::from_le_bytes(stored.value.as_slice().try_into().ok()?)))
            .unwrap_or(0);
        if count >= limit {
            return false;
        }
        let version = stored.map(|stored| stored.version);
        match ports.compare_and_swap(key, &(count + 1).to_le_bytes(), version) {
            Ok(Swap::Done) => return true,
            Ok(Swap::Conflict) => {}
            Err(_) => return false,
        }
    }
}

fn verified(exchange: &Exchange) -> String {
    let bytes = |name| {
        let digits = field(exchange, name);
        let (pairs, _) = digits.as_chunks::<2>();
        pairs
            .iter()
            .map(|pair| {
                let digits = str::from_utf8(pair).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or_default()
            })
            .collect::<Vec<u8>>()
    };
    let hash = match field(exchange, b"x-hash") {
        b"384" => HashFunction::Sha384,
        b"512" => HashFunction::Sha512,
        _ => HashFunction::Sha256,
    };
    let verdict = exchange.ports().verify(&Signed {
        hash,
        public_key: &bytes(b"x-key"),
        signature: &bytes(b"x-signature"),
        text: &bytes(b"x-text"),
    });
    format!("{verdict:?}")
}

/// Half of the old body, or thrice the old body and one byte more.
fn replaced(length: &str, old: &[u8]) -> Edits {
    let body = if length == "short" {
        old.get(..old.len() / 2).unwrap_or_default().to_vec()
    } else {
        let mut long = old.repeat(3);
        long.push(b'+');
        long
    };
    Edits {
        headers: Vec::new(),
        body: Some(body),
    }
}

fn reply(status: u16, body: Vec<u8>) -> Answer {
    Answer::Reply(Reply {
        status,
        headers: Vec::new(),
        body,
    })
}
