use super::{Document, Node, Pointer, parse_pointer};

/// Where a chain of references ended.
#[derive(Clone, Debug)]
pub struct Resolved<'d> {
    /// The value, which is not a reference itself.
    pub node: &'d Node,
    /// Its pointer; the given one when there was nothing to follow.
    pub pointer: Pointer,
}

/// Why a `$ref` leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceError {
    /// The value of `$ref` is not text.
    NotText,
    /// It names another file or address.
    External(String),
    /// There is nothing at that place, or it is not a JSON pointer.
    Missing(String),
    /// The references lead back to one of themselves.
    Cycle(String),
}

impl std::fmt::Display for ReferenceError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotText => formatter.write_str("`$ref` must be text"),
            Self::External(target) => {
                write!(formatter, "`{target}` is outside of this document")
            }
            Self::Missing(target) => write!(formatter, "there is nothing at `{target}`"),
            Self::Cycle(target) => write!(formatter, "`{target}` leads back to itself"),
        }
    }
}

impl std::error::Error for ReferenceError {}

impl Document {
    /// Follows `$ref` (a JSON pointer in a URI fragment, RFC 6901 section 6) until a value that is
    /// none. Only references within this document are followed, each place at most once.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`]; the place to show is the `$ref` of the node given.
    pub fn resolve<'d>(
        &'d self,
        node: &'d Node,
        pointer: &Pointer,
    ) -> Result<Resolved<'d>, ReferenceError> {
        let mut current = Resolved {
            node,
            pointer: pointer.clone(),
        };
        let mut seen = vec![];
        while let Some(reference) = current.node.get("$ref") {
            let target = reference.as_str().ok_or(ReferenceError::NotText)?;
            let fragment = target
                .strip_prefix('#')
                .ok_or_else(|| ReferenceError::External(target.to_owned()))?;
            let place = percent_decode(fragment)
                .ok_or_else(|| ReferenceError::Missing(target.to_owned()))?;
            if seen.contains(&place) {
                return Err(ReferenceError::Cycle(target.to_owned()));
            }
            let tokens = parse_pointer(&place);
            let found = tokens.as_ref().and_then(|tokens| {
                tokens
                    .iter()
                    .try_fold(&self.root, |node, token| node.child(token))
            });
            let node = found.ok_or_else(|| ReferenceError::Missing(target.to_owned()))?;
            current = Resolved {
                node,
                pointer: Pointer::from(place.clone()),
            };
            seen.push(place);
        }
        Ok(current)
    }
}

/// Decodes `%XX`; `None` when an escape is broken or the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            plain.push(u8::try_from(value).ok()?);
        } else {
            plain.push(byte);
        }
    }
    String::from_utf8(plain).ok()
}
