//! Reads patterns.

mod brackets;
mod escape;

use crate::PatternError;
use crate::class::{Case, CharacterClass, Set};
use crate::property;
use crate::syntax::{Assertion, Greed, Node, UNLIMITED, Word};

/// The longest pattern, in bytes.
const LONGEST: usize = 64 * 1024;

/// How deep groups and classes may be in one another. It bounds the recursion of whatever reads
/// the tree.
const DEEPEST: u32 = 100;

/// Whose regular expressions they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Java,
    EcmaScript,
}

/// The names of the groups, in the order of their numbers from 1; `None` where one has no name.
pub(crate) type GroupNames = Vec<Option<Box<str>>>;

/// The flags `(?i)` and so on, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flags(u8);

impl Flags {
    const CASE_INSENSITIVE: u8 = 1;
    const UNIX_LINES: u8 = 2;
    const MULTILINE: u8 = 4;
    const DOTALL: u8 = 8;
    const UNICODE_CASE: u8 = 16;
    const COMMENTS: u8 = 32;
    const UNICODE_CLASSES: u8 = 64;

    const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

struct Parser {
    dialect: Dialect,
    /// The characters and where they are. Quotations have been resolved.
    characters: Vec<(char, usize)>,
    at: usize,
    /// The length of the pattern in bytes.
    end: usize,
    flags: Flags,
    groups: GroupNames,
    /// ECMAScript: how many groups there are in the whole pattern.
    total_groups: u32,
    depth: u32,
}

/// Reads a pattern.
pub(crate) fn parse(pattern: &str, dialect: Dialect) -> Result<(Node, GroupNames), PatternError> {
    if pattern.len() > LONGEST {
        return Err(PatternError {
            offset: LONGEST,
            reason: "a pattern may have 64 KiB".to_owned(),
        });
    }
    let characters = pattern
        .char_indices()
        .map(|(at, character)| (character, at));
    let mut parser = Parser {
        dialect,
        characters: match dialect {
            Dialect::Java => escape::without_quotations(characters),
            Dialect::EcmaScript => characters.collect(),
        },
        at: 0,
        end: pattern.len(),
        flags: Flags(0),
        groups: Vec::new(),
        total_groups: 0,
        depth: 0,
    };
    if dialect == Dialect::EcmaScript {
        parser.total_groups = parser.count_groups();
    }
    let node = parser.alternatives()?;
    match parser.peek() {
        None => Ok((node, parser.groups)),
        Some(_) => Err(parser.error("unmatched closing `)`")),
    }
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        let (character, _) = self.characters.get(self.at + ahead)?;
        Some(*character)
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += 1;
        Some(character)
    }

    fn eat(&mut self, expected: char) -> bool {
        let there = self.peek() == Some(expected);
        self.at += usize::from(there);
        there
    }

    fn error(&self, reason: impl Into<String>) -> PatternError {
        let at = self.characters.get(self.at);
        PatternError {
            offset: at.map_or(self.end, |(_, offset)| *offset),
            reason: reason.into(),
        }
    }

