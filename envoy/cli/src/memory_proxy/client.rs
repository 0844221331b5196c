//! Calls to other services, which the proxy makes otherwise.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attache_policies::{Callout, CalloutAnswer, Headers, Scheme, Upstream};
use ureq::http::Request;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::envoy_target::system_certificate_authorities;

/// The longest answer that is read, in bytes; the gateway takes no more than 10 MB.
const LONGEST_ANSWER: u64 = 11 * 1024 * 1024;

/// How long a connection may have nothing to do and still be used.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Makes calls.
pub(crate) struct Client {
    /// Whom the configuration names.
    pub(crate) upstreams: BTreeSet<Upstream>,
    /// What every call is answered with instead, with status 200.
    pub(crate) given: Option<Vec<u8>>,
}

/// A call that was made, or whose answer was given.
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) url: String,
    /// What was sent.
    pub(crate) body: Vec<u8>,
    pub(crate) answer: CalloutAnswer,
    /// Why there is no answer.
    pub(crate) failure: Option<String>,
    /// How long it took; `None` when the answer was given.
    pub(crate) milliseconds: Option<u128>,
}

impl Client {
    /// The `Host` of the back end that has a cluster.
    pub(crate) fn authority(&self, cluster: &str) -> String {
        let mut upstreams = self.upstreams.iter();
        let upstream = upstreams.find(|upstream| upstream.cluster() == cluster);
        upstream.map(Upstream::authority).unwrap_or_default()
    }

    /// Makes a call, and waits for its answer as long as it may take.
    pub(crate) fn call(&self, callout: &Callout) -> Call {
        let text = |name: &str| {
            let field = callout.headers.iter().find(|(field, _)| field == name);
            field.map_or_else(String::new, |(_, value)| {
                String::from_utf8_lossy(value).into_owned()
            })
        };
        let mut upstreams = self.upstreams.iter();
        let upstream = upstreams.find(|upstream| upstream.cluster() == callout.cluster);
        let scheme = match upstream.map(|upstream| upstream.scheme) {
            Some(Scheme::Https) => "https",
            Some(Scheme::Http) | None => "http",
        };
        let url = format!("{scheme}://{}{}", text(":authority"), text(":path"));
        let method = text(":method");
        let asked_at = Instant::now();
        let answered = match (&self.given, upstream) {
            (Some(given), _) => Ok(CalloutAnswer::Answered {
                headers: [(":status", "200")].into_iter().collect(),
                body: given.clone(),
            }),
            (None, Some(_)) => send(callout, &method, &url),
            (None, None) => Err(format!("there is no cluster `{}`", callout.cluster)),
        };
        let milliseconds = self.given.is_none().then(|| asked_at.elapsed().as_millis());
        let (answer, failure) = match answered {
            Ok(answer) => (answer, None),
            Err(reason) => (CalloutAnswer::Failed, Some(reason)),
        };
        Call {
            method,
            url,
            body: callout.body.clone(),
            answer,
            failure,
            milliseconds,
        }
    }
}

fn send(callout: &Callout, method: &str, url: &str) -> Result<CalloutAnswer, String> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in &callout.headers {
        if !name.starts_with(':') {
            request = request.header(name, value.as_slice());
        }
    }
    let agent = agent(callout.timeout_millis, url.starts_with("https:"));
    let answered = match callout.body.is_empty() {
        true => run(&agent, request.body(())),
        false => run(&agent, request.body(callout.body.as_slice())),
    };
    let mut answer = answered.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16().to_string();
    let mut headers = Headers::default();
    headers.push(b":status", status.as_bytes());
    for (name, value) in answer.headers() {
        headers.push(name.as_str().as_bytes(), value.as_bytes());
    }
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER);
    let body = body.read_to_vec().map_err(|error| error.to_string())?;
    Ok(CalloutAnswer::Answered { headers, body })
}

type Answer = ureq::http::Response<Body>;

fn run<B>(
    agent: &Agent,
    request: Result<Request<B>, ureq::http::Error>,
) -> Result<Answer, ureq::Error>
where
    B: ureq::AsSendBody,
{
    agent.run(request?)
}

/// A client that does no more than the proxy: no redirects, no header fields of its own.
pub(crate) fn agent(timeout_millis: u32, encrypted: bool) -> Agent {
    let mut agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_millis(timeout_millis.into())))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_age(LONGEST_PAUSE)
        .user_agent("")
        .accept("")
        .proxy(None);
    if encrypted {
        agent = agent.tls_config(
            TlsConfig::builder()
                .root_certs(RootCerts::Specific(Arc::new(certificate_authorities())))
                .unversioned_rustls_crypto_provider(Arc::new(
                    rustls::crypto::ring::default_provider(),
                ))
                .build(),
        );
    }
    agent.build().new_agent()
}

/// Whom Envoy trusts, too. Where the system has no such file nobody is.
fn certificate_authorities() -> Vec<Certificate<'static>> {
    let file = system_certificate_authorities().and_then(|file| fs::read(file).ok());
    let items = file.as_deref().map(parse_pem).into_iter().flatten();
    items
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect()
}
