use serde::Deserialize;

use super::read;

/// A string that software trips over.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NaughtyString {
    /// Its name in the corpora.
    pub id: String,
    /// The string.
    #[serde(rename = "s")]
    pub text: String,
}

/// A request that carries a naughty string, as bytes for a connection of its own.
#[derive(Clone, Debug)]
pub struct NaughtyRequest {
    /// Which string, and where it stands.
    pub name: String,
    /// The whole request; the connection is to be closed after the answer.
    pub bytes: Vec<u8>,
}

/// All naughty strings, or `None` when the corpora are not there.
#[must_use]
pub fn naughty_strings() -> Option<Vec<NaughtyString>> {
    read("blns/blns.jsonl")
}

impl NaughtyString {
    /// The string in every place of a request below `path`, which ends with a slash: as a path
    /// segment and a query value, each percent-encoded and as it is, and as the value of each of
    /// these header fields.
    #[must_use]
    pub fn requests(&self, path: &str, fields: &[&str]) -> Vec<NaughtyRequest> {
        let encoded = percent_encoded(&self.text);
        let mut requests = vec![
            self.request("path", &format!("{path}{encoded}"), ""),
            self.request("query", &format!("{path}?q={encoded}"), ""),
            self.request("path as it is", &format!("{path}{}", self.text), ""),
            self.request("query as it is", &format!("{path}?q={}", self.text), ""),
        ];
        requests.extend(fields.iter().map(|field| {
            let line = format!("{field}: {}\r\n", self.text);
            self.request(field, path, &line)
        }));
        requests
    }

    fn request(&self, place: &str, target: &str, field: &str) -> NaughtyRequest {
        NaughtyRequest {
            name: format!("{} in {place}", self.id),
            bytes: format!(
                "GET {target} HTTP/1.1\r\nhost: localhost\r\n{field}connection: close\r\n\r\n"
            )
            .into_bytes(),
        }
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_stands_in_every_place() {
        let naughty = NaughtyString {
            id: "x".to_owned(),
            text: "é /".to_owned(),
        };
        let requests = naughty.requests("/a/", &["x-api-key"]);
        let lines: Vec<String> = requests
            .iter()
            .map(|request| String::from_utf8(request.bytes.clone()).unwrap())
            .collect();
        assert!(lines[0].starts_with("GET /a/%C3%A9%20%2F HTTP/1.1\r\n"));
        assert!(lines[1].starts_with("GET /a/?q=%C3%A9%20%2F HTTP/1.1\r\n"));
        assert!(lines[2].starts_with("GET /a/é / HTTP/1.1\r\n"));
        assert!(lines[4].contains("\r\nx-api-key: é /\r\n"));
    }
}
