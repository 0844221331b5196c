use attache_policies::{Callout, CalloutAnswer, Headers};

use crate::message::Message;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The header fields, pseudo-headers included.
    pub headers: Headers,
    /// The body in the pieces in which it arrives. No pieces: the request ends with its headers.
    /// A single empty piece: it does not, but there is no body either.
    pub body: Vec<Vec<u8>>,
}

impl Request {
    /// A request to `localhost` without a body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            headers: [
                (":method", method),
                (":path", path),
                (":authority", "localhost"),
                (":scheme", "http"),
            ]
            .into_iter()
            .collect(),
            body: Vec::new(),
        }
    }

    /// One more header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name.as_bytes(), value.as_ref());
        self
    }

    /// The certificate that the client has shown, in PEM, in the field in which the proxy tells of
    /// it. It counts on a connection that is [mutual TLS](crate::ClientConnection::mutual_tls).
    #[must_use]
    pub fn client_certificate(self, pem: &str) -> Self {
        let encoded: String = pem
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        self.header(
            attache_policies::client_certificate::HEADER,
            format!("Cert=\"{encoded}\""),
        )
    }

    /// A body in one piece, with its `content-length`.
    #[must_use]
    pub fn body(self, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut request = self.header("content-length", body.len().to_string());
        request.body = vec![body.to_vec()];
        request
    }

    /// The same body in pieces of these lengths; what they leave over is the last piece.
    #[must_use]
    pub fn chunked(mut self, lengths: &[usize]) -> Self {
        self.body = split(&self.body.concat(), lengths);
        self
    }
}

/// `bytes` in pieces of these lengths; what they leave over is the last piece.
pub(crate) fn split(bytes: &[u8], lengths: &[usize]) -> Vec<Vec<u8>> {
    let mut rest = bytes;
    let mut pieces = Vec::new();
    for &length in lengths {
        let (piece, after) = rest.split_at(length.min(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    pieces.push(rest.to_vec());
    pieces
}

/// What an upstream does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAnswer {
    /// It answers.
    Answers {
        /// The HTTP status.
        status: u16,
        /// The header fields, without pseudo-headers.
        headers: Headers,
        /// The body, in the pieces in which it arrives.
        body: Vec<Vec<u8>>,
        /// After how many milliseconds. Longer than the request's
        /// `x-envoy-upstream-rq-timeout-ms` is [`TimesOut`](Self::TimesOut).
        delay_millis: u64,
    },
    /// It answers at once, and sends trailers after the body.
    Trailed {
        /// The HTTP status.
        status: u16,
        /// The header fields, without pseudo-headers.
        headers: Headers,
        /// The body, in the pieces in which it arrives.
        body: Vec<Vec<u8>>,
    },
    /// It accepts no connection.
    Refuses,
    /// It closes the connection before the head of its answer is complete.
    Closes,
    /// It answers with bytes that are not HTTP.
    Garbage,
    /// It sends a head and the first piece of a body, and closes the connection.
    BreaksOff {
        /// The HTTP status.
        status: u16,
        /// The header fields, without pseudo-headers.
        headers: Headers,
        /// What arrives of the body.
        body: Vec<u8>,
    },
    /// It never answers within the time-out.
    TimesOut,
}

impl UpstreamAnswer {
    /// An answer at once, with this body in one piece.
    #[must_use]
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        Self::Answers {
            status,
            headers: [("content-length", body.len().to_string())]
                .into_iter()
                .collect(),
            body: vec![body.to_vec()],
            delay_millis: 0,
        }
    }
}

/// What a called service does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalloutScript {
    /// How the call ends.
    pub answer: CalloutAnswer,
    /// After how many milliseconds. Longer than the call's time-out is the proxy's own 504.
    pub delay_millis: u64,
}

impl CalloutScript {
    /// An answer at once.
    #[must_use]
    pub fn new(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self {
            answer: CalloutAnswer::Answered {
                headers: [(":status", status.to_string())].into_iter().collect(),
                body: body.as_ref().to_vec(),
            },
            delay_millis: 0,
        }
    }

    /// The call breaks off.
    #[must_use]
    pub const fn failed() -> Self {
        Self {
            answer: CalloutAnswer::Failed,
            delay_millis: 0,
        }
    }
}

/// The world around a proxy: what its upstreams and the called services do.
pub struct Script<'a> {
    pub(crate) upstream: Box<dyn FnMut(&Message) -> UpstreamAnswer + 'a>,
    pub(crate) callouts: Box<dyn FnMut(&Callout) -> CalloutScript + 'a>,
}

impl<'a> Script<'a> {
    /// An upstream that is handed what it sees; every callout is refused.
    #[must_use]
    pub fn new(upstream: impl FnMut(&Message) -> UpstreamAnswer + 'a) -> Self {
        Self {
            upstream: Box::new(upstream),
            callouts: Box::new(|_| CalloutScript::failed()),
        }
    }

    /// An upstream that answers 200 with this body.
    #[must_use]
    pub fn answering(body: &'static str) -> Self {
        Self::new(move |_| UpstreamAnswer::new(200, body))
    }

    /// What the called services do.
    #[must_use]
    pub fn callouts(mut self, callouts: impl FnMut(&Callout) -> CalloutScript + 'a) -> Self {
        self.callouts = Box::new(callouts);
        self
    }
}
