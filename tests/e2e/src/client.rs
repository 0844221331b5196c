use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Frame;
use hyper::client::conn::{http1, http2};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;

use crate::raw::first;
use crate::wait::DEADLINE;

type Payload = BoxBody<Bytes, Infallible>;

/// One connection of an ordinary HTTP client.
pub struct Client {
    runtime: Runtime,
    sender: Sender,
    authority: String,
}

enum Sender {
    Http1(http1::SendRequest<Payload>),
    Http2(http2::SendRequest<Payload>),
}

/// A request to be sent.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The header fields. A `host` replaces the address of the connection.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Body,
}

/// The body of a request, and how it is framed.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    None,
    /// With a `content-length`.
    Whole(Vec<u8>),
    /// In pieces: chunked in HTTP/1.1, data frames without a stated length in HTTP/2.
    Pieces(Vec<Vec<u8>>),
    /// In pieces, with trailers.
    Trailed(Vec<Vec<u8>>, Vec<(String, Vec<u8>)>),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Response {
    /// The first value of a field; `name` is lower-case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        first(&self.headers, name)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Request {
    /// A request without a body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            ..Self::default()
        }
    }

    /// One more header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }
}

impl Client {
    /// Connects with HTTP/1.1; the connection is kept open between requests.
    ///
    /// # Panics
    ///
    /// When nobody listens there.
    #[must_use]
    pub fn http1(address: SocketAddr) -> Self {
        Self::http1_over(connect(address), address)
    }

    /// The same from an address of this machine's own, such as `127.0.0.2`.
    ///
    /// # Panics
    ///
    /// When nobody listens there, or the machine has no such address.
    #[must_use]
    pub fn http1_from(source: IpAddr, address: SocketAddr) -> Self {
        Self::http1_over(connect_from(source, address), address)
    }

    fn http1_over(
        connected: impl Future<Output = TokioIo<TcpStream>>,
        address: SocketAddr,
    ) -> Self {
        let runtime = runtime();
        let sender = runtime.block_on(async {
            let (sender, connection) = http1::handshake(connected.await)
                .await
                .expect("a connection");
            tokio::spawn(connection);
            sender
        });
        Self {
            runtime,
            sender: Sender::Http1(sender),
            authority: address.to_string(),
        }
    }

    /// Connects with HTTP/2 without TLS, by prior knowledge.
    ///
    /// # Panics
    ///
    /// When nobody listens there.
    #[must_use]
    pub fn http2(address: SocketAddr) -> Self {
        let runtime = runtime();
        let sender = runtime.block_on(async {
            let (sender, connection) =
                http2::handshake(TokioExecutor::new(), connect(address).await)
                    .await
                    .expect("a connection");
            tokio::spawn(connection);
            sender
        });
        Self {
            runtime,
            sender: Sender::Http2(sender),
            authority: address.to_string(),
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When the connection or the stream ends before the answer is complete.
    ///
    /// # Panics
    ///
    /// When nothing comes within the deadline, or the request is not one that this client can
    /// send.
    pub fn send(&mut self, request: &Request) -> Result<Response, hyper::Error> {
        self.watch(request, |_| {})
    }

    /// The same, telling of each piece of the answer's body as it comes.
    ///
    /// # Errors
    ///
    /// When the connection or the stream ends before the answer is complete.
    ///
    /// # Panics
    ///
    /// When nothing comes within the deadline, or the request is not one that this client can
    /// send.
    pub fn watch(
        &mut self,
        request: &Request,
        mut piece_arrives: impl FnMut(&[u8]),
    ) -> Result<Response, hyper::Error> {
        let request = self.build(request);
        let sender = &mut self.sender;
        self.runtime.block_on(async {
            let answer = async {
                let response = match sender {
                    Sender::Http1(sender) => {
                        sender.ready().await?;
                        sender.send_request(request).await?
                    }
                    Sender::Http2(sender) => {
                        sender.ready().await?;
                        sender.send_request(request).await?
                    }
                };
                let (head, mut frames) = response.into_parts();
                let mut response = Response {
                    status: head.status.as_u16(),
                    headers: list(&head.headers),
                    body: Vec::new(),
                    trailers: Vec::new(),
                };
                while let Some(frame) = frames.frame().await {
                    match frame?.into_data() {
                        Ok(piece) => {
                            piece_arrives(&piece);
                            response.body.extend_from_slice(&piece);
                        }
                        Err(other) => {
                            response.trailers = other.trailers_ref().map(list).unwrap_or_default();
                        }
                    }
                }
                Ok(response)
            };
            tokio::time::timeout(DEADLINE, answer)
                .await
                .expect("an answer within the deadline")
        })
    }

    /// Sends a request and goes away after `patience` without having read the answer.
    pub fn send_and_leave(mut self, request: &Request, patience: Duration) {
        let request = self.build(request);
        let sender = &mut self.sender;
        self.runtime.block_on(async {
            let _no_answer = tokio::time::timeout(patience, async {
                match sender {
                    Sender::Http1(sender) => sender.send_request(request).await.map(drop),
                    Sender::Http2(sender) => sender.send_request(request).await.map(drop),
                }
            })
            .await;
        });
    }

    fn build(&self, request: &Request) -> hyper::Request<Payload> {
        let host = first(&request.headers, "host").map_or_else(
            || self.authority.clone(),
            |host| String::from_utf8_lossy(host).into_owned(),
        );
        let uri = match &self.sender {
            Sender::Http1(_) => request.path.clone(),
            Sender::Http2(_) => format!("http://{host}{}", request.path),
        };
        let mut builder = hyper::Request::builder()
            .method(request.method.as_str())
            .uri(uri);
        if matches!(self.sender, Sender::Http1(_)) {
            builder = builder.header("host", host);
        }
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
            let value = HeaderValue::from_bytes(value).expect("a value without control bytes");
            builder = builder.header(name.as_str(), value);
        }
        builder
            .body(payload(&request.body))
            .expect("a request that this client can send")
    }
}

/// A body of frames, without a stated length.
struct Frames(VecDeque<Frame<Bytes>>);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

fn payload(body: &Body) -> Payload {
    let stream = |pieces: &[Vec<u8>], trailers: Option<HeaderMap>| {
        let frames = pieces
            .iter()
            .map(|piece| Frame::data(Bytes::from(piece.clone())))
            .chain(trailers.map(Frame::trailers))
            .collect();
        Frames(frames).boxed()
    };
    match body {
        Body::None => Empty::new().boxed(),
        Body::Whole(bytes) => Full::new(Bytes::from(bytes.clone())).boxed(),
        Body::Pieces(pieces) => stream(pieces, None),
        Body::Trailed(pieces, trailers) => {
            let trailers = trailers
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                        HeaderValue::from_bytes(value).expect("a value"),
                    )
                })
                .collect();
            stream(pieces, Some(trailers))
        }
    }
}

fn list(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

async fn connect(address: SocketAddr) -> TokioIo<TcpStream> {
    ready(TcpStream::connect(address).await)
}

async fn connect_from(source: IpAddr, address: SocketAddr) -> TokioIo<TcpStream> {
    let socket = if source.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }
    .expect("a socket");
    socket
        .bind(SocketAddr::new(source, 0))
        .expect("an address of this machine");
    ready(socket.connect(address).await)
}

fn ready(connected: io::Result<TcpStream>) -> TokioIo<TcpStream> {
    let stream = connected.expect("somebody listens there");
    stream.set_nodelay(true).expect("a socket option");
    TokioIo::new(stream)
}
