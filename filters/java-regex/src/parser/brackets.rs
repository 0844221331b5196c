//! `[…]`.

use super::escape::Escape;
use super::{Dialect, Parser};
use crate::PatternError;
use crate::class::Set;

impl Parser {
    /// A class; its `[` has been read.
    pub(super) fn brackets(&mut self) -> Result<Set, PatternError> {
        match self.dialect {
            Dialect::Java => {
                let set = self.members(true)?;
                self.at += 1;
                Ok(set)
            }
            Dialect::EcmaScript => self.ecma_script_brackets(),
        }
    }

    /// The members of a class of Java up to its `]`, from its beginning or from an operand of `&&`
    /// on.
    fn members(&mut self, from_the_beginning: bool) -> Result<Set, PatternError> {
        self.enter()?;
        let negated = from_the_beginning && self.eat('^');
        let mut set: Option<Set> = None;
        loop {
            self.skip_comments();
            let Some(next) = self.peek() else {
                return Err(self.error("unclosed character class"));
            };
            let added = match next {
                ']' if set.is_some() => break,
                '[' => {
                    self.at += 1;
                    self.brackets()?
                }
                '&' if self.peek_at(1) == Some('&') => {
                    self.at += 2;
                    let right = self.right_operand()?;
                    set = match (set.take(), right) {
                        (Some(left), Some(right)) => {
                            Some(Set::Intersection(Box::new((left, right))))
                        }
                        (None, None) => return Err(self.error("bad class syntax")),
                        (left, right) => left.or(right),
                    };
                    continue;
                }
                _ => self.member()?,
            };
            set = Some(match set.take() {
                Some(set) if matches!(set, Set::Union(_)) => set.or(added),
                Some(set) => Set::Union(vec![set, added]),
                None => Set::Union(vec![added]),
            });
        }
        self.depth -= 1;
        Ok(set.unwrap_or(Set::NONE).negated_if(negated))
    }

    /// What stands right of `&&`, up to the next `&&` or to the end of the class.
    fn right_operand(&mut self) -> Result<Option<Set>, PatternError> {
        let mut right: Option<Set> = None;
        loop {
            self.skip_comments();
            let set = match self.peek() {
                None => return Err(self.error("unclosed character class")),
                Some(']' | '&') => return Ok(right),
                Some('[') => {
                    self.at += 1;
                    self.brackets()?
                }
                Some(_) => self.members(false)?,
            };
            right = Some(match right.take() {
                Some(right) => right.or(set),
                None => set,
            });
        }
    }

    /// A character, a range, or an escape that stands for several.
    fn member(&mut self) -> Result<Set, PatternError> {
        let first = match self.class_atom()? {
            Ok(first) => first,
            Err(set) => return Ok(set),
        };
        self.skip_comments();
        if self.peek() != Some('-') || matches!(self.peek_at(1), Some('[' | ']') | None) {
            return Ok(self.range(first, first));
        }
        self.at += 1;
        self.skip_comments();
        match self.class_atom()? {
            Ok(last) if last >= first => Ok(self.range(first, last)),
            _ => Err(self.error("illegal character range")),
        }
    }

    /// One code point, or else a set.
    fn class_atom(&mut self) -> Result<Result<u32, Set>, PatternError> {
        let Some(character) = self.next() else {
            return Err(self.error("unclosed character class"));
        };
        if character != '\\' {
            return Ok(Ok(u32::from(character)));
        }
        let starts_range = self.peek_at(1) == Some('-') && self.peek_at(2) != Some(']');
        let ends_range = self.peek_at(1) == Some(']') && {
            let before = self
                .at
                .checked_sub(2)
                .and_then(|at| self.characters.get(at));
            before.is_some_and(|(character, _)| *character == '-')
        };
        Ok(match self.escape(true, starts_range || ends_range)? {
            Escape::Code(code) => Ok(code),
            Escape::Set(set) => Err(set),
            Escape::Node(_) => return Err(self.error("illegal or unsupported escape sequence")),
        })
    }

    /// Halves of surrogate pairs are no characters and left out.
    fn range(&self, first: u32, last: u32) -> Set {
        let first = char::from_u32(first).unwrap_or('\u{e000}');
        let last = char::from_u32(last).unwrap_or('\u{d7ff}');
        if first > last {
            return Set::NONE;
        }
        Set::Range(first, last, self.case())
    }

    fn ecma_script_brackets(&mut self) -> Result<Set, PatternError> {
        let negated = self.eat('^');
        let mut sets = Vec::new();
        loop {
            if self.eat(']') {
                return Ok(Set::Union(sets).negated_if(negated));
            }
            let first = self.class_atom()?;
            if self.peek() != Some('-') || matches!(self.peek_at(1), Some(']') | None) {
                sets.push(first.map_or_else(|set| set, |code| self.range(code, code)));
                continue;
            }
            self.at += 1;
            match (first, self.class_atom()?) {
                (Ok(first), Ok(last)) if first <= last => sets.push(self.range(first, last)),
                (Ok(_), Ok(_)) => return Err(self.error("range out of order in character class")),
                // With a set at one of its ends it is no range.
                (first, last) => {
                    for end in [first, Ok(u32::from('-')), last] {
                        sets.push(end.map_or_else(|set| set, |code| self.range(code, code)));
                    }
                }
            }
        }
    }
}
