//! From text to a path.

use attache_java_regex::Pattern;

use super::filter::{Filter, Literal, Operand, Operator};
use super::{JsonPathError, Segment, Step};
use crate::Number;

/// How many parts a path has at most: evaluation recurses once for each.
const MOST_SEGMENTS: usize = 64;

/// How deep conditions nest at most.
const MAX_DEPTH: usize = 16;

pub(super) fn path(text: &str) -> Result<Box<[Segment]>, JsonPathError> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    let trimmed = text.trim_end();
    parser.text = trimmed;
    let segments = match parser.peek() {
        None => return parser.fault("the path is empty"),
        Some(b'$' | b'@') => {
            parser.at += 1;
            match parser.peek() {
                None | Some(b'.' | b'[') => {}
                Some(_) => return parser.fault("`.` or `[` is expected"),
            }
            parser.segments(Within::Path)?
        }
        Some(b'[' | b'.') => parser.segments(Within::Path)?,
        Some(_) => {
            let first = parser.name(Within::Path)?;
            let mut segments = vec![Segment {
                scan: false,
                step: first,
            }];
            segments.extend(parser.segments(Within::Path)?);
            segments.into()
        }
    };
    if parser.at < trimmed.len() {
        return parser.fault("`.` or `[` is expected");
    }
    Ok(segments)
}

