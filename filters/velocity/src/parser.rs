//! Compiles a template: Velocity's grammar, token by token.
//!
//! How far the parser looks ahead matters, as some productions change what the next characters
//! mean. Where it looks at more than one token here, Velocity's grammar does so too.

mod directive;
mod expression;
mod reference;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Fault, ParseError, Position};
use crate::lexer::Lexer;
use crate::syntax::{Block, If, Macro, Node, Program, Slot};
use crate::token::{Kind, Token};

/// How deep blocks, strings with references, lists and parentheses may stand within each other.
/// A filter's stack is small.
const MAX_NESTING: u32 = 64;

/// Compiles a template.
///
/// # Errors
///
/// The first place where the text is no template.
pub(crate) fn parse(text: &str) -> Result<Program, ParseError> {
    let mut compiler = Compiler::default();
    let start = Position { line: 1, column: 1 };
    let body = compiler.template(text, start)?;
    let find = |name: &str| compiler.slots.get(name).copied();
    Ok(Program {
        body,
        foreach: find("foreach"),
        count: find("velocityCount"),
        has_next: find("velocityHasNext"),
        body_content: find("bodyContent"),
        variables: compiler.variables,
        macros: compiler.macros,
        blocks: compiler.blocks,
    })
}

/// What the template and the templates in its strings share.
#[derive(Default)]
struct Compiler {
    variables: Vec<Arc<str>>,
    slots: HashMap<Arc<str>, Slot>,
    macros: Vec<Option<Macro>>,
    macro_numbers: HashMap<Box<str>, u32>,
    blocks: Vec<Block>,
    nesting: u32,
}

impl Compiler {
    /// Compiles a template that starts at a place of the whole.
    fn template(&mut self, text: &str, start: Position) -> Result<Block, ParseError> {
        let mut parser = Parser {
            source: text,
            lexer: Lexer::new(text),
            tokens: Vec::new(),
            next: 0,
            start,
            known: Cell::new((0, start)),
            compiler: self,
        };
        let outcome = parser.whole();
        match outcome {
            Ok(block) => Ok(block),
            Err(Failure::Here(fault)) => {
                let Position { line, column } = parser.position(fault.offset);
                let message = fault.message;
                Err(ParseError {
                    line,
                    column,
                    message,
                })
            }
            Err(Failure::Within(error)) => Err(error),
        }
    }

    fn slot(&mut self, name: &str) -> Slot {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        let slot = number(self.variables.len());
        let name: Arc<str> = name.into();
        self.variables.push(name.clone());
        self.slots.insert(name, slot);
        slot
    }

    fn macro_number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.macro_numbers.get(name) {
            return *number;
        }
        let number = number(self.macros.len());
        self.macros.push(None);
        self.macro_numbers.insert(name.into(), number);
        number
    }

    fn block(&mut self, block: Block) -> u32 {
        self.blocks.push(block);
        number(self.blocks.len() - 1)
    }
}

/// There are fewer than 2³² of anything: a template has fewer bytes.
fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Why a template cannot be compiled.
enum Failure {
    /// At a place of this text.
    Here(Fault),
    /// In a string of this text.
    Within(ParseError),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Here(fault)
    }
}

type Parsed<T> = Result<T, Failure>;

struct Parser<'s, 'c> {
    source: &'s str,
    lexer: Lexer<'s>,
    /// What has been read so far.
    tokens: Vec<Token>,
    /// The position in `tokens` of the token to look at next.
    next: usize,
    /// Where the text starts in the whole template.
    start: Position,
    /// A place whose line and column are known: places are asked for nearly in order.
    known: Cell<(usize, Position)>,
    compiler: &'c mut Compiler,
}

impl Parser<'_, '_> {
    /// What the token after `ahead` others is.
    fn peek(&mut self, ahead: usize) -> Parsed<Kind> {
        let wanted = self.next + ahead;
        while self.tokens.len() <= wanted {
            let token = self.lexer.next()?;
            self.tokens.push(token);
        }
        Ok(self
            .tokens
            .get(wanted)
            .map_or(Kind::End, |token| token.kind))
    }

