//! One call of a back end by an integration that is not a proxy, and what it answers.
//!
//! The call is the client's own request wherever that can carry the body: as it came, or with
//! another in its place. The proxy cannot give a body to a request that came without one, so that
//! there the call is made aside, and the client's request ends here.

use std::borrow::Cow;

use super::compile::Endpoint;
use super::http_proxy::{CLUSTER_HEADER, DEFAULT_TIMEOUT_MILLIS, MAPPED_HEADER, TIMEOUT_HEADER};
use crate::exchange::{Callout, CalloutAnswer, Edits, Exchange, UpstreamFailure};
use crate::headers::{HeaderEdit, Headers};
use crate::web_socket;

/// A request for a back end.
#[derive(Debug)]
pub(super) struct Call<'c> {
    pub(super) endpoint: &'c Endpoint,
    pub(super) method: &'static str,
    /// Path and query string.
    pub(super) target: Vec<u8>,
    pub(super) fields: Fields,
    pub(super) body: Payload,
    pub(super) timeout_millis: u32,
}

/// The body of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// The client's own, which need not be held.
    AsSent,
    /// Another one.
    Replaced(Vec<u8>),
}

/// What a back end has answered.
#[derive(Debug)]
pub(crate) struct BackEndAnswer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    /// `None`: it is still on its way, and may pass without being held.
    pub(crate) body: Option<Vec<u8>>,
}

impl BackEndAnswer {
    /// The body, held until it is complete.
    pub(super) async fn take_body(&mut self, exchange: &Exchange) -> Vec<u8> {
        match self.body.take() {
            Some(body) => body,
            None => exchange.response_body().await,
        }
    }
}

/// Header fields to be sent. Names are in lower case.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(Cow<'static, str>, Vec<u8>)>);

impl Fields {
    /// Replaces every value of a field.
    pub(super) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: Vec<u8>) {
        let name = name.into();
        self.remove(&name);
        self.0.push((name, value));
    }

    /// Adds a value to those that a field has.
    pub(super) fn add(&mut self, name: impl Into<Cow<'static, str>>, value: Vec<u8>) {
        self.0.push((name.into(), value));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(other, _)| other != name);
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    pub(super) fn into_vec(self) -> Vec<(Cow<'static, str>, Vec<u8>)> {
        self.0
    }

    /// As changes to the fields that a message has already: what is not among these is taken
    /// away, except what `stays`.
    pub(super) fn into_edits(self, of: &Headers, stays: impl Fn(&[u8]) -> bool) -> Vec<HeaderEdit> {
        let mut edits: Vec<HeaderEdit> = Vec::with_capacity(self.0.len() + 8);
        for (name, _) in of.iter() {
            // What is no text is no name of a field, and does not come from a client.
            if let Ok(name) = str::from_utf8(name)
                && !name.starts_with(':')
                && !stays(name.as_bytes())
                && !self.contains(name)
                && !edits.iter().any(|edit| edit.name() == name)
            {
                edits.push(HeaderEdit::Remove(name.to_owned().into()));
            }
        }
        let removed = edits.len();
        for (name, value) in self.0 {
            let again = edits.iter().skip(removed).any(|edit| edit.name() == name);
            edits.push(if again {
                HeaderEdit::Add(name, value)
            } else {
                HeaderEdit::Set(name, value)
            });
        }
        edits
    }
}

impl Call<'_> {
    /// Makes the call, and waits for the head of the answer.
    ///
    /// # Errors
    ///
    /// Why the back end did not answer.
    pub(super) async fn make(self, exchange: &Exchange) -> Result<BackEndAnswer, UpstreamFailure> {
        match self.body {
            Payload::Replaced(ref body) if exchange.ends_with_headers() && !body.is_empty() => {
                aside(exchange.callout(self.into_callout()).await)
            }
            _ => self.forward(exchange).await,
        }
    }

    async fn forward(self, exchange: &Exchange) -> Result<BackEndAnswer, UpstreamFailure> {
        let mut fields = self.fields;
        fields.set(CLUSTER_HEADER, self.endpoint.cluster.clone().into());
        fields.set(MAPPED_HEADER, b"1".to_vec());
        if self.timeout_millis != DEFAULT_TIMEOUT_MILLIS {
            fields.set(TIMEOUT_HEADER, self.timeout_millis.to_string().into());
        }
        let is_handshake = web_socket::is_handshake(exchange.request());
        let mut headers = fields.into_edits(exchange.request(), |name| {
            belongs_to_the_proxy(name) || is_handshake && web_socket::is_of_handshake(name)
        });
        for (name, value) in [
            (":method", self.method.as_bytes().to_vec()),
            (":path", self.target),
        ] {
            if exchange.request().first(name.as_bytes()) != Some(&*value) {
                headers.push(HeaderEdit::Set(name.into(), value));
            }
        }
        let body = match self.body {
            Payload::AsSent => None,
            Payload::Replaced(_) if exchange.ends_with_headers() => None,
            Payload::Replaced(body) => {
                // Only a body that is here can be replaced.
                exchange.request_body().await;
                Some(body)
            }
        };
        let head = exchange.forward(Edits { headers, body }).await;
        match head.failure {
            Some(failure) => Err(failure),
            None => Ok(BackEndAnswer {
                status: head.status,
                headers: head.headers,
                body: None,
            }),
        }
    }

    fn into_callout(self) -> Callout {
        let pseudo = |name: &str, value: Vec<u8>| (name.to_owned(), value);
        let mut headers = vec![
            pseudo(":method", self.method.into()),
            pseudo(":path", self.target),
            pseudo(":authority", self.endpoint.upstream.authority().into()),
        ];
        let fields = self.fields.into_vec().into_iter();
        headers.extend(fields.map(|(name, value)| (name.into_owned(), value)));
        Callout {
            cluster: self.endpoint.cluster.clone(),
            headers,
            body: match self.body {
                Payload::AsSent => Vec::new(),
                Payload::Replaced(body) => body,
            },
            timeout_millis: self.timeout_millis,
            shared_as: None,
        }
    }
}

