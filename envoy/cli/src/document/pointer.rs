use std::fmt;

/// A JSON pointer (RFC 6901) that grows while a tree is walked and prints itself escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer(String);

impl Pointer {
    /// The pointer to the root.
    #[must_use]
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// The pointer to a key below this one.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let mut pointer = self.clone();
        pointer.push(key);
        pointer
    }

    /// The pointer to an item below this one, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    /// Steps down to a key.
    pub fn push(&mut self, key: &str) {
        self.0.push('/');
        for character in key.chars() {
            match character {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                other => self.0.push(other),
            }
        }
    }

    /// The text of the pointer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.0
    }
}

impl From<String> for Pointer {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// The unescaped steps of a JSON pointer (RFC 6901, section 4); `None` when the text is none: it
/// does not start with `/`, or a `~` stands without `0` or `1`.
#[must_use]
pub fn parse_pointer(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.strip_prefix('/')?.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Option<String> {
    let mut plain = String::with_capacity(token.len());
    let mut characters = token.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '~' => match characters.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Pointer, parse_pointer};

    #[test]
    fn the_examples_of_the_rfc() {
        for (pointer, tokens) in [
            ("", Some(vec![])),
            ("/", Some(vec![""])),
            ("/a~1b", Some(vec!["a/b"])),
            ("/m~0n", Some(vec!["m~n"])),
            ("/~01", Some(vec!["~1"])),
            ("/foo/0", Some(vec!["foo", "0"])),
            ("foo", None),
            ("/~2", None),
            ("/~", None),
        ] {
            let expected = tokens.map(|tokens| tokens.into_iter().map(str::to_owned).collect());
            assert_eq!(parse_pointer(pointer), expected, "{pointer}");
        }
    }

    proptest! {
        #[test]
        fn what_is_built_reads_back(keys in prop::collection::vec(".*", 0..5)) {
            let pointer = keys.iter().fold(Pointer::root(), |pointer, key| pointer.key(key));
            prop_assert_eq!(parse_pointer(pointer.as_str()), Some(keys));
        }
    }
}
