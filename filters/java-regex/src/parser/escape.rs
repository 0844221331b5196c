//! What a backslash means.

use super::{Dialect, Flags, Parser};
use crate::PatternError;
use crate::class::Set;
use crate::property;
use crate::syntax::{Assertion, Node};

/// What stands after a backslash.
pub(super) enum Escape {
    /// A code point, or half of a surrogate pair.
    Code(u32),
    Set(Set),
    Node(Node),
}

/// Resolves `\Q…\E`: what is quoted comes out escaped by itself, as in Java.
pub(super) fn without_quotations(
    mut characters: impl Iterator<Item = (char, usize)>,
) -> Vec<(char, usize)> {
    let mut resolved = Vec::new();
    let mut quoted = false;
    let mut at_start = false;
    while let Some((character, at)) = characters.next() {
        if character == '\\' {
            match (characters.next(), quoted) {
                (Some(('Q', _)), false) => (quoted, at_start) = (true, true),
                (Some(('E', _)), true) => quoted = false,
                (next, false) => {
                    resolved.push((character, at));
                    resolved.extend(next);
                }
                (next, true) => {
                    resolved.extend([(character, at), (character, at)]);
                    if let Some((character, at)) = next {
                        push_quoted(&mut resolved, character, at, false);
                    }
                }
            }
        } else if quoted {
            push_quoted(&mut resolved, character, at, at_start);
            at_start = false;
        } else {
            resolved.push((character, at));
        }
    }
    resolved
}

fn push_quoted(resolved: &mut Vec<(char, usize)>, character: char, at: usize, at_start: bool) {
    if character.is_ascii_digit() && at_start {
        // It must not become part of an escape that the quotation follows.
        resolved.extend([('\\', at), ('x', at), ('3', at)]);
    } else if character.is_ascii() && !character.is_ascii_alphanumeric() {
        resolved.push(('\\', at));
    }
    resolved.push((character, at));
}

impl Parser {
    /// An escape outside of a class; the backslash has been read.
    pub(super) fn escaped_atom(&mut self) -> Result<Node, PatternError> {
        Ok(match self.escape(false, false)? {
            Escape::Code(code) => match char::from_u32(code) {
                Some(character) => self.literal(character),
                // Half of a surrogate pair is not in any text.
                None => super::class(Set::NONE),
            },
            Escape::Set(set) => super::class(set),
            Escape::Node(node) => node,
        })
    }

    /// What stands after a backslash, in a class or not, at one of the ends of a range or not.
    pub(super) fn escape(
        &mut self,
        in_class: bool,
        in_range: bool,
    ) -> Result<Escape, PatternError> {
        let Some(character) = self.next() else {
            return Err(self.error("the pattern ends with a backslash"));
        };
        let unicode = self.flags.has(Flags::UNICODE_CLASSES);
        let java = self.dialect == Dialect::Java;
        let negated = character.is_ascii_uppercase();
        let set = match character {
            'd' | 'D' => property::digit(unicode),
            'w' | 'W' => property::word(unicode),
            's' | 'S' if java => property::space(unicode),
            's' | 'S' => property::ecma_script_space(),
            'h' | 'H' if java => property::horizontal_space(),
            'v' if java && in_range => return Ok(Escape::Code(0xb)),
            'v' | 'V' if java => property::vertical_space(),
            'p' | 'P' if java => self.property()?,
            _ if !in_class => return self.escape_outside(character),
            'b' if !java => return Ok(Escape::Code(8)),
            _ => return self.escaped_code(character).map(Escape::Code),
        };
        Ok(Escape::Set(set.negated_if(negated)))
    }

    /// Those that are no characters, and mean nothing in a class.
    fn escape_outside(&mut self, character: char) -> Result<Escape, PatternError> {
        let java = self.dialect == Dialect::Java;
        let assertion = match character {
            'b' if java && self.peek() == Some('{') && self.peek_at(1) == Some('g') => {
                return Err(self.error(r"`\b{g}` is not supported"));
            }
            'b' => Assertion::WordBoundary(self.word()),
            'B' => Assertion::NotWordBoundary(self.word()),
            'A' if java => Assertion::Begin,
            'z' if java => Assertion::End,
            'Z' if java && self.flags.has(Flags::UNIX_LINES) => Assertion::UnixEndOfInput,
            'Z' if java => Assertion::EndOfInput,
            'G' if java => Assertion::EndOfLastMatch,
            'R' if java => {
                let pair = Node::Sequence(vec![Node::Character('\r'), Node::Character('\n')]);
                let one = super::class(property::vertical_space());
                return Ok(Escape::Node(Node::Alternatives(vec![pair, one])));
            }
            'k' if java || self.peek() == Some('<') => {
                if !self.eat('<') {
                    return Err(self.error(r"`\k` is not followed by `<`"));
                }
                let name = self.group_name()?;
                let known = |other: &Option<Box<str>>| other.as_deref() == Some(name.as_str());
                return match self.groups.iter().position(known) {
                    Some(index) => Ok(self.back_reference(index + 1)),
                    None => {
                        Err(self.error(format!("named capturing group <{name}> does not exist")))
                    }
                };
            }
            '1'..='9' => {
                if let Some(reference) = self.numbered_reference(character) {
                    return Ok(reference);
                }
                return self.escaped_code(character).map(Escape::Code);
            }
            _ => return self.escaped_code(character).map(Escape::Code),
        };
        Ok(Escape::Node(Node::Assertion(assertion)))
    }