/// Framing, which the proxy puts right, and what it writes on every request and takes off again:
/// without `x-forwarded-proto` it finds no route.
fn belongs_to_the_proxy(name: &[u8]) -> bool {
    matches!(
        name,
        b"content-length"
            | b"transfer-encoding"
            | b"x-envoy-internal"
            | b"x-forwarded-proto"
            | b"x-envoy-external-address"
    )
}

/// Reads the answer to a call that was made aside. One that failed is an ordinary answer of the
/// proxy's: a 503 or 504 in plain text, without any field that a back end's would have.
pub(crate) fn aside(answer: CalloutAnswer) -> Result<BackEndAnswer, UpstreamFailure> {
    let CalloutAnswer::Answered { headers, body } = answer else {
        return Err(UpstreamFailure::Unreachable);
    };
    let status = headers
        .first(b":status")
        .and_then(|status| str::from_utf8(status).ok()?.parse().ok())
        .ok_or(UpstreamFailure::Malformed)?;
    if let Some(failure) = failure(status, &headers, &body) {
        return Err(failure);
    }
    Ok(BackEndAnswer {
        status,
        headers,
        body: Some(body),
    })
}

fn failure(status: u16, headers: &Headers, body: &[u8]) -> Option<UpstreamFailure> {
    let is_bare = headers
        .iter()
        .all(|(name, _)| matches!(name, b":status" | b"content-length" | b"content-type"));
    if !is_bare || headers.first(b"content-type") != Some(b"text/plain") {
        return None;
    }
    match status {
        504 if body == b"upstream request timeout" => Some(UpstreamFailure::Timeout),
        502 | 503 if body.ends_with(b"reset reason: protocol error") => {
            Some(UpstreamFailure::Malformed)
        }
        503 if body == b"no healthy upstream" || body.starts_with(b"upstream connect error") => {
            Some(UpstreamFailure::Unreachable)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{BackEndAnswer, Fields, aside};
    use crate::exchange::{CalloutAnswer, UpstreamFailure};
    use crate::headers::{HeaderEdit, Headers};

    fn answered(
        status: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Result<BackEndAnswer, UpstreamFailure> {
        let headers = [(":status", status)];
        aside(CalloutAnswer::Answered {
            headers: headers.iter().chain(fields).copied().collect(),
            body: body.into(),
        })
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn the_proxys_own_answers_are_failures() {
        use UpstreamFailure::{Malformed, Timeout, Unreachable};

        const RESET: &str =
            "upstream connect error or disconnect/reset before headers. reset reason: ";
        let plain = [("content-length", "24"), ("content-type", "text/plain")];
        for (status, body, failure) in [
            ("504", "upstream request timeout".to_owned(), Timeout),
            ("503", format!("{RESET}connection timeout"), Unreachable),
            (
                "503",
                format!("{RESET}remote connection failure"),
                Unreachable,
            ),
            ("503", "no healthy upstream".to_owned(), Unreachable),
            ("502", format!("{RESET}protocol error"), Malformed),
        ] {
            assert_eq!(
                answered(status, &plain, &body).err(),
                Some(failure),
                "{body}"
            );
            // The same from a back end.
            let date = ("date", "Sat, 21 Nov 2026 19:00:00 GMT");
            let theirs = answered(status, &[plain[0], plain[1], date], &body).unwrap();
            assert_eq!(theirs.body, Some(body.into_bytes()));
        }
        assert!(answered("504", &plain, "mine").is_ok());
        assert_eq!(answered("503", &plain, "").unwrap().status, 503);
        assert_eq!(answered("abc", &[], "").err(), Some(Malformed));
        assert_eq!(aside(CalloutAnswer::Failed).err(), Some(Unreachable));
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_is_not_sent_is_taken_away() {
        let mut fields = Fields::default();
        fields.set("accept", b"a".to_vec());
        fields.set("accept", b"b".to_vec());
        fields.add("x", b"1".to_vec());
        fields.add("x", b"2".to_vec());
        let headers: Headers = [
            (":path", "/"),
            ("accept", "c"),
            ("y", "1"),
            ("y", "2"),
            ("content-length", "3"),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            fields.into_edits(&headers, |name| name == b"content-length"),
            [
                HeaderEdit::Remove("y".into()),
                HeaderEdit::Set("accept".into(), b"b".to_vec()),
                HeaderEdit::Set("x".into(), b"1".to_vec()),
                HeaderEdit::Add("x".into(), b"2".to_vec()),
            ]
        );
    }
}
