use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::gate::Gate;
use crate::raw::{Framing, fill, first, owned, read_body};

/// An HTTP/1.1 server that keeps what it saw and does what a script says. It ends when dropped.
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    open: Vec<TcpStream>,
    accepted: usize,
    closing: bool,
}

/// A request as the back end saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// The exact bytes of its head, up to and with the empty line; for bytes that are no head,
    /// all that were there.
    pub head: Vec<u8>,
    /// The method; empty when the head is not well formed.
    pub method: String,
    /// The request target as it was sent.
    pub path: String,
    /// The header fields in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
    /// Whether head and framing are well formed and the body arrived whole.
    pub well_formed: bool,
}

impl Seen {
    /// The first value of a field; `name` is lower-case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        first(&self.headers, name)
    }

    /// How often a field is there.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.headers
            .iter()
            .filter(|(candidate, _)| candidate == name)
            .count()
    }
}

/// What a back end does with a request.
#[derive(Clone)]
pub enum Reaction {
    /// Answer; `content-length` is added.
    Answer {
        /// The status.
        status: u16,
        /// The header fields.
        headers: Vec<(String, Vec<u8>)>,
        /// The body.
        body: Vec<u8>,
    },
    /// Wait until the gate is open, then do this.
    Behind(Gate, Box<Self>),
    /// Take this long, then do this.
    After(Duration, Box<Self>),
    /// Wait until the proxy gives up and closes the connection.
    Never,
    /// Send these bytes as they are and close the connection: nothing, half a head, half a body,
    /// or no HTTP at all.
    BytesThenClose(Vec<u8>),
    /// Send these bytes as they are, then do this.
    Bytes(Vec<u8>, Box<Self>),
    /// Leave it at what was sent, and read the next request.
    KeepOpen,
}

impl Reaction {
    /// An answer with this body.
    #[must_use]
    pub fn answer(status: u16, body: impl AsRef<[u8]>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.as_ref().to_vec(),
        }
    }

    /// The same with one more header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.as_ref().to_vec()));
        }
        self
    }
}

impl Backend {
    /// Starts a back end that does with each request what `react` says.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn start(react: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the port");
        let shared = Arc::new(Shared::default());
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            let react = Arc::new(react);
            move || {
                for stream in listener.incoming().flatten() {
                    let Some(number) = shared.open(&stream) else {
                        return;
                    };
                    let (shared, react) = (Arc::clone(&shared), Arc::clone(&react));
                    thread::spawn(move || {
                        serve(stream, number, &shared, &*react);
                    });
                }
            }
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Starts a back end that answers 200 with this body.
    #[must_use]
    pub fn answering(body: &'static str) -> Self {
        Self::start(move |_| Reaction::answer(200, body))
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request so far, complete or broken.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Every request since the last call.
    #[must_use]
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.shared.seen))
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        lock(&self.shared.connections).accepted
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        {
            let mut connections = lock(&self.shared.connections);
            connections.closing = true;
            for stream in connections.open.drain(..) {
                let _closed_already = stream.shutdown(Shutdown::Both);
            }
        }
        // Wakes the accepting thread, which then sees that it is over.
        let _woken = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ended = accepting.join();
        }
    }
}

