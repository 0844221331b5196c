//! Expressions: operators, literals, lists, maps and ranges.

use std::sync::Arc;

use super::reference::starts_parameter;
use super::{Failure, Parsed, Parser};
use crate::syntax::{Chain, Expression, Node, Operand, Operator, StringTemplate};
use crate::token::Kind;

/// The operators, weakest first; those on one line are equally strong.
const PRECEDENCE: [&[(Kind, Operator)]; 6] = [
    &[(Kind::Or, Operator::Or)],
    &[(Kind::And, Operator::And)],
    &[
        (Kind::Equal, Operator::Equal),
        (Kind::NotEqual, Operator::NotEqual),
    ],
    &[
        (Kind::Less, Operator::Less),
        (Kind::LessOrEqual, Operator::LessOrEqual),
        (Kind::Greater, Operator::Greater),
        (Kind::GreaterOrEqual, Operator::GreaterOrEqual),
    ],
    &[
        (Kind::Plus, Operator::Add),
        (Kind::Minus, Operator::Subtract),
    ],
    &[
        (Kind::Multiply, Operator::Multiply),
        (Kind::Divide, Operator::Divide),
        (Kind::Modulo, Operator::Modulo),
    ],
];

/// An expression and the tokens that Velocity takes for its text.
struct Spanned {
    value: Expression,
    first: usize,
    end: usize,
}

impl Parser<'_, '_> {
    /// An expression, with the blanks around it.
    pub(super) fn expression(&mut self) -> Parsed<Expression> {
        let spanned = self.nested(|parser| parser.chain(&PRECEDENCE))?;
        Ok(spanned.value)
    }

    /// Operands and the operators of one precedence between them.
    fn chain(&mut self, precedence: &[&[(Kind, Operator)]]) -> Parsed<Spanned> {
        let Some((operators, stronger)) = precedence.split_first() else {
            return self.unary();
        };
        let mut first = self.chain(stronger)?;
        let mut rest = Vec::new();
        let mut last = (first.first, first.end);
        while let Some(operator) = self.operator(operators)? {
            self.take()?;
            let start = self.next;
            let operand = self.chain(stronger)?;
            let adds = operator == Operator::Add;
            rest.push(Operand {
                operator,
                literal: self.text_of(adds, &operand),
                scope: match adds {
                    true => self.literal_of(last.0, last.1),
                    false => Box::default(),
                },
                value: operand.value,
            });
            last = (start, self.next);
        }
        if rest.is_empty() {
            return Ok(first);
        }
        first.value = Expression::Chain(Box::new(Chain {
            first: first.value,
            rest: rest.into(),
        }));
        (first.first, first.end) = last;
        Ok(first)
    }

    /// The text of an operand that may turn out to have no value.
    fn text_of(&self, adds: bool, operand: &Spanned) -> Box<str> {
        let may_be_null = matches!(
            operand.value,
            Expression::Reference(_) | Expression::Chain(_) | Expression::Range(_)
        );
        match adds && may_be_null {
            true => self.literal_of(operand.first, operand.end),
            false => Box::default(),
        }
    }

    fn operator(&mut self, operators: &[(Kind, Operator)]) -> Parsed<Option<Operator>> {
        let next = self.peek(0)?;
        let found = operators.iter().find(|(kind, _)| *kind == next);
        Ok(found.map(|(_, operator)| *operator))
    }

    fn unary(&mut self) -> Parsed<Spanned> {
        let first = self.next;
        let mut negations = 0_usize;
        loop {
            let negation = match self.peek(0)? {
                Kind::Not => 1,
                Kind::Blank if self.peek(1)? == Kind::Not => 2,
                _ => break,
            };
            for _ in 0..negation {
                self.take()?;
            }
            negations += 1;
        }
        let operand = self.primary()?;
        // Two of them still make a boolean of what is none.
        let value = match negations {
            0 => return Ok(operand),
            odd if odd % 2 == 1 => Expression::Not(Box::new(operand.value)),
            _ => Expression::Not(Box::new(Expression::Not(Box::new(operand.value)))),
        };
        Ok(Spanned {
            value,
            first,
            end: self.next,
        })
    }

    fn primary(&mut self) -> Parsed<Spanned> {
        self.skip_blanks()?;
        let mut first = self.next;
        let mut end = None;
        let value = if self.peek(0)? == Kind::ParenthesisOpen {
            self.take()?;
            first = self.next;
            let value = self.expression()?;
            end = Some(self.next);
            self.expect(Kind::ParenthesisClose)?;
            value
        } else {
            self.nested(Self::operand)?
        };
        let end = end.unwrap_or(self.next);
        self.skip_blanks()?;
        Ok(Spanned { value, first, end })
    }

    /// An argument of a method, an item of a list, with the blanks around it.
    pub(super) fn parameter(&mut self) -> Parsed<Expression> {
        self.skip_blanks()?;
        let value = self.nested(Self::operand)?;
        self.skip_blanks()?;
        Ok(value)
    }

    /// What stands in `[…]` after a reference.
    pub(super) fn index(&mut self) -> Parsed<Expression> {
        self.skip_blanks()?;
        let value = match self.peek(0)? {
            Kind::String
            | Kind::Integer
            | Kind::True
            | Kind::False
            | Kind::Identifier
            | Kind::CurlyOpen => self.operand()?,
            _ => return self.fail("an index is a string, an integer or a reference"),
        };
        self.skip_blanks()?;
        Ok(value)
    }