/// Whether a path stands alone or in a condition, where more characters end it.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Path,
    Condition,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parser<'t> {
    fn fault<T>(&self, reason: &'static str) -> Result<T, JsonPathError> {
        Err(JsonPathError {
            offset: self.at,
            reason,
        })
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Takes a piece of text if it comes next.
    fn take(&mut self, piece: &str) -> bool {
        let there = self.rest().starts_with(piece);
        self.at += if there { piece.len() } else { 0 };
        there
    }

    fn expect(&mut self, piece: &str, reason: &'static str) -> Result<(), JsonPathError> {
        self.skip_space();
        if self.take(piece) {
            return Ok(());
        }
        self.fault(reason)
    }

    fn take_while(&mut self, mut like: impl FnMut(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|character| !like(character));
        let taken = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    /// All that follows the root.
    fn segments(&mut self, within: Within) -> Result<Box<[Segment]>, JsonPathError> {
        let mut segments = Vec::new();
        loop {
            let scan = self.take("..");
            let dot = scan || self.take(".");
            let step = match self.peek() {
                Some(b'[') => self.brackets(within)?,
                Some(_) if dot => self.name(within)?,
                None if dot => return self.fault("a path cannot end with `.`"),
                _ => return Ok(segments.into()),
            };
            if segments.len() == MOST_SEGMENTS {
                return self.fault("the path is too long");
            }
            if let Some(Step::Properties(_)) = segments.last().map(|last: &Segment| &last.step) {
                return self.fault("several properties can only be the end of a path");
            }
            segments.push(Segment { scan, step });
        }
    }

    /// What stands behind a dot.
    fn name(&mut self, within: Within) -> Result<Step, JsonPathError> {
        let start = self.at;
        let name = self.take_while(|character| match character {
            '.' | '[' => false,
            '=' | '!' | '<' | '>' | '&' | '|' | ')' | ',' | ']' => within == Within::Path,
            character => !character.is_ascii_whitespace(),
        });
        if within == Within::Path && self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            return self.fault("a name with blanks stands in brackets: `['a b']`");
        }
        if name.is_empty() {
            self.at = start;
            return self.fault("a name is expected");
        }
        Ok(match name {
            "*" => Step::Wildcard,
            "length()" => Step::Length,
            name => Step::Property(name.into()),
        })
    }

    fn brackets(&mut self, within: Within) -> Result<Step, JsonPathError> {
        let start = self.at;
        self.at += 1;
        self.skip_space();
        let step = match self.peek() {
            Some(b'\'' | b'"') => self.names()?,
            Some(b'*') => {
                self.at += 1;
                Step::Wildcard
            }
            Some(b'(') => self.distance_from_end()?,
            Some(b'?') if within == Within::Path => {
                self.at += 1;
                self.expect("(", "a filter is written `[?(…)]`")?;
                let filter = self.condition(MAX_DEPTH)?;
                self.expect(")", "`)` is expected")?;
                Step::Filter(Box::new(filter))
            }
            Some(b'-' | b':' | b'0'..=b'9') => self.positions()?,
            _ => {
                self.at = start;
                return self.fault("brackets hold a quoted name, a position, `*` or `?(…)`");
            }
        };
        self.expect("]", "`]` is expected")?;
        Ok(step)
    }

    fn names(&mut self) -> Result<Step, JsonPathError> {
        let mut names = Vec::new();
        loop {
            self.skip_space();
            names.push(self.quoted()?.into_boxed_str());
            self.skip_space();
            if !self.take(",") {
                break;
            }
        }
        Ok(match <[Box<str>; 1]>::try_from(names) {
            Ok([name]) => Step::Property(name),
            Err(names) => Step::Properties(names.into()),
        })
    }

    /// Text in either kind of quotes. A backslash stands before quotes, backslashes and `uXXXX`;
    /// before anything else it is text.
    fn quoted(&mut self) -> Result<String, JsonPathError> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return self.fault("a name in quotes is expected");
        };
        self.at += 1;
        let mut out = String::new();
        loop {
            let plain =
                self.take_while(|character| character != char::from(quote) && character != '\\');
            out.push_str(plain);
            match self.peek() {
                None => return self.fault("the closing quote is missing"),
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape());
                }
                Some(_) => {
                    self.at += 1;
                    return Ok(out);
                }
            }
        }
    }

    fn escape(&mut self) -> char {
        match self.peek() {
            Some(byte @ (b'\'' | b'"' | b'\\')) => {
                self.at += 1;
                char::from(byte)
            }
            Some(b'u') => {
                let digits = self.rest().get(1..5);
                let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                let Some(character) = code.and_then(char::from_u32) else {
                    return '\\';
                };
                self.at += 5;
                character
            }
            _ => '\\',
        }
    }

    /// `(@.length-1)`
    fn distance_from_end(&mut self) -> Result<Step, JsonPathError> {
        let fault = "brackets with parentheses are `[(@.length-1)]`";
        for piece in ["(", "@", ".", "length", "-"] {
            self.expect(piece, fault)?;
        }
        self.skip_space();
        let digits = self.take_while(|character| character.is_ascii_digit());
        // As Java's integers, and the same whether a position has 32 bits or 64.
        let Some(distance) = digits.parse::<i32>().ok().and_then(|it| it.try_into().ok()) else {
            return self.fault(fault);
        };
        self.expect(")", fault)?;
        Ok(Step::FromEnd(distance))
    }

    fn positions(&mut self) -> Result<Step, JsonPathError> {
        let first = self.position()?;
        self.skip_space();
        if self.take(":") {
            self.skip_space();
            let end = self.position()?;
            self.skip_space();
            // Jayway takes a step and ignores it.
            if self.take(":") {
                self.skip_space();
                self.position()?;
            }
            return match (first, end) {
                (None, None) => self.fault("a slice has a start or an end"),
                (start, end) => Ok(Step::Slice(start, end)),
            };
        }
        let mut positions = Vec::new();
        positions.extend(first);
        while self.take(",") {
            self.skip_space();
            match self.position()? {
                Some(position) => positions.push(position),
                None => return self.fault("a position is expected"),
            }
            self.skip_space();
        }
        if positions.is_empty() {
            return self.fault("a position is expected");
        }
        Ok(Step::Items(positions.into()))
    }

    fn position(&mut self) -> Result<Option<i64>, JsonPathError> {
        let start = self.at;
        let sign = self.take("-");
        let digits = self.take_while(|character| character.is_ascii_digit());
        if digits.is_empty() && !sign {
            return Ok(None);
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        match text.parse::<i32>() {
            Ok(position) => Ok(Some(i64::from(position))),
            Err(_) => self.fault("not a position"),
        }
    }

    /// `a || b && !c`
    fn condition(&mut self, depth: usize) -> Result<Filter, JsonPathError> {
        let Some(depth) = depth.checked_sub(1) else {
            return self.fault("the condition nests too deeply");
        };
        let mut any = Vec::new();
        loop {
            let mut all = Vec::new();
            loop {
                all.push(self.term(depth)?);
                self.skip_space();
                if !self.take("&&") {
                    break;
                }
            }
            any.push(Filter::All(all));
            if !self.take("||") {
                return Ok(Filter::Any(any));
            }
        }
    }

    fn term(&mut self, depth: usize) -> Result<Filter, JsonPathError> {
        self.skip_space();
        if self.take("!") {
            let Some(depth) = depth.checked_sub(1) else {
                return self.fault("the condition nests too deeply");
            };
            return Ok(Filter::Not(Box::new(self.term(depth)?)));
        }
        if self.take("(") {
            let inner = self.condition(depth)?;
            self.expect(")", "`)` is expected")?;
            return Ok(inner);
        }
        let left = self.operand()?;
        self.skip_space();
        if self.take("=~") {
            self.skip_space();
            return Ok(Filter::Matches(left, self.pattern()?));
        }
        let Some(operator) = self.operator() else {
            return match left {
                left @ Operand::Path { .. } => Ok(Filter::Exists(left)),
                _ => self.fault("a comparison is expected"),
            };
        };
        self.skip_space();
        let right = self.operand()?;
        Ok(Filter::Comparison {
            left,
            operator,
            right,
        })
    }

    /// `/pattern/`, with an `i` behind it when the case of letters does not count.
    fn pattern(&mut self) -> Result<Pattern, JsonPathError> {
        let start = self.at;
        if !self.take("/") {
            return self.fault("a pattern between slashes is expected");
        }
        let mut escaped = false;
        let text = self.take_while(|character| {
            let ends = character == '/' && !escaped;
            escaped = character == '\\' && !escaped;
            !ends
        });
        if !self.take("/") {
            return self.fault("the closing slash is missing");
        }
        let flags = if self.take("i") { "(?i)" } else { "" };
        Pattern::compile(&[flags, text].concat()).map_err(|_| JsonPathError {
            offset: start,
            reason: "not a regular expression of Java's",
        })
    }

    fn operator(&mut self) -> Option<Operator> {
        const SIGNS: [(&str, Operator); 6] = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        const WORDS: [(&str, Operator); 6] = [
            ("in", Operator::In),
            ("nin", Operator::NotIn),
            ("size", Operator::Size),
            ("empty", Operator::Empty),
            ("exists", Operator::Exists),
            ("contains", Operator::Contains),
        ];
        if let Some((_, operator)) = SIGNS.iter().find(|(sign, _)| self.take(sign)) {
            return Some(*operator);
        }
        let start = self.at;
        let word = self.take_while(|character| character.is_ascii_alphabetic());
        let found = WORDS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word));
        if found.is_none() {
            self.at = start;
        }
        found.map(|(_, operator)| *operator)
    }

    fn operand(&mut self) -> Result<Operand, JsonPathError> {
        match self.peek() {
            Some(root @ (b'@' | b'$')) => {
                let start = self.at;
                self.at += 1;
                let segments = self.segments(Within::Condition)?;
                let definite = segments
                    .iter()
                    .all(|segment| !segment.scan && segment.step.is_definite());
                if !definite {
                    self.at = start;
                    return self.fault("a path in a condition leads to one value");
                }
                Ok(Operand::Path {
                    of_document: root == b'$',
                    segments,
                })
            }
            Some(b'[') => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.skip_space();
                    if self.take("]") {
                        break;
                    }
                    items.push(self.literal()?);
                    self.skip_space();
                    if !self.take(",") {
                        self.expect("]", "`]` is expected")?;
                        break;
                    }
                }
                Ok(Operand::List(items))
            }
            _ => Ok(Operand::Literal(self.literal()?)),
        }
    }

    fn literal(&mut self) -> Result<Literal, JsonPathError> {
        if let Some(b'\'' | b'"') = self.peek() {
            return Ok(Literal::Text(self.quoted()?.into()));
        }
        let word = self.take_while(|character| {
            !matches!(
                character,
                '=' | '!' | '<' | '>' | '&' | '|' | ')' | ']' | ','
            ) && !character.is_ascii_whitespace()
        });
        Ok(match word {
            "" => return self.fault("a value is expected"),
            "null" => Literal::Null,
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            word => match Number::parse(word) {
                Some(number) => Literal::Number(number),
                None => Literal::Text(word.into()),
            },
        })
    }
}