    /// Goes into a group or a class.
    fn enter(&mut self) -> Result<(), PatternError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("more than 100 groups or classes are in one another"));
        }
        Ok(())
    }

    const fn case(&self) -> Case {
        if !self.flags.has(Flags::CASE_INSENSITIVE) {
            Case::Sensitive
        } else if self.flags.has(Flags::UNICODE_CASE) {
            Case::Unicode
        } else {
            Case::Ascii
        }
    }

    /// Under `(?x)`, goes past white space and comments.
    fn skip_comments(&mut self) {
        if !self.flags.has(Flags::COMMENTS) {
            return;
        }
        while let Some(character) = self.peek() {
            match character {
                '\t'..='\r' | ' ' => self.at += 1,
                '#' => {
                    while self
                        .next()
                        .is_some_and(|character| !self.ends_line(character))
                    {}
                }
                _ => break,
            }
        }
    }

    const fn ends_line(&self, character: char) -> bool {
        match character {
            '\n' => true,
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => !self.flags.has(Flags::UNIX_LINES),
            _ => false,
        }
    }

    /// Groups of ECMAScript are counted before any is read: `\2` is one of them or is not.
    fn count_groups(&self) -> u32 {
        let (mut count, mut at, mut in_class) = (0, 0, false);
        while let Some(character) = self.peek_at(at) {
            match character {
                '\\' => at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => {
                    let after = [1, 2, 3].map(|ahead| self.peek_at(at + ahead));
                    count += match after {
                        [Some('?'), Some('<'), Some('=' | '!')] => 0,
                        [Some('?'), Some('<'), _] => 1,
                        [Some('?'), ..] => 0,
                        _ => 1,
                    };
                }
                _ => {}
            }
            at += 1;
        }
        count
    }

    fn alternatives(&mut self) -> Result<Node, PatternError> {
        self.enter()?;
        let mut node = self.sequence()?;
        if self.peek() == Some('|') {
            let mut alternatives = vec![node];
            while self.eat('|') {
                alternatives.push(self.sequence()?);
            }
            node = Node::Alternatives(alternatives);
        }
        self.depth -= 1;
        Ok(node)
    }

    fn sequence(&mut self) -> Result<Node, PatternError> {
        let mut nodes = Vec::new();
        loop {
            self.skip_comments();
            match self.peek() {
                None | Some('|' | ')') => break,
                Some(first) => {
                    let line_break = first == '\\' && self.peek_at(1) == Some('R');
                    if let Some(atom) = self.atom(first)? {
                        nodes.push(self.quantified(atom, line_break)?);
                    }
                }
            }
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.pop().unwrap_or(Node::Empty),
            _ => Node::Sequence(nodes),
        })
    }

    /// `None` for `(?i)` and the like, which match nothing by themselves.
    fn atom(&mut self, first: char) -> Result<Option<Node>, PatternError> {
        let java = self.dialect == Dialect::Java;
        match first {
            '*' | '+' | '?' => {
                return Err(self.error(format!("dangling metacharacter `{first}`")));
            }
            // In Java something that matches nothing is repeated.
            '{' if java || self.counted_quantifier() => {
                return if java {
                    Ok(Some(Node::Empty))
                } else {
                    Err(self.error("nothing to repeat"))
                };
            }
            '(' => {
                self.at += 1;
                return self.group();
            }
            _ => self.at += 1,
        }
        Ok(Some(match first {
            '[' => class(self.brackets()?),
            '\\' => self.escaped_atom()?,
            '.' => class(self.dot()),
            '^' => Node::Assertion(match self.flags {
                flags if !flags.has(Flags::MULTILINE) => Assertion::Begin,
                flags if flags.has(Flags::UNIX_LINES) => Assertion::UnixBeginOfLine,
                _ => Assertion::BeginOfLine,
            }),
            '$' => Node::Assertion(self.dollar()),
            _ => self.literal(first),
        }))
    }

    fn dollar(&self) -> Assertion {
        let unix = self.flags.has(Flags::UNIX_LINES);
        match (self.flags.has(Flags::MULTILINE), unix) {
            _ if self.dialect == Dialect::EcmaScript => Assertion::End,
            (true, true) => Assertion::UnixEndOfLine,
            (true, false) => Assertion::EndOfLine,
            (false, true) => Assertion::UnixEndOfInput,
            (false, false) => Assertion::EndOfInput,
        }
    }

    fn dot(&self) -> Set {
        let terminators: &[(char, char)] = if self.flags.has(Flags::DOTALL) {
            &[]
        } else if self.flags.has(Flags::UNIX_LINES) {
            &[('\n', '\n')]
        } else {
            let next_line = match self.dialect {
                Dialect::Java => ('\u{85}', '\u{85}'),
                Dialect::EcmaScript => ('\n', '\n'),
            };
            &[
                ('\n', '\n'),
                ('\r', '\r'),
                next_line,
                ('\u{2028}', '\u{2029}'),
            ]
        };
        Set::Not(Box::new(Set::ranges(terminators)))
    }

    fn literal(&self, character: char) -> Node {
        let case = self.case();
        let has_cases = match case {
            Case::Sensitive => false,
            Case::Ascii => character.is_ascii_alphabetic(),
            Case::Unicode => character.is_alphabetic(),
        };
        if has_cases {
            class(Set::one(character, case))
        } else {
            Node::Character(character)
        }
    }

    /// What follows `(`.
    fn group(&mut self) -> Result<Option<Node>, PatternError> {
        let flags = self.flags;
        let node = if self.eat('?') {
            match self.next() {
                Some(':') => self.alternatives()?,
                Some('>') if self.dialect == Dialect::Java => {
                    Node::Atomic(Box::new(self.alternatives()?))
                }
                Some(kind @ ('=' | '!')) => Node::Look {
                    node: Box::new(self.alternatives()?),
                    behind: None,
                    negative: kind == '!',
                },
                Some('<') => match self.peek() {
                    Some(kind @ ('=' | '!')) => {
                        self.at += 1;
                        self.look_behind(kind == '!')?
                    }
                    _ => {
                        let name = self.group_name()?;
                        if self.groups.iter().flatten().any(|other| **other == *name) {
                            return Err(self.error(format!(
                                "named capturing group <{name}> is already defined"
                            )));
                        }
                        self.capturing(Some(name.into()))?
                    }
                },
                _ if self.dialect == Dialect::EcmaScript => {
                    return Err(self.error("invalid group"));
                }
                _ => {
                    self.at -= 1;
                    self.inline_flags()?;
                    if self.eat(')') {
                        // They hold to the end of the group that they are in.
                        return Ok(None);
                    }
                    if !self.eat(':') {
                        return Err(self.error("unknown inline modifier"));
                    }
                    self.alternatives()?
                }
            }
        } else {
            self.capturing(None)?
        };
        if !self.eat(')') {
            return Err(self.error("unclosed group"));
        }
        self.flags = flags;
        Ok(Some(node))
    }

    fn capturing(&mut self, name: Option<Box<str>>) -> Result<Node, PatternError> {
        self.groups.push(name);
        let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        Ok(Node::Group(number, Box::new(self.alternatives()?)))
    }

    fn look_behind(&mut self, negative: bool) -> Result<Node, PatternError> {
        let node = self.alternatives()?;
        let (min, Some(max)) = node.width() else {
            return Err(self.error("look-behind group does not have an obvious maximum length"));
        };
        Ok(Node::Look {
            node: Box::new(node),
            behind: Some((min, max)),
            negative,
        })
    }

    /// A name and the `>` after it.
    fn group_name(&mut self) -> Result<String, PatternError> {
        let mut name = String::new();
        while let Some(character) = self.peek() {
            let allowed = match self.dialect {
                Dialect::Java if name.is_empty() => character.is_ascii_alphabetic(),
                Dialect::Java => character.is_ascii_alphanumeric(),
                Dialect::EcmaScript => {
                    character.is_alphanumeric() || matches!(character, '_' | '$')
                }
            };
            if !allowed {
                break;
            }
            name.push(character);
            self.at += 1;
        }
        if name.is_empty() {
            return Err(self.error("capturing group name does not start with a Latin letter"));
        }
        if !self.eat('>') {
            return Err(self.error("named capturing group is missing trailing `>`"));
        }
        Ok(name)
    }

    fn inline_flags(&mut self) -> Result<(), PatternError> {
        let mut on = true;
        while let Some(character) = self.peek() {
            let flag = match character {
                'i' => Flags::CASE_INSENSITIVE,
                'd' => Flags::UNIX_LINES,
                'm' => Flags::MULTILINE,
                's' => Flags::DOTALL,
                'u' => Flags::UNICODE_CASE,
                'x' => Flags::COMMENTS,
                'U' if on => Flags::UNICODE_CLASSES | Flags::UNICODE_CASE,
                'U' => Flags::UNICODE_CLASSES,
                'c' => return Err(self.error("canonical equivalence is not supported")),
                '-' if on => {
                    on = false;
                    0
                }
                _ => break,
            };
            self.flags.0 = if on {
                self.flags.0 | flag
            } else {
                self.flags.0 & !flag
            };
            self.at += 1;
        }
        Ok(())
    }

    /// Whether what stands here is `{`, digits, and what may follow in a quantifier.
    fn counted_quantifier(&self) -> bool {
        let mut at = 1;
        let digits = |from: usize| {
            let mut at = from;
            while self.peek_at(at).is_some_and(|digit| digit.is_ascii_digit()) {
                at += 1;
            }
            at
        };
        let min_end = digits(at);
        let has_min = min_end > at;
        at = min_end;
        if self.peek_at(at) == Some(',') {
            at = digits(at + 1);
        }
        self.peek() == Some('{') && has_min && self.peek_at(at) == Some('}')
    }

    /// `line_break`: the node is `\R`, which has a single way to match when it is repeated.
    fn quantified(&mut self, node: Node, line_break: bool) -> Result<Node, PatternError> {
        self.skip_comments();
        let (min, max) = match self.peek() {
            Some('?') => (0, 1),
            Some('*') => (0, UNLIMITED),
            Some('+') => (1, UNLIMITED),
            Some('{') if self.dialect == Dialect::Java || self.counted_quantifier() => {
                self.counts()?
            }
            _ => return Ok(node),
        };
        self.at += 1;
        let greed = if self.eat('?') {
            Greed::Reluctant
        } else if self.dialect == Dialect::Java && self.eat('+') {
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        let node = if line_break && self.dialect == Dialect::Java {
            Node::Atomic(Box::new(node))
        } else {
            node
        };
        Ok(Node::Repeat {
            node: Box::new(node),
            min,
            max,
            greed,
        })
    }

    /// Reads `{2,3` and leaves the `}`.
    fn counts(&mut self) -> Result<(u32, u32), PatternError> {
        self.at += 1;
        if !self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            return Err(self.error("illegal repetition"));
        }
        let min = self.count()?;
        let max = if !self.eat(',') {
            min
        } else if self.peek() == Some('}') {
            UNLIMITED
        } else {
            self.count()?
        };
        if self.peek() != Some('}') {
            return Err(self.error("unclosed counted closure"));
        }
        if max < min {
            return Err(self.error("illegal repetition range"));
        }
        Ok((min, max))
    }

    fn count(&mut self) -> Result<u32, PatternError> {
        let mut count = 0_u32;
        while let Some(digit) = self.peek().and_then(|digit| digit.to_digit(10)) {
            count = count
                .checked_mul(10)
                .and_then(|count| count.checked_add(digit))
                // As Java: an `int`.
                .filter(|count| i32::try_from(*count).is_ok())
                .ok_or_else(|| self.error("illegal repetition range"))?;
            self.at += 1;
        }
        Ok(count)
    }

    /// Which words `\b` is about.
    const fn word(&self) -> Word {
        match self.dialect {
            Dialect::EcmaScript => Word::Ascii,
            Dialect::Java if self.flags.has(Flags::UNICODE_CLASSES) => Word::Unicode,
            Dialect::Java => Word::Letters,
        }
    }

    fn named_property(&self, name: &str) -> Option<Set> {
        property::named(
            name,
            self.flags.has(Flags::UNICODE_CLASSES),
            self.flags.has(Flags::CASE_INSENSITIVE),
        )
    }
}

fn class(set: Set) -> Node {
    Node::Class(Box::new(CharacterClass::new(set)))
}