impl Shared {
    fn open(&self, stream: &TcpStream) -> Option<usize> {
        let mut connections = lock(&self.connections);
        if connections.closing {
            return None;
        }
        connections.open.push(stream.try_clone().ok()?);
        connections.accepted += 1;
        Some(connections.accepted - 1)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(
    mut stream: TcpStream,
    connection: usize,
    shared: &Shared,
    react: &(dyn Fn(&Seen) -> Reaction + Send + Sync),
) {
    let _answers_at_once = stream.set_nodelay(true);
    let mut received = Vec::new();
    while let Some(mut seen) = read_head(&mut stream, &mut received) {
        seen.connection = connection;
        if seen.well_formed {
            // A request without framing has no body.
            let framing = match Framing::of(&seen.headers) {
                Some(Framing::UntilClosed) => Some(Framing::Length(0)),
                other => other,
            };
            let body = framing.and_then(|framing| read_body(&mut received, framing, &mut stream));
            seen.well_formed = body.is_some();
            seen.body = body.unwrap_or_default();
        }
        let reaction = if seen.well_formed {
            react(&seen)
        } else {
            Reaction::BytesThenClose(Vec::new())
        };
        lock(&shared.seen).push(seen);
        if !carry_out(reaction, &mut stream, &mut received) {
            let _closed_already = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Does what the script says; whether the connection stays open.
fn carry_out(reaction: Reaction, stream: &mut TcpStream, received: &mut Vec<u8>) -> bool {
    match reaction {
        Reaction::Answer {
            status,
            headers,
            body,
        } => {
            let mut answer = format!("HTTP/1.1 {status} Scripted\r\n").into_bytes();
            for (name, value) in headers {
                answer.extend_from_slice(name.as_bytes());
                answer.extend_from_slice(b": ");
                answer.extend_from_slice(&value);
                answer.extend_from_slice(b"\r\n");
            }
            if !matches!(status, 204 | 304) {
                answer.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
            }
            answer.extend_from_slice(b"\r\n");
            answer.extend_from_slice(&body);
            stream.write_all(&answer).is_ok()
        }
        Reaction::Behind(gate, reaction) => {
            gate.pass();
            carry_out(*reaction, stream, received)
        }
        Reaction::After(delay, reaction) => {
            thread::sleep(delay);
            carry_out(*reaction, stream, received)
        }
        Reaction::Never => {
            while fill(stream, received) {}
            false
        }
        Reaction::BytesThenClose(bytes) => {
            let _gone_already = stream.write_all(&bytes);
            false
        }
        Reaction::Bytes(bytes, reaction) => {
            stream.write_all(&bytes).is_ok() && carry_out(*reaction, stream, received)
        }
        Reaction::KeepOpen => true,
    }
}

fn read_head(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if !received.is_empty() {
            let mut fields = [httparse::EMPTY_HEADER; 256];
            let mut head = httparse::Request::new(&mut fields);
            match head.parse(received) {
                Ok(httparse::Status::Complete(length)) => {
                    let seen = Seen {
                        method: head.method.unwrap_or_default().to_owned(),
                        path: head.path.unwrap_or_default().to_owned(),
                        headers: owned(head.headers),
                        well_formed: true,
                        ..Seen::default()
                    };
                    let head = received.drain(..length).collect();
                    return Some(Seen { head, ..seen });
                }
                Ok(httparse::Status::Partial) => {}
                Err(_) => {
                    return Some(Seen {
                        head: std::mem::take(received),
                        ..Seen::default()
                    });
                }
            }
        }
        if !fill(stream, received) {
            return None;
        }
    }
}

/// An address at which every connection is refused, and which nobody else can take meanwhile.
pub struct Refusing {
    _bound: OwnedFd,
    address: SocketAddr,
}

impl Refusing {
    /// Takes a port and does not listen there.
    ///
    /// # Panics
    ///
    /// When no port is free.
    #[must_use]
    pub fn new() -> Self {
        // Below the ports that connections are given by themselves: one of those could be taken by a
        // client in the moment in which it is left to a server.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let bound = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        // Or a process that is started meanwhile keeps the port after this is gone.
        fcntl_setfd(&bound, FdFlags::CLOEXEC).expect("a flag of the socket");
        let start = std::process::id() % 1_000 * 19;
        (0..1_000)
            .find(|_| {
                let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
                let port = u16::try_from(12_000 + (start + step) % 19_000).unwrap_or(12_000);
                bind(&bound, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).is_ok()
            })
            .expect("a free port");
        let address = getsockname(&bound)
            .ok()
            .and_then(|address| SocketAddr::try_from(address).ok())
            .expect("the port");
        Self {
            _bound: bound,
            address,
        }
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Default for Refusing {
    fn default() -> Self {
        Self::new()
    }
}
