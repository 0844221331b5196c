//! Directives: `#set`, `#foreach`, `#define`, `#macro`, `#break`, `#stop`, `#literal`, and calls
//! of macros.

use super::{Builder, Parsed, Parser};
use crate::error::Position;
use crate::lexer::State;
use crate::syntax::{Argument, Call, Expression, Foreach, Macro, Node, Set, Slot};
use crate::token::Kind;

/// Whether Velocity has a directive of that name.
pub(super) fn is_built_in(name: &str) -> bool {
    is_block(name) || matches!(name, "include" | "parse" | "evaluate" | "break" | "stop")
}

/// Whether a directive goes on until its `#end`.
fn is_block(name: &str) -> bool {
    matches!(name, "foreach" | "macro" | "literal" | "define")
}

/// What stands in the parentheses of a directive.
enum Given {
    Word,
    Value(Expression),
}

/// One of them, and which tokens it is.
struct Parameter {
    given: Given,
    first: usize,
    end: usize,
}

/// Where a directive starts.
#[derive(Clone, Copy)]
struct Start {
    first: usize,
    position: Position,
}

impl Parser<'_, '_> {
    pub(super) fn set(&mut self) -> Parsed<Set> {
        self.take()?;
        self.skip_blanks()?;
        match self.peek(0)? {
            Kind::Identifier | Kind::CurlyOpen => {}
            _ => return self.fail("`#set` assigns to a reference"),
        }
        let first = self.next;
        let mut target = self.reference()?;
        if target.steps.is_empty() {
            // Velocity assigns to what comes after the `$`, whatever it is.
            let mut image = self.image(first).chars();
            image.next();
            let name = image.as_str().to_owned();
            target.root = self.compiler.slot(&name);
        }
        self.skip_blanks()?;
        self.expect(Kind::Assign)?;
        let value = self.expression()?;
        self.expect(Kind::ParenthesisClose)?;
        self.lexer.in_set = false;
        Ok(Set { target, value })
    }

    /// A directive, or something that looks like one.
    pub(super) fn directive(&mut self, block: &mut Builder) -> Parsed<()> {
        let position = self.position_of_next()?;
        let first = self.take()?;
        let image = self.image(first);
        let name = match self.tokens.get(first).map(|token| token.kind) {
            Some(Kind::BracketedWord) => {
                let end = image.len().saturating_sub(1);
                image.get(2..end)
            }
            _ => image.get(1..),
        };
        let name = name.unwrap_or_default().to_owned();
        // What follows is read differently from here on.
        self.lexer.switch_to(State::Directive);
        if !self.lexer.parenthesis_follows() {
            if name == "macro" {
                return self.fail_at(first, "`#macro` needs a name: `#macro(name $parameter)`");
            }
            self.lexer.pop();
            return self.bare_directive(Start { first, position }, &name, block);
        }
        let start = Start { first, position };
        let parameters = self.parameters(first, &name)?;
        if let Some(name) = name.strip_prefix('@') {
            return self.block_call(start, name, parameters, block);
        }
        match name.as_str() {
            "foreach" => self.foreach(start, parameters, block),
            "define" => self.define(first, &parameters, block),
            "macro" => self.macro_definition(first, &parameters),
            "literal" => self.literal_block(block),
            "break" => {
                let argument = self.only_argument(first, "break", parameters)?;
                block.push(Node::Break(argument.map(Box::new)));
                Ok(())
            }
            "stop" => {
                self.only_argument(first, "stop", parameters)?;
                block.push(Node::Stop);
                Ok(())
            }
            "include" | "parse" | "evaluate" => self.refuse(first, &name),
            _ => {
                let node = self.call(start, &name, parameters, None);
                block.push(node);
                Ok(())
            }
        }
    }

