//! A filter for the tests of the host: each request says in `x-probe` what its pipeline is to do,
//! as words separated by spaces.
//!
//! | word | does |
//! |---|---|
//! | `callout` | asks the cluster `authorizer`; anything but 200 ends the exchange with a 403 |
//! | `share` | the same, together with all requests that have the same `x-share` |
//! | `body` | awaits the message's body: the request's before `forward`, the answer's after |
//! | `admit` | counts in the shared store under the name in `x-name`, up to `x-limit`; 429 above |
//! | `forward` | sends the request on and awaits the answer's head |
//! | `forward:short`, `forward:long` | the same with a body that is shorter or longer than the awaited one |
//! | `release:short`, `release:long` | lets the answer pass with such a body |
//! | `strip` | sends the request on with `x-strip` set to `gateway`, whatever came |
//! | `reply` | answers 299 with all bodies that were awaited |
//! | `fetched` | answers 299 with how many errands have ended, and what the last one brought |
//! | `environment` | answers 299 with the environment variable that `x-name` names |
//! | `certificate` | answers 299 with what the filter makes of the client's certificate |
//! | `verify` | answers 299 with what the proxy says of the signature in `x-hash`, `x-key`, `x-signature` and `x-text`, all but the first in hexadecimal digits |
//!
//! Without a last word the message in hand passes. With the configuration `errands` the filter
//! asks the cluster `authorizer` for `/errand`, again and again, one at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use attache_policies::client_certificate::ClientCertificate;
use attache_policies::ports::{Environment, HashFunction, Ports, Signed, Swap};
use attache_policies::{
    Answer, Callout, CalloutAnswer, Edits, Errand, Exchange, HeaderEdit, Reply, Service,
};

/// The variables that the filter looks at.
const VARIABLES: [&str; 2] = ["PATH", "ATTACHE_PROBE_MISSING"];

/// The service of the filter.
pub struct Probe {
    environment: BTreeMap<&'static str, String>,
    errands: Option<Mutex<Errands>>,
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
        let program = exchange
            .request()
            .first(b"x-probe")
            .and_then(|program| str::from_utf8(program).ok())
            .unwrap_or_default()
            .to_owned();
        let mut forwarded = false;
        let mut read = Vec::new();
        let mut body = Vec::new();
        for word in program.split(' ') {
            match word {
                "callout" | "share" if allowed(&exchange, word).await => {}
                "callout" | "share" => return reply(403, b"refused".to_vec()),
                "body" => {
                    body = if forwarded {
                        exchange.response_body().await
                    } else {
                        exchange.request_body().await.to_vec()
                    };
                    read.extend_from_slice(&body);
                }
                "admit" if admitted(&exchange) => {}
                "admit" => return reply(429, b"above the limit".to_vec()),
                "forward" => {
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
                "forward:short" | "forward:long" => {
                    exchange.forward(replaced(word, &body)).await;
                    forwarded = true;
                }
                "release:short" | "release:long" => {
                    return Answer::PassThrough(replaced(word, &body));
                }
                "reply" => return reply(299, read),
                "fetched" => return reply(299, self.last_fetched().into_bytes()),
                "environment" => {
                    let name = exchange.request().first(b"x-name").unwrap_or_default();
                    let name = str::from_utf8(name).unwrap_or_default();
                    let value = self.environment.get(name);
                    return reply(299, format!("{value:?}").into_bytes());
                }
                "certificate" => {
                    let request = exchange.request();
                    let certificate = ClientCertificate::of(request, exchange.ports());
                    return reply(299, format!("{certificate:?}").into_bytes());
                }
                "verify" => return reply(299, verified(&exchange).into_bytes()),
                _ => {}
            }
        }
        Answer::PassThrough(Edits::default())
    }
}

impl Probe {
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
    let path = exchange.request().first(b":path").unwrap_or_default();
    let share = exchange.request().first(b"x-share").unwrap_or_default();
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
    let number = |name| {
        exchange
            .request()
            .first(name)
            .and_then(|text| str::from_utf8(text).ok()?.parse::<u64>().ok())
    };
    let key = exchange.request().first(b"x-name").unwrap_or_default();
    let limit = number(b"x-limit").unwrap_or(0);
    count_up(exchange.ports(), key, limit)
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
        let digits = exchange.request().first(name).unwrap_or_default();
        let (pairs, _) = digits.as_chunks::<2>();
        pairs
            .iter()
            .map(|pair| {
                let digits = str::from_utf8(pair).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or_default()
            })
            .collect::<Vec<u8>>()
    };
    let hash = match exchange.request().first(b"x-hash") {
        Some(b"384") => HashFunction::Sha384,
        Some(b"512") => HashFunction::Sha512,
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
fn replaced(word: &str, old: &[u8]) -> Edits {
    let body = if word.ends_with(":short") {
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
