//! A filter for the tests of the host: each request says in `x-probe` what its pipeline is to do,
//! as words separated by spaces.
//!
//! | word | does |
//! |---|---|
//! | `callout` | asks the cluster `authorizer`; anything but 200 ends the exchange with a 403 |
//! | `body` | awaits the message's body: the request's before `forward`, the answer's after |
//! | `admit` | counts in the shared store under the name in `x-name`, up to `x-limit`; 429 above |
//! | `forward` | sends the request on and awaits the answer's head |
//! | `forward:short`, `forward:long` | the same with a body that is shorter or longer than the awaited one |
//! | `release:short`, `release:long` | lets the answer pass with such a body |
//! | `strip` | sends the request on with `x-strip` set to `gateway`, whatever came |
//! | `reply` | answers 299 with all bodies that were awaited |
//!
//! Without a last word the message in hand passes.

use std::sync::Arc;

use attache_policies::ports::{Environment, Ports, Swap};
use attache_policies::{
    Answer, Callout, CalloutAnswer, Edits, Exchange, HeaderEdit, Reply, Service,
};

/// The service of the filter.
pub struct Probe;

attache_host::filter!(Probe);

impl Service for Probe {
    fn compile(configuration: &[u8], _environment: &dyn Environment) -> Result<Self, Vec<String>> {
        if configuration == b"refuse" {
            return Err(vec!["asked to refuse its configuration".to_owned()]);
        }
        Ok(Self)
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
                "callout" if allowed(&exchange).await => {}
                "callout" => return reply(403, b"refused".to_vec()),
                "body" => {
                    body = if forwarded {
                        exchange.response_body().await
                    } else {
                        exchange.request_body().await
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
                _ => {}
            }
        }
        Answer::PassThrough(Edits::default())
    }
}

async fn allowed(exchange: &Exchange) -> bool {
    let path = exchange.request().first(b":path").unwrap_or_default();
    let answer = exchange
        .callout(Callout {
            cluster: "authorizer".to_owned(),
            headers: vec![
                (":method".to_owned(), b"GET".to_vec()),
                (":path".to_owned(), path.to_vec()),
                (":authority".to_owned(), b"authorizer".to_vec()),
            ],
            body: Vec::new(),
            timeout_millis: 20_000,
            shared_as: None,
        })
        .await;
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