    /// A value without blanks around it and without operators.
    pub(super) fn operand(&mut self) -> Parsed<Expression> {
        match self.peek(0)? {
            Kind::String => {
                let token = self.take()?;
                self.string(token)
            }
            Kind::Identifier | Kind::CurlyOpen => {
                Ok(Expression::Reference(Box::new(self.reference()?)))
            }
            Kind::Integer => {
                let token = self.take()?;
                let text = self.image(token);
                match text.parse() {
                    Ok(integer) => Ok(Expression::Integer(integer)),
                    // After a stray `#`.
                    Err(_) if text.starts_with('#') => self.fail_at(token, "this is no number"),
                    Err(_) => Ok(Expression::Big(plain_integer(text))),
                }
            }
            Kind::Float => {
                let token = self.take()?;
                match self.image(token).parse() {
                    Ok(double) => Ok(Expression::Double(double)),
                    Err(_) => self.fail_at(token, "this is no number"),
                }
            }
            Kind::ListOpen => self.list(),
            Kind::MapOpen => self.map(),
            Kind::True => {
                self.take()?;
                Ok(Expression::Boolean(true))
            }
            Kind::False => {
                self.take()?;
                Ok(Expression::Boolean(false))
            }
            Kind::ParenthesisClose | Kind::MethodClose | Kind::Comma => {
                self.fail("a value is missing here")
            }
            found => self.fail(format!("expected a value, found {}", found.name())),
        }
    }

    /// `[a, b]`, or the range `[a..b]`.
    fn list(&mut self) -> Parsed<Expression> {
        self.take()?;
        let mut items = Vec::new();
        if self.peek(0)? != Kind::ListClose {
            items.push(self.parameter()?);
            if self.peek(0)? == Kind::DoubleDot {
                let ends = [items.pop(), Some(self.range_end()?)];
                self.expect(Kind::ListClose)?;
                return match ends {
                    [
                        Some(from @ (Expression::Reference(_) | Expression::Integer(_))),
                        Some(to @ (Expression::Reference(_) | Expression::Integer(_))),
                    ] => Ok(Expression::Range(Box::new((from, to)))),
                    _ => self.fail("a range goes from an integer or a reference to another"),
                };
            }
            while self.peek(0)? == Kind::Comma {
                self.take()?;
                items.push(self.parameter()?);
            }
        }
        self.expect(Kind::ListClose)?;
        Ok(Expression::List(items.into()))
    }

    fn range_end(&mut self) -> Parsed<Expression> {
        self.take()?;
        self.parameter()
    }

    /// `{key: value, …}`.
    fn map(&mut self) -> Parsed<Expression> {
        self.take()?;
        let mut entries = Vec::new();
        let next = self.peek(0)?;
        let empty = match next {
            Kind::Blank => !starts_parameter(self.peek(1)?),
            _ => !starts_parameter(next),
        };
        if empty {
            self.skip_blanks()?;
        } else {
            loop {
                let key = self.parameter()?;
                self.expect(Kind::Colon)?;
                entries.push((key, self.parameter()?));
                if self.peek(0)? != Kind::Comma {
                    break;
                }
                self.take()?;
            }
        }
        if self.peek(0)? == Kind::CurlyClose {
            self.take()?;
        } else {
            self.expect(Kind::MapClose)?;
        }
        Ok(Expression::Map(entries.into()))
    }

    /// `'text'`, `"text with $references"`.
    fn string(&mut self, token: usize) -> Parsed<Expression> {
        let image = self.image(token);
        let double = image.starts_with('"');
        let is_template = double && image.contains(['$', '#']);
        let end = image.len().saturating_sub(1);
        let content = image.get(1..end).unwrap_or_default();
        let text = match double {
            true => match unescape(content) {
                Some(text) => text.replace("\"\"", "\""),
                None => return self.fail_at(token, "four hexadecimal digits come after `\\u`"),
            },
            false => content.replace("''", "'"),
        };
        if !is_template {
            return Ok(Expression::String(text.into()));
        }
        let mut start = self.position_of(token);
        start.column = start.column.saturating_add(1);
        // So that the string does not end in the middle of a reference or a directive.
        let padded = !text.contains("##");
        let text = match padded {
            true => text + " ",
            false => text,
        };
        let block = self.nested(|parser| {
            let block = parser.compiler.template(&text, start);
            block.map_err(Failure::Within)
        })?;
        if let ([] | [Node::Text(_)], constant) = (&*block, padded) {
            let mut text = match block.first() {
                Some(Node::Text(text)) => String::from(&**text),
                _ => String::new(),
            };
            if constant {
                text.pop();
            }
            return Ok(Expression::String(text.into()));
        }
        Ok(Expression::Template(Box::new(StringTemplate {
            block,
            padded,
        })))
    }
}

/// An integer's digits without zeros in front.
fn plain_integer(text: &str) -> Arc<str> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    [sign, digits.trim_start_matches('0')].concat().into()
}

/// Replaces `\u0041`; None when there are not four digits.
fn unescape(text: &str) -> Option<String> {
    let mut pieces = text.split("\\u");
    let mut result = pieces.next().unwrap_or_default().to_owned();
    let mut units: Vec<u16> = Vec::new();
    for piece in pieces {
        let digits = piece.get(..4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        units.push(u16::from_str_radix(digits, 16).ok()?);
        let rest = piece.get(4..)?;
        if !rest.is_empty() {
            push_units(&mut units, &mut result);
            result.push_str(rest);
        }
    }
    push_units(&mut units, &mut result);
    Some(result)
}

/// Two halves of a character may come one after the other.
fn push_units(units: &mut Vec<u16>, out: &mut String) {
    let decoded = char::decode_utf16(units.drain(..));
    out.extend(decoded.map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
}