    fn back_reference(&self, group: usize) -> Escape {
        let group = u32::try_from(group).unwrap_or(u32::MAX);
        Escape::Node(Node::BackReference(group, self.case()))
    }

    /// Takes as many digits as make the number of a group; in Java always the first.
    fn numbered_reference(&mut self, first: char) -> Option<Escape> {
        let mut number = first.to_digit(10)? as usize;
        let groups = match self.dialect {
            Dialect::Java => self.groups.len(),
            Dialect::EcmaScript if number > self.total_groups as usize => return None,
            Dialect::EcmaScript => self.total_groups as usize,
        };
        while let Some(digit) = self.peek().and_then(|digit| digit.to_digit(10)) {
            let longer = number * 10 + digit as usize;
            if longer > groups {
                break;
            }
            number = longer;
            self.at += 1;
        }
        Some(self.back_reference(number))
    }

    /// An escape that is a character.
    fn escaped_code(&mut self, character: char) -> Result<u32, PatternError> {
        let java = self.dialect == Dialect::Java;
        Ok(match character {
            't' => 9,
            'n' => 10,
            'v' if !java => 11,
            'f' => 12,
            'r' => 13,
            'a' if java => 7,
            'e' if java => 27,
            'c' => match self.peek() {
                Some(letter) if java || letter.is_ascii_alphabetic() => {
                    self.at += 1;
                    let mask = if java { u32::MAX } else { 31 };
                    (u32::from(letter) ^ if java { 64 } else { 0 }) & mask
                }
                None if java => return Err(self.error("illegal control escape sequence")),
                // The backslash is one then.
                _ => {
                    self.at -= 1;
                    u32::from('\\')
                }
            },
            '0' if java => {
                let code = self.digits(8, 1, 3, 0o377);
                code.ok_or_else(|| self.error("illegal octal escape sequence"))?
            }
            '0'..='7' if !java => {
                self.at -= 1;
                self.digits(8, 1, 3, 0o377).unwrap_or(0)
            }
            'x' if java && self.eat('{') => {
                let code = self.digits(16, 1, usize::MAX, 0x0010_ffff);
                match code.filter(|_| self.eat('}')) {
                    Some(code) => code,
                    None => return Err(self.error("illegal hexadecimal escape sequence")),
                }
            }
            'x' => match self.digits(16, 2, 2, u32::MAX) {
                None if java => return Err(self.error("illegal hexadecimal escape sequence")),
                code => code.unwrap_or(u32::from('x')),
            },
            'u' => match self.digits(16, 4, 4, u32::MAX) {
                None if java => return Err(self.error("illegal Unicode escape sequence")),
                code => self.surrogate_pair(code.unwrap_or(u32::from('u'))),
            },
            _ if java && character.is_ascii_alphabetic() => {
                self.at -= 1;
                return Err(self.error(match character {
                    'N' | 'X' => format!(r"`\{character}` is not supported"),
                    _ => "illegal or unsupported escape sequence".to_owned(),
                }));
            }
            // Only references are left, and in a class there are none.
            '1'..='9' if java => {
                return Err(self.error("illegal or unsupported escape sequence"));
            }
            _ => u32::from(character),
        })
    }

    /// A number of so many digits and at most so large; nothing is read when there are too few.
    fn digits(&mut self, radix: u32, least: usize, most: usize, largest: u32) -> Option<u32> {
        let start = self.at;
        let mut value = 0_u32;
        while self.at - start < most {
            let digit = self.peek().and_then(|digit| digit.to_digit(radix));
            let longer = digit.map(|digit| value.saturating_mul(radix).saturating_add(digit));
            let Some(longer) = longer.filter(|value| *value <= largest) else {
                break;
            };
            value = longer;
            self.at += 1;
        }
        if self.at - start < least {
            self.at = start;
            return None;
        }
        Some(value)
    }

    /// The code point of a pair, when the second half follows the first.
    fn surrogate_pair(&mut self, high: u32) -> u32 {
        let start = self.at;
        if (0xd800..0xdc00).contains(&high)
            && self.eat('\\')
            && self.eat('u')
            && let Some(low @ 0xdc00..0xe000) = self.digits(16, 4, 4, u32::MAX)
        {
            return 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
        self.at = start;
        high
    }

    /// What follows `\p`.
    fn property(&mut self) -> Result<Set, PatternError> {
        let mut name = String::new();
        if self.eat('{') {
            loop {
                match self.next() {
                    Some('}') => break,
                    Some(character) => name.push(character),
                    None => return Err(self.error("unclosed character family")),
                }
            }
        } else {
            name.extend(self.next());
        }
        if name.is_empty() {
            return Err(self.error("empty character family"));
        }
        match self.named_property(&name) {
            Some(set) => Ok(set),
            None => Err(self.error(format!(
                "unknown or unsupported character property `{name}`"
            ))),
        }
    }
}