    /// A directive without parentheses.
    fn bare_directive(&mut self, start: Start, name: &str, block: &mut Builder) -> Parsed<()> {
        let first = start.first;
        match name {
            "break" => block.push(Node::Break(None)),
            "stop" => block.push(Node::Stop),
            "include" | "parse" | "evaluate" => return self.refuse(first, name),
            name if is_built_in(name) => {
                return self.fail_at(first, format!("`#{name}` needs arguments in parentheses"));
            }
            name if name.starts_with('@') => {
                block.text("#");
                block.text(name);
            }
            name => {
                let node = self.call(start, name, Vec::new(), None);
                block.push(node);
            }
        }
        Ok(())
    }

    fn refuse(&self, first: usize, name: &str) -> Parsed<()> {
        let why = match name {
            "evaluate" => "text of a request could run as a template",
            _ => "there are no other files beside a template",
        };
        self.fail_at(first, format!("`#{name}` is not available: {why}"))
    }

    /// What stands in the parentheses of a directive.
    fn parameters(&mut self, directive: usize, name: &str) -> Parsed<Vec<Parameter>> {
        self.skip_blanks()?;
        self.expect(Kind::ParenthesisOpen)?;
        let mut parameters: Vec<Parameter> = Vec::new();
        while self.parameter_follows()? {
            self.skip_blanks()?;
            if self.peek(0)? == Kind::Comma {
                self.take()?;
                self.skip_blanks()?;
            }
            let first = self.next;
            let given = match self.peek(0)? {
                Kind::Word => {
                    self.take()?;
                    Given::Word
                }
                _ => Given::Value(self.operand()?),
            };
            let end = self.next;
            let place = parameters.len();
            let named = name == "macro" && place == 0;
            match given {
                Given::Word if named || !is_built_in(name) => {}
                Given::Word if name == "foreach" && place == 1 => {}
                Given::Word => {
                    return self.fail_at(
                        first,
                        format!("`#{name}` does not take a bare word: put it into quotes"),
                    );
                }
                Given::Value(_) if named => {
                    return self.fail_at(directive, "the name of a macro is a bare word");
                }
                Given::Value(_) => {}
            }
            parameters.push(Parameter { given, first, end });
        }
        self.skip_blanks()?;
        self.expect(Kind::ParenthesisClose)?;
        Ok(parameters)
    }

    /// Looks at two tokens for one more argument.
    fn parameter_follows(&mut self) -> Parsed<bool> {
        let mut next = self.peek(0)?;
        if matches!(next, Kind::Blank | Kind::Comma) {
            let blank = next == Kind::Blank;
            next = self.peek(1)?;
            if matches!((blank, next), (true, Kind::Comma) | (false, Kind::Blank)) {
                return Ok(true);
            }
        }
        Ok(matches!(
            next,
            Kind::Identifier
                | Kind::CurlyOpen
                | Kind::Word
                | Kind::String
                | Kind::Integer
                | Kind::Float
                | Kind::ListOpen
                | Kind::MapOpen
                | Kind::True
                | Kind::False
        ))
    }

    fn only_argument(
        &mut self,
        first: usize,
        name: &str,
        parameters: Vec<Parameter>,
    ) -> Parsed<Option<Argument>> {
        if parameters.len() > 1 {
            return self.fail_at(first, format!("`#{name}` takes one argument"));
        }
        let mut arguments = self.arguments(parameters).0;
        Ok(arguments.pop())
    }

    fn foreach(
        &mut self,
        start: Start,
        parameters: Vec<Parameter>,
        block: &mut Builder,
    ) -> Parsed<()> {
        let mut given = parameters.into_iter().map(|parameter| parameter.given);
        let (slot, items) = match (given.next(), given.next(), given.next(), given.next()) {
            (
                Some(Given::Value(Expression::Reference(item))),
                Some(_),
                Some(Given::Value(items)),
                None,
            ) => (item.root, items),
            // Velocity takes the block for the items, which are none then.
            (Some(_), Some(_), None, None) => {
                self.statements()?;
                self.expect(Kind::EndDirective)?;
                return Ok(());
            }
            _ => {
                return self.fail_at(
                    start.first,
                    "`#foreach` is written `#foreach($item in $items)`",
                );
            }
        };
        let body = self.statements()?;
        self.expect(Kind::EndDirective)?;
        block.push(Node::Foreach(Box::new(Foreach {
            slot,
            items,
            block: body,
            position: start.position,
        })));
        Ok(())
    }

