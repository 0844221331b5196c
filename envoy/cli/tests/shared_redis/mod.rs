//! A Redis that holds tables of API keys and usage plans, and the commands that change them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

#[expect(dead_code, reason = "only gateways look for the key of a digest")]
#[path = "../../../../filters/policies/src/fleet/table/model.rs"]
mod table_model;

use table_model::TableModel;

const RECORD: &str = include_str!("../../../../filters/policies/src/fleet/table/record.lua");
const READ: &str = include_str!("../../../../filters/policies/src/fleet/table/read.lua");

/// The first of Redis's keys for the table of API keys.
pub(crate) const KEYS: &str = "apikeys";

/// The same for the table of usage plans.
pub(crate) const PLANS: &str = "usageplans";

const DEFINITION: &str = "
openapi: 3.0.1
info: {title: shop, version: '1'}
paths:
  /x:
    get:
      responses: {'200': {description: ok}}
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: GET, uri: 'http://127.0.0.1/'}
";

/// A Redis behind Webdis.
#[derive(Clone)]
pub(crate) struct Redis {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The tables, by the first of Redis's keys for each.
    tables: BTreeMap<String, TableModel>,
    /// All that it was asked.
    asked: Vec<Vec<String>>,
    /// What every command is answered with instead.
    answer: Option<String>,
    /// What somebody else writes before the next change is made.
    meanwhile: Vec<(&'static str, String, String)>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let redis = Self {
            address: listener.local_addr().unwrap(),
            state: Arc::default(),
        };
        let server = redis.clone();
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming() {
                server.answer(&stream.unwrap());
            }
        });
        redis
    }

    fn answer(&self, mut stream: &TcpStream) {
        let mut reader = BufReader::new(stream);
        let (mut length, mut is_authorized) = (0, false);
        let mut target = String::new();
        reader.read_line(&mut target).unwrap();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            is_authorized |= line == "authorization: bearer a-token-0123456789";
        }
        assert!(is_authorized);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let words: Vec<String> = body.split(|byte| *byte == b'/').map(decoded).collect();
        let mut state = self.state.lock().unwrap();
        state.asked.push(words.clone());
        let answer = match &state.answer {
            Some(answer) => answer.clone(),
            None => json!({"EVAL": state.run(&words)}).to_string(),
        };
        // Webdis repeats whose answer it is.
        let (_, mark) = target.split_once("?jsonp=").unwrap();
        let (mark, _) = mark.split_once(' ').unwrap();
        let answer = format!("{mark}({answer});\n");
        let length = answer.len();
        let head = format!("HTTP/1.1 200 x\r\ncontent-length: {length}\r\nconnection: close\r\n");
        let answer = format!("{head}\r\n{answer}");
        stream.write_all(answer.as_bytes()).unwrap();
    }

    /// Its address, as it stands in a configuration.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// The record that a table has.
    pub(crate) fn record(&self, table: &str, name: &str) -> Value {
        let state = self.state.lock().unwrap();
        serde_json::from_str(&state.tables[table].record(name)).unwrap()
    }

    /// All that it was asked, as text.
    pub(crate) fn asked(&self) -> String {
        format!("{:?}", self.state.lock().unwrap().asked)
    }

    /// How often it was asked.
    pub(crate) fn times_asked(&self) -> usize {
        self.state.lock().unwrap().asked.len()
    }

    /// Answers everything with this from now on.
    pub(crate) fn answers(&self, answer: &str) {
        self.state.lock().unwrap().answer = Some(answer.to_owned());
    }

    /// Has somebody else write a record before the next change that it is asked for.
    pub(crate) fn has_written_meanwhile(&self, table: &'static str, name: &str, record: &Value) {
        let meanwhile = (table, name.to_owned(), record.to_string());
        self.state.lock().unwrap().meanwhile.push(meanwhile);
    }
}

impl State {
    fn run(&mut self, words: &[String]) -> Value {
        let (_, name) = words[3].rsplit_once("attache}:").unwrap();
        let table = self.tables.entry(name.to_owned()).or_default();
        if words[1] == RECORD {
            return json!(table.record(&words[4]));
        }
        if words[1] == READ {
            return json!(table.read(&words[8..]));
        }
        for (table, name, record) in self.meanwhile.drain(..) {
            let table = self.tables.entry(table.to_owned()).or_default();
            let before = table.record(&name);
            let words = ["0", "9", &name, &before, &record, "0", "0"].map(str::to_owned);
            assert_eq!(table.write(8, &words)[0], "done");
        }
        let table = self.tables.entry(name.to_owned()).or_default();
        json!(table.write(7, &words[8..]))
    }
}

fn decoded(word: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let digits = str::from_utf8(&rest[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A folder with a configuration, in which `REDIS` stands for the address.
pub(crate) fn folder(redis: &Redis, configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let configuration = configuration.replace("REDIS", &redis.address());
    std::fs::write(folder.path().join("attache.yaml"), configuration).unwrap();
    std::fs::write(folder.path().join("openapi.yaml"), DEFINITION).unwrap();
    folder
}

/// Runs `attache` with something on standard input.
pub(crate) fn attache(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_attache"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("ATTACHE_SECRETS_KEY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    process.wait_with_output().unwrap()
}

/// What was printed, and what was told about it.
pub(crate) fn told(output: &Output) -> (&str, &str) {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = |bytes| str::from_utf8(bytes).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Why nothing was done.
pub(crate) fn refused(output: &Output, code: i32) -> &str {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    str::from_utf8(&output.stderr).unwrap()
}
