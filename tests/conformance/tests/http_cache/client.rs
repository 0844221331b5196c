//! One request over one connection, and what came back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::case::{from_latin1, latin1};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// The lines of the head after the first, names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) message: Message,
    pub(crate) interim: Vec<u16>,
}

impl Message {
    /// All values of a field, as browsers join them.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let values = self
            .fields
            .iter()
            .filter(|(it, _)| it.eq_ignore_ascii_case(name));
        let values: Vec<&str> = values.map(|(_, value)| &**value).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }
}

/// Sends a request and reads the answer up to its end.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(String, String)],
    body: Option<&str>,
) -> Result<Response, String> {
    let mut stream =
        TcpStream::connect(address).map_err(|error| format!("no connection: {error}"))?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in fields {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        request.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body.unwrap_or_default());
    stream
        .write_all(&latin1(&request))
        .map_err(|error| format!("not sent: {error}"))?;
    let mut bytes = Vec::new();
    // What came before a connection broke off may be all.
    let ended = stream.read_to_end(&mut bytes);
    read(&bytes, method).ok_or_else(|| format!("no whole answer: {ended:?}, {} bytes", bytes.len()))
}

fn read(mut bytes: &[u8], method: &str) -> Option<Response> {
    let mut interim = Vec::new();
    loop {
        let (status, fields, length) = head(bytes)?;
        bytes = &bytes[length..];
        if (100..200).contains(&status) {
            interim.push(status);
            continue;
        }
        let mut message = Message {
            fields,
            body: Vec::new(),
        };
        if method != "HEAD" && !matches!(status, 204 | 304) {
            message.body = body(&message, bytes)?;
        }
        return Some(Response {
            status,
            message,
            interim,
        });
    }
}

type Head = (u16, Vec<(String, String)>, usize);

fn head(bytes: &[u8]) -> Option<Head> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = response.parse(bytes).ok()? else {
        return None;
    };
    let status = response.code?;
    Some((status, owned(response.headers), length))
}

pub(crate) fn owned(fields: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|field| (field.name.to_ascii_lowercase(), from_latin1(field.value)))
        .collect()
}

/// A whole body by the framing that the head states; what is missing makes it none.
pub(crate) fn body(message: &Message, bytes: &[u8]) -> Option<Vec<u8>> {
    if message.field("transfer-encoding").as_deref() == Some("chunked") {
        let (mut rest, mut body) = (bytes, Vec::new());
        loop {
            let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
            let size = usize::from_str_radix(str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
            rest = &rest[end + 2..];
            if size == 0 {
                return Some(body);
            }
            body.extend_from_slice(rest.get(..size)?);
            rest = rest.get(size + 2..)?;
        }
    }
    match message.number("content-length") {
        Some(length) => Some(bytes.get(..usize::try_from(length).ok()?)?.to_vec()),
        None => Some(bytes.to_vec()),
    }
}
