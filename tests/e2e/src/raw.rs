use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::wait::DEADLINE;

/// A TCP connection over which a test says whatever it likes.
pub struct Raw {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An HTTP/1.1 answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawResponse {
    /// The status.
    pub status: u16,
    /// The header fields in order, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

impl RawResponse {
    /// The first value of a field; `name` is lower-case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        first(&self.headers, name)
    }
}

impl Raw {
    /// Connects.
    ///
    /// # Panics
    ///
    /// When nobody listens there.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).expect("somebody listens there")
    }

    pub(crate) fn try_connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).ok()?;
        stream.set_write_timeout(Some(DEADLINE)).ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Self {
            stream,
            received: Vec::new(),
        })
    }

    /// How long to wait for the other side, in place of the usual deadline.
    ///
    /// # Panics
    ///
    /// When it is zero.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        self.stream
            .set_read_timeout(Some(patience))
            .expect("a duration above zero");
        self
    }

    /// Sends these bytes; whether the other side still took them.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says that nothing more will be sent, while still listening.
    pub fn finish(&mut self) {
        let _closed_already = self.stream.shutdown(Shutdown::Write);
    }

    /// The next answer to a request other than `HEAD`. `None` when the connection was closed
    /// before one was complete, what came is no HTTP, or nothing came within the deadline.
    pub fn response(&mut self) -> Option<RawResponse> {
        loop {
            let (status, headers, length) = self.head()?;
            self.received.drain(..length);
            // Interim answers come before the real one.
            if (100..200).contains(&status) {
                continue;
            }
            let body = if matches!(status, 204 | 304) {
                Vec::new()
            } else {
                let framing = Framing::of(&headers)?;
                read_body(&mut self.received, framing, &mut self.stream)?
            };
            return Some(RawResponse {
                status,
                headers,
                body,
            });
        }
    }

    /// All answers up to the one that says that it is the last, or until the other side closes
    /// or says nothing more within the deadline.
    pub fn responses(&mut self) -> Vec<RawResponse> {
        let mut responses = Vec::new();
        while let Some(response) = self.response() {
            let last = response
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case(b"close"));
            responses.push(response);
            if last {
                break;
            }
        }
        responses
    }

    /// Waits until what came and was not read yet holds `part`; whether it does.
    pub fn wait_for(&mut self, part: &[u8]) -> bool {
        loop {
            if self.received.windows(part.len()).any(|bytes| bytes == part) {
                return true;
            }
            if !fill(&mut self.stream, &mut self.received) {
                return false;
            }
        }
    }

    /// Everything until the other side closes or says nothing more within the deadline.
    pub fn rest(&mut self) -> Vec<u8> {
        while fill(&mut self.stream, &mut self.received) {}
        std::mem::take(&mut self.received)
    }

    /// The next head: its status, its fields, its length.
    fn head(&mut self) -> Option<(u16, Fields, usize)> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; 128];
            let mut head = httparse::Response::new(&mut fields);
            match head.parse(&self.received) {
                Ok(httparse::Status::Complete(length)) => {
                    return Some((head.code?, owned(head.headers), length));
                }
                Ok(httparse::Status::Partial) => {
                    if !fill(&mut self.stream, &mut self.received) {
                        return None;
                    }
                }
                Err(_) => return None,
            }
        }
    }
}

/// Header fields in order, names in lower case.
type Fields = Vec<(String, Vec<u8>)>;

/// How a body says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClosed,
}

impl Framing {
    /// Of a message whose framing is stated once and without contradiction.
    pub(crate) fn of(headers: &[(String, Vec<u8>)]) -> Option<Self> {
        let all = |name: &str| -> Vec<&[u8]> {
            headers
                .iter()
                .filter(|(candidate, _)| candidate == name)
                .map(|(_, value)| value.as_slice())
                .collect()
        };
        match (
            all("transfer-encoding").as_slice(),
            all("content-length").as_slice(),
        ) {
            ([], []) => Some(Self::UntilClosed),
            ([], [length]) => Some(Self::Length(str::from_utf8(length).ok()?.parse().ok()?)),
            ([coding], []) if coding.eq_ignore_ascii_case(b"chunked") => Some(Self::Chunked),
            _ => None,
        }
    }
}

/// Reads a body off a connection, starting with what was received already, which keeps what
/// comes after the body. `None` when the connection ends too early or the framing is broken.
pub(crate) fn read_body(
    received: &mut Vec<u8>,
    framing: Framing,
    stream: &mut TcpStream,
) -> Option<Vec<u8>> {
    match framing {
        Framing::UntilClosed => {
            while fill(stream, received) {}
            Some(std::mem::take(received))
        }
        Framing::Length(length) => take(received, length, stream),
        Framing::Chunked => {
            let mut body = Vec::new();
            loop {
                let line = take_line(received, stream)?;
                let size = line.split(|byte| *byte == b';').next()?;
                let size = usize::from_str_radix(str::from_utf8(size).ok()?.trim(), 16).ok()?;
                if size == 0 {
                    while !take_line(received, stream)?.is_empty() {}
                    return Some(body);
                }
                body.extend(take(received, size, stream)?);
                if !take_line(received, stream)?.is_empty() {
                    return None;
                }
            }
        }
    }
}

fn take(received: &mut Vec<u8>, length: usize, stream: &mut TcpStream) -> Option<Vec<u8>> {
    while received.len() < length {
        if !fill(stream, received) {
            return None;
        }
    }
    Some(received.drain(..length).collect())
}

fn take_line(received: &mut Vec<u8>, stream: &mut TcpStream) -> Option<Vec<u8>> {
    loop {
        if let Some(end) = received.windows(2).position(|pair| pair == b"\r\n") {
            let mut line: Vec<u8> = received.drain(..end + 2).collect();
            line.truncate(end);
            return Some(line);
        }
        if !fill(stream, received) {
            return None;
        }
    }
}

/// Reads once; whether anything came before the other side closed or the deadline was over.
pub(crate) fn fill(stream: &mut TcpStream, received: &mut Vec<u8>) -> bool {
    let mut buffer = [0; 16 * 1024];
    match stream.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => {
            received.extend_from_slice(&buffer[..count]);
            true
        }
        Err(_) => false,
    }
}

pub(crate) fn owned(headers: &[httparse::Header<'_>]) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
        .collect()
}

pub(crate) fn first<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    headers
        .iter()
        .find(|(candidate, _)| candidate == name)
        .map(|(_, value)| value.as_slice())
}