    /// Takes the next token, whatever it is, and returns its position in `tokens`.
    fn take(&mut self) -> Parsed<usize> {
        self.peek(0)?;
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Takes a token that has to be there.
    fn expect(&mut self, kind: Kind) -> Parsed<usize> {
        let found = self.peek(0)?;
        if found == kind {
            return self.take();
        }
        let wanted = kind.name();
        let found = found.name();
        self.fail(format!("expected {wanted}, found {found}"))
    }

    fn skip_blanks(&mut self) -> Parsed<()> {
        if self.peek(0)? == Kind::Blank {
            self.take()?;
        }
        Ok(())
    }

    /// A fault at the next token.
    fn fail<T>(&self, message: impl Into<Box<str>>) -> Parsed<T> {
        let offset = self
            .tokens
            .get(self.next)
            .map_or(self.source.len(), |token| token.start);
        Err(Fault::new(offset, message).into())
    }

    /// A fault at a token that was taken.
    fn fail_at<T>(&self, token: usize, message: impl Into<Box<str>>) -> Parsed<T> {
        let offset = self.tokens.get(token).map_or(0, |token| token.start);
        Err(Fault::new(offset, message).into())
    }

    /// Goes one level down, if there may be one more.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.compiler.nesting >= MAX_NESTING {
            return self.fail(format!("this is nested deeper than {MAX_NESTING} levels"));
        }
        self.compiler.nesting += 1;
        let outcome = inner(self);
        self.compiler.nesting -= 1;
        outcome
    }

    /// Where in the whole template a place of this text is.
    fn position(&self, offset: usize) -> Position {
        let (mut from, mut position) = self.known.get();
        if offset < from {
            (from, position) = (0, self.start);
        }
        for character in self.source.get(from..offset).unwrap_or_default().chars() {
            if character == '\n' {
                position.line = position.line.saturating_add(1);
                position.column = 1;
            } else {
                position.column = position.column.saturating_add(1);
            }
        }
        self.known.set((offset, position));
        position
    }

    /// Where the next token is.
    fn position_of_next(&mut self) -> Parsed<Position> {
        self.peek(0)?;
        Ok(self.position_of(self.next))
    }

    fn position_of(&self, token: usize) -> Position {
        self.position(self.tokens.get(token).map_or(0, |token| token.start))
    }

    /// A token's own text.
    fn image(&self, token: usize) -> &str {
        let Some(token) = self.tokens.get(token) else {
            return "";
        };
        match &token.image {
            Some(image) => image,
            None => self.source.get(token.start..token.end).unwrap_or_default(),
        }
    }

    /// What a token prints as text, with what was left of broken references before it.
    fn push_literal(&self, token: usize, out: &mut String) {
        if let Some(token) = self.tokens.get(token) {
            if token.kind == Kind::CommentEnd {
                return;
            }
            out.push_str(&token.stray);
        }
        out.push_str(self.image(token));
    }

    /// What the tokens from `first` up to the present one print as text.
    fn literal(&self, first: usize) -> Box<str> {
        self.literal_of(first, self.next)
    }

    fn literal_of(&self, first: usize, end: usize) -> Box<str> {
        let mut text = String::new();
        for token in first..end {
            self.push_literal(token, &mut text);
        }
        text.into()
    }

    fn whole(&mut self) -> Parsed<Block> {
        let block = self.statements()?;
        match self.peek(0)? {
            Kind::End => Ok(block),
            Kind::EndDirective => self.fail("there is nothing that this `#end` ends"),
            Kind::Else | Kind::ElseIf => self.fail("there is no `#if` before this"),
            found => self.fail(format!("did not expect {}", found.name())),
        }
    }

    /// What stands in a block.
    fn statements(&mut self) -> Parsed<Block> {
        let mut block = Builder::default();
        while self.statement(&mut block)? {}
        Ok(block.finish())
    }

    /// One statement; false when no statement starts here.
    fn statement(&mut self, block: &mut Builder) -> Parsed<bool> {
        match self.peek(0)? {
            Kind::If => {
                let node = self.nested(Self::if_statement)?;
                block.push(Node::If(Box::new(node)));
            }
            Kind::Identifier => {
                // Velocity looks at the token after it.
                self.peek(1)?;
                let reference = self.reference()?;
                block.push(Node::Reference(Box::new(reference)));
            }
            Kind::CurlyOpen if self.peek(1)? == Kind::Identifier => {
                let reference = self.reference()?;
                block.push(Node::Reference(Box::new(reference)));
            }
            Kind::LineComment => {
                let comment = self.take()?;
                self.comment(comment, block);
                if self.peek(0)? == Kind::LineCommentEnd {
                    self.take()?;
                }
            }
            Kind::CommentEnd | Kind::FormalCommentEnd => {
                let comment = self.take()?;
                self.comment(comment, block);
            }
            Kind::Unparsed => {
                let token = self.take()?;
                let image = self.image(token);
                let end = image.len().saturating_sub(3);
                block.text(image.get(3..end).unwrap_or_default());
            }
            Kind::Set => {
                let node = self.nested(Self::set)?;
                block.push(Node::Set(Box::new(node)));
            }
            Kind::EscapedDirective => {
                let token = self.take()?;
                let image = self.escaped_directive(token);
                block.text(&image);
                if let Some(token) = self.tokens.get_mut(token) {
                    token.image = Some(image);
                }
            }
            Kind::DoubleEscape => self.escapes(block)?,
            Kind::Word | Kind::BracketedWord => {
                self.nested(|parser| parser.directive(block))?;
            }
            Kind::Text
            | Kind::Dot
            | Kind::ParenthesisOpen
            | Kind::ParenthesisClose
            | Kind::Integer
            | Kind::Float
            | Kind::String
            | Kind::Escape
            | Kind::CurlyOpen
            | Kind::CurlyClose
            | Kind::EmptyIndex => {
                let token = self.take()?;
                self.push_literal(token, block.open_text());
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What stands before a comment in the same token, such as the `$!` of `$!##`.
    fn comment(&self, token: usize, block: &mut Builder) {
        let image = self.image(token);
        let start = image.find("##").or_else(|| image.find("#*"));
        if let Some(before) = start.and_then(|start| image.get(..start)) {
            block.text(before);
        }
    }

    /// Backslashes before a directive count half; elsewhere they are text.
    fn escapes(&mut self, block: &mut Builder) -> Parsed<()> {
        let mut count = 0_usize;
        while self.peek(0)? == Kind::DoubleEscape {
            self.take()?;
            count += 1;
        }
        let next = self.peek(0)?;
        let mut name = self.image(self.next).chars();
        name.next();
        let directive = matches!(
            next,
            Kind::If | Kind::Else | Kind::ElseIf | Kind::EndDirective
        ) || self.is_directive(name.as_str());
        let escape = if directive { "\\" } else { "\\\\" };
        block.text(&escape.repeat(count));
        Ok(())
    }

    /// What an escaped directive prints: without half of its backslashes when there is such a
    /// directive, as it is otherwise.
    fn escaped_directive(&self, token: usize) -> Box<str> {
        let image = self.image(token);
        let Some((escapes, directive)) = image.rsplit_once('\\') else {
            return image.into();
        };
        let name = directive.strip_prefix('#').unwrap_or(directive);
        let name = name
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
            .unwrap_or(name);
        let known = matches!(name, "if" | "end" | "set" | "else" | "elseif");
        if !known && !self.is_directive(name) {
            return image.into();
        }
        let kept = escapes.get(..escapes.len() / 2).unwrap_or_default();
        [kept, directive].concat().into()
    }

    /// Whether a name is that of a directive, or of a macro that stands further up.
    fn is_directive(&self, name: &str) -> bool {
        let number = self.compiler.macro_numbers.get(name);
        let defined = number.and_then(|number| self.compiler.macros.get(*number as usize));
        directive::is_built_in(name) || defined.is_some_and(Option::is_some)
    }

    fn if_statement(&mut self) -> Parsed<If> {
        let mut branches = Vec::new();
        loop {
            self.take()?;
            self.skip_blanks()?;
            self.expect(Kind::ParenthesisOpen)?;
            let condition = self.expression()?;
            self.expect(Kind::ParenthesisClose)?;
            branches.push((condition, self.statements()?));
            if self.peek(0)? != Kind::ElseIf {
                break;
            }
        }
        let mut otherwise = Block::default();
        if self.peek(0)? == Kind::Else {
            self.take()?;
            otherwise = self.statements()?;
        }
        self.expect(Kind::EndDirective)?;
        Ok(If {
            branches: branches.into(),
            otherwise,
        })
    }
}

/// A block that is being read: texts that follow each other become one.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    text: String,
}

impl Builder {
    fn push(&mut self, node: Node) {
        self.close_text();
        self.nodes.push(node);
    }

    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn open_text(&mut self) -> &mut String {
        &mut self.text
    }

    fn close_text(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.nodes.push(Node::Text(text.into()));
        }
    }

    fn finish(mut self) -> Block {
        self.close_text();
        self.nodes.into()
    }
}
