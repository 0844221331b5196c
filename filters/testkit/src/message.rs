use attache_policies::{HeaderEdit, Headers};

/// A message as one side of the proxy saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The header fields, pseudo-headers included.
    pub headers: Headers,
    /// As much of the body as arrived.
    pub body: Vec<u8>,
    /// Whether the end of the message arrived.
    pub complete: bool,
}

impl Message {
    /// The first value of a field, for messages whose fields are text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.headers
            .first(name.as_bytes())
            .map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The status of an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.text(":status")?.parse().ok()
    }
}

/// The header fields after some edits.
#[must_use]
pub fn apply(edits: &[HeaderEdit], headers: &Headers) -> Headers {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    for edit in edits {
        match edit {
            HeaderEdit::Set(name, value) => {
                let place = fields
                    .iter()
                    .position(|(candidate, _)| candidate == name.as_bytes());
                fields.retain(|(candidate, _)| candidate != name.as_bytes());
                let place = place.unwrap_or(fields.len()).min(fields.len());
                fields.insert(place, (name.as_bytes().to_vec(), value.clone()));
            }
            HeaderEdit::Add(name, value) => {
                fields.push((name.as_bytes().to_vec(), value.clone()));
            }
            HeaderEdit::Remove(name) => {
                fields.retain(|(candidate, _)| candidate != name.as_bytes());
            }
        }
    }
    fields.into_iter().collect()
}

/// The header fields of a message whose body has been replaced: the length is the new body's.
#[must_use]
pub fn with_length(headers: &Headers, length: usize) -> Headers {
    apply(
        &[
            HeaderEdit::Remove("transfer-encoding".into()),
            HeaderEdit::Set("content-length".into(), length.to_string().into_bytes()),
        ],
        headers,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_order() {
        let headers: Headers = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
        type Case<'a> = (&'a [HeaderEdit], &'a [(&'a str, &'a str)]);
        let cases: [Case<'_>; 4] = [
            (
                &[HeaderEdit::Set("a".into(), b"4".to_vec())],
                &[("a", "4"), ("b", "2")],
            ),
            (
                &[HeaderEdit::Add("a".into(), b"4".to_vec())],
                &[("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")],
            ),
            (&[HeaderEdit::Remove("a".into())], &[("b", "2")]),
            (
                &[
                    HeaderEdit::Remove("b".into()),
                    HeaderEdit::Set("b".into(), b"5".to_vec()),
                ],
                &[("a", "1"), ("a", "3"), ("b", "5")],
            ),
        ];
        for (edits, expected) in cases {
            assert_eq!(apply(edits, &headers), expected.iter().copied().collect());
        }
    }
}
