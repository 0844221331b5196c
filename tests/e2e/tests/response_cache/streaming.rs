//! Keeping an answer holds nobody up: the first bytes are at the client before the back end has
//! sent the last.

use attache_e2e::{Backend, Gate, Raw, Reaction};

use crate::served::Served;

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}

/// A back end that sends the first part, and the second when the gate is open.
fn in_two_parts(gate: &Gate, head: &'static str, first: Vec<u8>, second: Vec<u8>) -> Backend {
    let gate = gate.clone();
    Backend::start(move |_| {
        let start = [
            format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n").as_bytes(),
            &first,
        ]
        .concat();
        let end = Reaction::Bytes(second.clone(), Box::new(Reaction::KeepOpen));
        Reaction::Bytes(
            start,
            Box::new(Reaction::Behind(gate.clone(), Box::new(end))),
        )
    })
}

/// Asks, sees the first part before the second is sent, and gives the whole body.
fn first_part_comes_first(backend: Backend, gate: &Gate, marker: &[u8]) -> (Served, Vec<u8>) {
    let served = Served::everything(backend);
    let mut client = Raw::connect(served.address());
    client.send(&get("/prod/slow"));
    // The gate is still closed, so that nothing but the first part can be there.
    assert!(client.wait_for(marker));
    gate.open();
    let answer = client.response().unwrap();
    assert_eq!(answer.status, 200);
    (served, answer.body)
}

#[test]
fn what_will_be_kept_streams_while_it_is_copied() {
    let gate = Gate::new();
    let backend = in_two_parts(
        &gate,
        "content-length: 12",
        b"first,".to_vec(),
        b"second".to_vec(),
    );
    let (served, body) = first_part_comes_first(backend, &gate, b"first,");
    assert_eq!(body, b"first,second");
    assert_eq!(served.get("/prod/slow").text(), "first,second");
    assert_eq!(served.calls(), 1);
}

#[test]
fn what_is_too_long_from_the_start_streams() {
    let gate = Gate::new();
    let mut first = vec![b'a'; 1_500_000];
    first.extend(b"end of the first part");
    let second = vec![b'b'; 3_000_000 - first.len()];
    let backend = in_two_parts(
        &gate,
        "content-length: 3000000",
        first.clone(),
        second.clone(),
    );
    let (served, body) = first_part_comes_first(backend, &gate, b"end of the first part");
    assert!(body == [first, second].concat());
    assert_eq!(served.get("/prod/slow").body.len(), 3_000_000);
    assert_eq!(served.calls(), 2);
}

#[test]
fn what_outgrows_the_limit_on_its_way_streams() {
    let gate = Gate::new();
    let mut text = vec![b'a'; 1_500_000];
    text.extend(b"end of the first part");
    let chunk = |text: &[u8]| [format!("{:x}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat();
    let second = [chunk(b"second"), b"0\r\n\r\n".to_vec()].concat();
    let backend = in_two_parts(&gate, "transfer-encoding: chunked", chunk(&text), second);
    let (served, body) = first_part_comes_first(backend, &gate, b"end of the first part");
    assert!(body == [text, b"second".to_vec()].concat());
    assert_eq!(served.get("/prod/slow").body.len(), body.len());
    assert_eq!(served.calls(), 2);
}
