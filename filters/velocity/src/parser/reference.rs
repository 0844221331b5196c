//! References: `$name.property.method(argument)[index]`.

use super::{Parsed, Parser};
use crate::error::Position;
use crate::methods::constant_pattern;
use crate::syntax::{Expression, Form, Method, Prefix, Reference, Step};
use crate::token::Kind;

impl Parser<'_, '_> {
    /// A reference; the next token is its first.
    pub(super) fn reference(&mut self) -> Parsed<Reference> {
        let first = self.next;
        let position = self.position_of_next()?;
        let formal = self.peek(0)? == Kind::CurlyOpen;
        let mut steps = Vec::new();
        if formal {
            self.take()?;
        }
        self.expect(Kind::Identifier)?;
        self.indices(&mut steps)?;
        while self.peek(0)? == Kind::Dot && self.peek(1)? == Kind::Identifier {
            self.take()?;
            let step = if self.peek(1)? == Kind::ParenthesisOpen && self.arguments_follow()? {
                Step::Method(Box::new(self.nested(Self::method)?))
            } else {
                let name = self.take()?;
                Step::Property(self.image(name).into())
            };
            steps.push(step);
            self.indices(&mut steps)?;
        }
        if formal {
            self.expect(Kind::CurlyClose)?;
        }
        Ok(self.finish_reference(first, formal, steps, position))
    }

    /// `[index]`, as often as it stands there.
    fn indices(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        while self.peek(0)? == Kind::IndexOpen {
            self.take()?;
            let index = self.nested(Self::index)?;
            self.expect(Kind::IndexClose)?;
            steps.push(Step::Index(index));
        }
        Ok(())
    }

    /// Whether something that can stand in the parentheses of a method comes after its name.
    fn arguments_follow(&mut self) -> Parsed<bool> {
        let next = self.peek(2)?;
        Ok(next == Kind::MethodClose || starts_parameter(next))
    }

    fn method(&mut self) -> Parsed<Method> {
        let name = self.take()?;
        self.take()?;
        let mut arguments = Vec::new();
        if starts_parameter(self.peek(0)?) {
            arguments.push(self.parameter()?);
            while self.peek(0)? == Kind::Comma {
                self.take()?;
                arguments.push(self.parameter()?);
            }
        }
        self.expect(Kind::MethodClose)?;
        let name = self.image(name);
        let pattern = match arguments.first() {
            Some(Expression::String(text)) => constant_pattern(name, text),
            _ => None,
        };
        Ok(Method {
            name: name.into(),
            arguments: arguments.into(),
            pattern,
        })
    }

    /// Puts a reference together. What stands before its `$` in the same token comes off: half
    /// of the backslashes, and text such as the first `$` of `$$name`.
    fn finish_reference(
        &mut self,
        first: usize,
        formal: bool,
        steps: Vec<Step>,
        position: Position,
    ) -> Reference {
        let image = self.image(first).to_owned();
        if image.contains("\\!") {
            let literal = without_one_escape(&image);
            return Reference {
                root: self.compiler.slot(&literal),
                steps: Box::default(),
                form: Form::None,
                literal: literal.into(),
                prefix: None,
                position,
            };
        }
        let escapes = image.bytes().take_while(|byte| *byte == b'\\').count();
        let rest = image.get(escapes..).unwrap_or_default();
        let text = rest.rfind('$').unwrap_or(0);
        let prefix = (escapes > 0 || text > 0).then(|| {
            Box::new(Prefix {
                escapes: "\\".repeat(escapes / 2).into(),
                text: rest.get(..text).unwrap_or_default().into(),
                escaped: escapes % 2 == 1,
            })
        });
        if let Some(token) = self.tokens.get_mut(first) {
            token.start += escapes + text;
        }
        let image = rest.get(text..).unwrap_or_default();
        if !image.starts_with('$') {
            return Reference {
                root: self.compiler.slot(image),
                steps: Box::default(),
                form: Form::Runt,
                literal: image.into(),
                prefix: None,
                position,
            };
        }
        let quiet = image.starts_with("$!");
        let root = match (quiet, formal) {
            (_, true) => self.image(first + 1),
            (true, false) => image.get(2..).unwrap_or_default(),
            (false, false) => image.get(1..).unwrap_or_default(),
        }
        .to_owned();
        let escaped = prefix.as_ref().is_some_and(|prefix| prefix.escaped);
        let literal = match quiet && !escaped {
            true => Box::default(),
            false => self.literal(first),
        };
        let form = match steps.is_empty() && !formal && !quiet {
            true => Form::Name,
            false => Form::Other,
        };
        Reference {
            root: self.compiler.slot(&root),
            steps: steps.into(),
            form,
            literal,
            prefix,
            position,
        }
    }
}

/// `$\!name` without the last of the backslashes after `$`.
fn without_one_escape(image: &str) -> String {
    let dollar = image.find('$').unwrap_or(0);
    let after = image.get(dollar..).unwrap_or_default();
    let Some(escape) = after.find('\\').map(|escape| dollar + escape) else {
        return image.to_owned();
    };
    let mut literal = image.to_owned();
    literal.remove(escape);
    literal
}

/// Whether an argument of a method can start so.
pub(super) fn starts_parameter(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Blank
            | Kind::String
            | Kind::Integer
            | Kind::Float
            | Kind::ListOpen
            | Kind::MapOpen
            | Kind::True
            | Kind::False
            | Kind::Identifier
            | Kind::CurlyOpen
    )
}
