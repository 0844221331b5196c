//! An origin that plays the scripts of tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::case::{Step, date, latin1};
use super::client::{Message, body, owned};

/// A server on loopback. It ends with the process: its threads wait for connections only.
pub(crate) struct Origin {
    address: SocketAddr,
    scripts: Arc<Mutex<BTreeMap<String, Script>>>,
}

#[derive(Default)]
struct Script {
    steps: Vec<Step>,
    /// The fields that each step has sent, so that the next one knows its validators.
    sent: BTreeMap<usize, Vec<(String, String)>>,
    seen: Vec<Seen>,
}

/// A request that the origin has seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which of the client's it was.
    pub(crate) number: Option<usize>,
    pub(crate) method: String,
    pub(crate) request: Message,
    /// The fields of the answer that the client is to see as they are.
    pub(crate) promised: Vec<(String, String)>,
}

impl Origin {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let origin = Self {
            address: listener.local_addr().unwrap(),
            scripts: Arc::default(),
        };
        let scripts = Arc::clone(&origin.scripts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let scripts = Arc::clone(&scripts);
                std::thread::spawn(move || serve(stream, &scripts));
            }
        });
        origin
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is to be answered at the path of this name.
    pub(crate) fn expect(&self, name: &str, steps: &[Step]) {
        let script = Script {
            steps: steps.to_vec(),
            ..Script::default()
        };
        self.scripts.lock().unwrap().insert(name.to_owned(), script);
    }

    /// What it has seen there.
    pub(crate) fn seen(&self, name: &str) -> Vec<Seen> {
        self.scripts.lock().unwrap()[name].seen.clone()
    }
}

fn serve(mut stream: TcpStream, scripts: &Mutex<BTreeMap<String, Script>>) {
    let mut received = Vec::new();
    while let Some((method, path, request)) = next_request(&mut stream, &mut received) {
        let Some(answer) = answer(&method, &path, request, scripts) else {
            // Closed without a word.
            return;
        };
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

fn next_request(
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
) -> Option<(String, String, Message)> {
    loop {
        if let Some((request, length)) = read_request(received) {
            received.drain(..length);
            return Some(request);
        }
        let mut buffer = [0; 8192];
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => received.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

type Request = (String, String, Message);

fn read_request(bytes: &[u8]) -> Option<(Request, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut head = httparse::Request::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else {
        return None;
    };
    let mut message = Message {
        fields: owned(head.headers),
        body: Vec::new(),
    };
    let rest = &bytes[length..];
    let mut end = length;
    if message.field("transfer-encoding").is_some() {
        message.body = body(&message, rest)?;
        let last = rest.windows(5).position(|part| part == b"0\r\n\r\n")?;
        end += last + 5;
    } else if message.field("content-length").is_some() {
        message.body = body(&message, rest)?;
        end += message.body.len();
    }
    let request = (head.method?.to_owned(), head.path?.to_owned(), message);
    Some((request, end))
}

/// The answer; `None` when the connection is to be closed in its place.
fn answer(
    method: &str,
    path: &str,
    request: Message,
    scripts: &Mutex<BTreeMap<String, Script>>,
) -> Option<Vec<u8>> {
    let name = path.split(['/', '?']).nth(2).unwrap_or_default().to_owned();
    let client_number = request
        .number("req-num")
        .and_then(|it| usize::try_from(it).ok());
    let pause = {
        let scripts = scripts.lock().unwrap();
        let Some(script) = scripts.get(&name) else {
            return Some(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec());
        };
        let number = client_number.unwrap_or(script.seen.len() + 1);
        script.steps.get(number - 1)?.response_pause
    };
    if let Some(seconds) = pause {
        std::thread::sleep(Duration::from_secs(seconds));
    }
    let mut scripts = scripts.lock().unwrap();
    let script = scripts.get_mut(&name)?;
    let count = script.seen.len() + 1;
    let number = client_number.unwrap_or(count);
    let step = script.steps.get(number - 1)?.clone();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let millis = u64::try_from(now.as_millis()).unwrap();

    let (mut status, mut reason) = step
        .response_status
        .clone()
        .unwrap_or((200, "OK".to_owned()));
    if step
        .expected_type
        .as_ref()
        .is_some_and(|kind| kind.ends_with("validated"))
    {
        let previous = number
            .checked_sub(1)
            .and_then(|number| script.sent.get(&number));
        let validated = |field: &str, condition: &str| {
            let sent = previous?
                .iter()
                .rev()
                .find(|(name, _)| name.eq_ignore_ascii_case(field));
            Some(request.field(condition)? == sent?.1)
        };
        let modified = validated("last-modified", "if-modified-since") == Some(true);
        let matched = validated("etag", "if-none-match") == Some(true);
        (status, reason) = if modified || matched {
            (304, "Not Modified".to_owned())
        } else {
            (999, "304 Not Generated".to_owned())
        };
    }

    let mut fields: Vec<(String, String)> = vec![
        ("Server-Base-Url".to_owned(), path.to_owned()),
        ("Server-Request-Count".to_owned(), count.to_string()),
        (
            "Client-Request-Count".to_owned(),
            client_number.map_or_else(|| "NaN".to_owned(), |number| number.to_string()),
        ),
        ("Server-Now".to_owned(), millis.to_string()),
    ];
    let mut promised: Vec<(String, String)> = Vec::new();
    let mut sent = Vec::new();
    for field in &step.response_headers {
        let value = field.text(&step, millis, path);
        sent.push((field.name().to_owned(), value.clone()));
        fields.push((field.name().to_owned(), value));
        let is_promised = match field {
            super::case::Field::Triple(_, _, flag) => flag.as_bool() == Some(true),
            _ => true,
        };
        if is_promised {
            let all = fields
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case(field.name()));
            let all: Vec<&str> = all.map(|(_, value)| value.trim()).collect();
            promised.retain(|(name, _)| name != field.name());
            promised.push((field.name().to_owned(), all.join(", ")));
        }
    }
    script.sent.insert(number, sent);
    script.seen.push(Seen {
        number: client_number,
        method: method.to_owned(),
        request,
        promised,
    });
    if step.disconnect {
        return None;
    }
    let numbers = script.seen.iter().map(|seen| match seen.number {
        Some(number) => number.to_string(),
        None => "NaN".to_owned(),
    });
    fields.push((
        "Request-Numbers".to_owned(),
        numbers.collect::<Vec<_>>().join(" "),
    ));
    let has = |fields: &[(String, String)], wanted: &str| {
        fields
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    if !has(&fields, "content-type") {
        fields.push(("Content-Type".to_owned(), "text/plain".to_owned()));
    }
    if !has(&fields, "date") {
        fields.push(("Date".to_owned(), date(millis / 1_000, false)));
    }
    let content = match &step.response_body {
        Some(text) if !text.is_empty() => text.clone(),
        _ => name,
    };
    let has_body = !matches!(status, 204 | 304);
    if has_body
        && method != "HEAD"
        && !has(&fields, "content-length")
        && !has(&fields, "transfer-encoding")
    {
        fields.push(("Content-Length".to_owned(), content.len().to_string()));
    }
    let mut answer = String::new();
    for interim in &step.interim_responses {
        let _ = write!(answer, "HTTP/1.1 {} Interim\r\n\r\n", interim[0]);
    }
    let _ = write!(answer, "HTTP/1.1 {status} {reason}\r\n");
    for (name, value) in fields {
        let _ = write!(answer, "{name}: {value}\r\n");
    }
    answer.push_str("\r\n");
    if has_body && method != "HEAD" {
        answer.push_str(&content);
    }
    Some(latin1(&answer))
}