    fn define(
        &mut self,
        first: usize,
        parameters: &[Parameter],
        block: &mut Builder,
    ) -> Parsed<()> {
        let [parameter] = parameters else {
            return self.fail_at(first, "`#define` is written `#define($name)`");
        };
        let slot = self.name_after_dollar(parameter.first);
        let body = self.statements()?;
        self.expect(Kind::EndDirective)?;
        let body = self.compiler.block(body);
        block.push(Node::Define { slot, block: body });
        Ok(())
    }

    /// The variable that a token names without its first character.
    fn name_after_dollar(&mut self, token: usize) -> Slot {
        let mut image = self.image(token).chars();
        image.next();
        let name = image.as_str().to_owned();
        self.compiler.slot(&name)
    }

    fn macro_definition(&mut self, first: usize, parameters: &[Parameter]) -> Parsed<()> {
        let Some((name, parameters)) = parameters.split_first() else {
            return self.fail_at(first, "`#macro` needs a name: `#macro(name $parameter)`");
        };
        let name = self.image(name.first).to_owned();
        let parameters = parameters
            .iter()
            .map(|parameter| {
                let image = self.image(parameter.first);
                let name = image.strip_prefix('$').unwrap_or(image).to_owned();
                self.compiler.slot(&name)
            })
            .collect();
        let block = self.statements()?;
        self.expect(Kind::EndDirective)?;
        let number = self.compiler.macro_number(&name);
        // The first definition of a name counts, as in Velocity.
        if let Some(free @ None) = self.compiler.macros.get_mut(number as usize) {
            *free = Some(Macro { parameters, block });
        }
        Ok(())
    }

    /// `#literal() … #end`: what stands in it is text.
    fn literal_block(&mut self, block: &mut Builder) -> Parsed<()> {
        let first = self.next;
        self.statements()?;
        block.text(&self.literal(first));
        self.expect(Kind::EndDirective)?;
        Ok(())
    }

    /// `#@name(argument …) … #end`.
    fn block_call(
        &mut self,
        start: Start,
        name: &str,
        parameters: Vec<Parameter>,
        block: &mut Builder,
    ) -> Parsed<()> {
        let body = self.statements()?;
        self.expect(Kind::EndDirective)?;
        let body = self.compiler.block(body);
        let node = self.call(start, name, parameters, Some(body));
        block.push(node);
        Ok(())
    }

    /// A call of a macro; all of its tokens have been taken.
    fn call(
        &mut self,
        start: Start,
        name: &str,
        parameters: Vec<Parameter>,
        body: Option<u32>,
    ) -> Node {
        let mut literal = String::new();
        for token in start.first..self.next {
            literal.push_str(self.image(token));
        }
        let (arguments, bare_word) = self.arguments(parameters);
        Node::Call(Box::new(Call {
            name: self.compiler.macro_number(name),
            arguments: arguments.into(),
            body,
            literal: literal.into(),
            bare_word,
            position: start.position,
        }))
    }

    /// The values among what was given, and whether there was a bare word.
    fn arguments(&self, parameters: Vec<Parameter>) -> (Vec<Argument>, bool) {
        let count = parameters.len();
        let arguments: Vec<Argument> = parameters
            .into_iter()
            .filter_map(|parameter| match parameter.given {
                Given::Word => None,
                Given::Value(value) => Some(Argument {
                    literal: self.literal_of(parameter.first, parameter.end),
                    value,
                }),
            })
            .collect();
        let bare_word = arguments.len() < count;
        (arguments, bare_word)
    }
}
