use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::read;

/// A head whose framing two servers may understand differently.
#[derive(Clone, Debug)]
pub struct Smuggling {
    /// Its name in the corpora.
    pub id: String,
    template: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    header_template_latin1_b64: String,
}

/// All ambiguous heads, or `None` when the corpora are not there.
///
/// # Panics
///
/// When a line is not what it should be.
#[must_use]
pub fn smuggling() -> Option<Vec<Smuggling>> {
    let lines: Vec<Line> = read("http-smuggling/te-mutations.jsonl")?;
    Some(
        lines
            .into_iter()
            .map(|line| Smuggling {
                id: line.id,
                template: STANDARD
                    .decode(line.header_template_latin1_b64)
                    .expect("a template in base64"),
            })
            .collect(),
    )
}

impl Smuggling {
    /// What to send over one connection, in two versions: an ambiguous request for `target`, and
    /// behind it `guarded`, a whole request that the gateway must refuse.
    ///
    /// In the first version both ways to frame the body end at the same place. In the second one
    /// a `guarded` lies inside of the body by its length, and behind its end by its chunks.
    #[must_use]
    pub fn attempts(&self, target: &str, guarded: &[u8]) -> [Vec<u8>; 2] {
        let chunked = b"5\r\nhello\r\n0\r\n\r\n";
        let hidden = [b"0\r\n\r\n", guarded].concat();
        [chunked.as_slice(), &hidden].map(|body| {
            let head = replace(&self.template, b"__HOST__", b"localhost");
            let length = body.len().to_string();
            let head = replace(&head, b"__REPLACE_CL__", length.as_bytes());
            let head = replace(&head, b"/?cb=1", target.as_bytes());
            [&head, b"\r\n".as_slice(), body, guarded].concat()
        })
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    match bytes.windows(from.len()).position(|window| window == from) {
        Some(place) => [&bytes[..place], to, &bytes[place + from.len()..]].concat(),
        None => bytes.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blanks_of_a_template_are_filled() {
        let case = Smuggling {
            id: "x".to_owned(),
            template:
                b"POST /?cb=1 HTTP/1.1\r\nHost: __HOST__\r\nContent-Length: __REPLACE_CL__\r\n"
                    .to_vec(),
        };
        let [plain, hidden] = case.attempts("/a", b"GET /b");
        assert_eq!(
            plain,
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n\
              5\r\nhello\r\n0\r\n\r\nGET /b"
        );
        assert_eq!(
            hidden,
            b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n\
              0\r\n\r\nGET /bGET /b"
        );
    }
}
