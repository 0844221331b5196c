//! Cuts a template into tokens, as the token manager of Velocity's grammar does.
//!
//! What a character means depends on where it stands: in text, in a reference, among the arguments
//! of a directive. Velocity keeps a stack of such states, which tokens push and pop; several of
//! the language's habits, such as a newline that vanishes after `)`, are nothing but the order in
//! which that happens. So the states, their tokens and the transitions are Velocity's own. Of the
//! tokens that could start at a place the longest is taken, of several as long the one that the
//! grammar declares first.

use crate::error::Fault;
use crate::token::{Kind, Token};

/// Where a character stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// In text.
    Text,
    /// After `$`.
    Reference,
    /// After `$name.`.
    Property,
    /// In `$name.method(…)`.
    Arguments,
    /// In `$name[…]`.
    Index,
    /// After `#`.
    DirectiveName,
    /// After `#name`.
    Directive,
    Unparsed,
    Comment,
    FormalComment,
    LineComment,
}

/// What is restored when a state ends.
#[derive(Clone, Copy, Debug)]
struct Saved {
    opened: u32,
    closed: u32,
    state: State,
}

/// What happens at a place of the text.
enum Found {
    Token(Kind),
    /// Part of a token that goes on.
    More(More),
    /// A character of a comment.
    Skip,
    /// The end of something that turned out to be neither reference nor directive.
    Stray,
}

#[derive(Clone, Copy)]
enum More {
    Reference,
    Unparsed,
    FormalComment,
    Comment,
    Directive,
    Character,
}

pub(crate) struct Lexer<'s> {
    text: &'s [u8],
    source: &'s str,
    position: usize,
    state: State,
    stack: Vec<Saved>,
    /// Parentheses of the present state that were opened.
    opened: u32,
    /// Of those, how many were closed.
    closed: u32,
    in_comment: bool,
    /// In `#set(…)`.
    pub(crate) in_set: bool,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self {
            text: source.as_bytes(),
            source,
            position: 0,
            state: State::Text,
            stack: Vec::new(),
            opened: 0,
            closed: 0,
            in_comment: false,
            in_set: false,
        }
    }

    pub(crate) fn switch_to(&mut self, state: State) {
        self.state = state;
    }

    /// Ends a state; false when there is none around it.
    pub(crate) fn pop(&mut self) -> bool {
        match self.stack.pop() {
            Some(saved) => {
                self.opened = saved.opened;
                self.closed = saved.closed;
                self.state = saved.state;
                true
            }
            None => {
                self.opened = 0;
                self.state = State::Text;
                false
            }
        }
    }

    fn push(&mut self, state: State) {
        self.stack.push(Saved {
            opened: self.opened,
            closed: self.closed,
            state: self.state,
        });
        self.opened = 0;
        self.state = state;
    }

    /// Whether blanks and then `(` follow.
    pub(crate) fn parenthesis_follows(&self) -> bool {
        let rest = self.text.get(self.position..).unwrap_or_default();
        let next = rest
            .iter()
            .find(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t'));
        next == Some(&b'(')
    }

    /// The next token.
    ///
    /// # Errors
    ///
    /// When no token can start here, or the text ends within one.
    pub(crate) fn next(&mut self) -> Result<Token, Fault> {
        let mut stray = String::new();
        if self.stack.len() > MAX_STATES {
            return Err(Fault::new(self.position, "this is nested too deeply"));
        }
        loop {
            let start = self.position;
            if start >= self.text.len() {
                return Ok(Token {
                    kind: Kind::End,
                    start,
                    end: start,
                    stray: stray.into(),
                    image: None,
                });
            }
            if self.escapes() > MAX_ESCAPES {
                return Err(Fault::new(start, "there are too many backslashes"));
            }
            if let Some(kind) = self.scan(start, &mut stray)? {
                let mut start = start;
                let mut end = self.position;
                match kind {
                    // The name after a dot and the dots after a number are tokens of their own.
                    Kind::Dot => {
                        end = end.saturating_sub(1);
                        self.position = end;
                        // What stood before the dot is lost, as in Velocity.
                        start = end.saturating_sub(1);
                    }
                    Kind::Integer if self.source.get(start..end).is_some_and(ends_in_dots) => {
                        end = end.saturating_sub(2);
                        self.position = end;
                    }
                    _ => {}
                }
                self.after(kind);
                return Ok(Token {
                    kind,
                    start,
                    end,
                    stray: stray.into(),
                    image: None,
                });
            }
        }
    }

    /// How many backslashes follow, counted no further than is allowed.
    fn escapes(&self) -> usize {
        let rest = self.text.get(self.position..).unwrap_or_default();
        let rest = rest.get(..=MAX_ESCAPES).unwrap_or(rest);
        span(rest, |byte| byte == b'\\')
    }

    /// Reads one token from `start`, or something that is none, which is noted when it is printed.
    fn scan(&mut self, start: usize, stray: &mut String) -> Result<Option<Kind>, Fault> {
        loop {
            let Some((length, found)) = self.longest() else {
                let message = match self.text.get(self.position) {
                    None => "the template ends in the middle of something",
                    Some(_) => "this character has no meaning here",
                };
                return Err(Fault::new(self.position, message));
            };
            self.position += length;
            match found {
                Found::Token(kind) => return Ok(Some(kind)),
                Found::Skip => return Ok(None),
                Found::Stray => {
                    push_stray(self.source.get(start..self.position), stray);
                    // The character may start something else.
                    self.position -= length;
                    self.pop();
                    return Ok(None);
                }
                Found::More(more) => self.more(more),
            }
        }
    }

    /// The longest token at the present position, with its length.
    fn longest(&self) -> Option<(usize, Found)> {
        let rest = self.text.get(self.position..).unwrap_or_default();
        let first = *rest.first()?;
        let mut best: Option<(usize, Found)> = None;
        let mut offer = |length: usize, found: Found| {
            if length > best.as_ref().map_or(0, |best| best.0) {
                best = Some((length, found));
            }
        };
        use Kind as K;
        use State as S;
        let state = self.state;

        // In the order of the grammar.
        if matches!(state, S::Reference | S::Property) && first == b'[' {
            offer(1, Found::Token(K::IndexOpen));
        }
        if state == S::Index && first == b']' {
            offer(1, Found::Token(K::IndexClose));
        }
        if matches!(state, S::Directive | S::Arguments) {
            match first {
                b'[' => offer(1, Found::Token(K::ListOpen)),
                b']' => offer(1, Found::Token(K::ListClose)),
                b',' => offer(1, Found::Token(K::Comma)),
                b'.' if rest.get(1) == Some(&b'.') => offer(2, Found::Token(K::DoubleDot)),
                b':' => offer(1, Found::Token(K::Colon)),
                b'{' => offer(1, Found::Token(K::MapOpen)),
                b'}' => offer(1, Found::Token(K::MapClose)),
                _ => {}
            }
        }
        match (state, first) {
            (S::Directive | S::Property, b'(') => offer(1, Found::Token(K::ParenthesisOpen)),
            (S::Directive, b')') => {
                offer(1 + rest_of_line(rest, 1), Found::Token(K::ParenthesisClose));
            }
            (S::Arguments, b')') => offer(1, Found::Token(K::MethodClose)),
            (S::Text, b'\\') => {
                offer(escaped_directive(rest), Found::Token(K::EscapedDirective));
            }
            _ => {}
        }
        if matches!(first, b'#' | b' ' | b'\t')
            && matches!(state, S::Text | S::Reference | S::Property | S::Arguments)
        {
            offer(set(rest), Found::Token(K::Set));
        }
        match first {
            b'$' | b'\\' => {
                let (length, banged) = dollar(rest);
                offer(banged.max(length), Found::More(More::Reference));
            }
            b'#' => {
                if rest.starts_with(b"#[[") {
                    offer(3, Found::More(More::Unparsed));
                }
                if rest.starts_with(b"#**") && rest.get(3).is_some_and(|next| *next != b'#') {
                    offer(4, Found::More(More::FormalComment));
                }
                if rest.starts_with(b"#*") {
                    offer(2, Found::More(More::Comment));
                }
                offer(1, Found::More(More::Directive));
                if rest.starts_with(b"##")
                    && matches!(
                        state,
                        S::Text | S::DirectiveName | S::Directive | S::Reference
                    )
                {
                    offer(2, Found::Token(K::LineComment));
                }
            }
            _ => {}
        }
        match state {
            S::Text => match first {
                b'\\' if rest.get(1) == Some(&b'\\') => offer(2, Found::Token(K::DoubleEscape)),
                b'\\' => offer(1, Found::Token(K::Escape)),
                _ => offer(
                    span(rest, |byte| !matches!(byte, b'$' | b'#' | b'\\')),
                    Found::Token(K::Text),
                ),
            },
            S::LineComment => {
                offer(newline(rest), Found::Token(K::LineCommentEnd));
                offer(1, Found::Skip);
            }
            S::FormalComment | S::Comment => {
                if rest.starts_with(b"*#") {
                    let kind = match state {
                        S::Comment => K::CommentEnd,
                        _ => K::FormalCommentEnd,
                    };
                    offer(2, Found::Token(kind));
                }
                offer(1, Found::Skip);
            }
            S::Unparsed => {
                if rest.starts_with(b"]]#") {
                    offer(3, Found::Token(K::Unparsed));
                }
                offer(1, Found::More(More::Character));
            }
            S::Reference | S::Property | S::Arguments | S::Index | S::Directive => {
                self.offer_expression(rest, first, &mut offer);
            }
            S::DirectiveName => offer_directive_name(rest, &mut offer),
        }
        if first == b'$' && matches!(state, S::Text | S::Reference) {
            for empty in [&b"$["[..], b"$![", b"$\\![", b"$."] {
                if rest.starts_with(empty) {
                    offer(empty.len(), Found::Token(K::EmptyIndex));
                }
            }
        }
        if matches!(state, S::Reference | S::Property | S::DirectiveName) {
            offer(character(first), Found::Stray);
        }
        best
    }

    /// The tokens of references, directives and arguments, in the order of the grammar.
    fn offer_expression(&self, rest: &[u8], first: u8, offer: &mut impl FnMut(usize, Found)) {
        use Kind as K;
        use State as S;
        let state = self.state;
        let arguments = matches!(state, S::Directive | S::Arguments | S::Index);
        if arguments {
            offer(span(rest, is_blank), Found::Token(K::Blank));
            if matches!(first, b'"' | b'\'') {
                offer(string(rest, first), Found::Token(K::String));
            }
        }
        if first.is_ascii_alphabetic() {
            if rest.starts_with(b"true") {
                offer(4, Found::Token(K::True));
            }
            if rest.starts_with(b"false") {
                offer(5, Found::Token(K::False));
            }
        }
        if state == S::Directive {
            for (text, kind) in OPERATORS {
                if rest.starts_with(text) {
                    offer(text.len(), Found::Token(*kind));
                }
            }
        }
        if arguments {
            offer_number(rest, offer);
        }
        if state == S::Directive {
            offer_word(rest, offer);
        }
        if matches!(state, S::Reference | S::Property | S::Arguments) {
            if first.is_ascii_alphabetic() || first == b'_' {
                let length = span(rest, |byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
                });
                offer(length, Found::Token(K::Identifier));
            }
            if first == b'.' && rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
                offer(2, Found::Token(K::Dot));
            }
        }
        if matches!(state, S::Reference | S::Property) {
            match first {
                b'{' => offer(1, Found::Token(K::CurlyOpen)),
                b'}' => offer(1, Found::Token(K::CurlyClose)),
                _ => {}
            }
        }
    }

    /// Notes that something begins.
    fn more(&mut self, more: More) {
        if self.in_comment {
            return;
        }
        match more {
            More::Reference => {
                if self.state == State::Reference {
                    self.pop();
                }
                self.push(State::Reference);
            }
            More::Directive => {
                if matches!(self.state, State::Reference | State::Property) {
                    self.pop();
                }
                self.push(State::DirectiveName);
            }
            More::Unparsed => self.begin_comment(State::Unparsed),
            More::Comment => self.begin_comment(State::Comment),
            More::FormalComment => {
                // The character after `#**` belongs to the comment.
                self.position -= 1;
                self.begin_comment(State::FormalComment);
            }
            More::Character => {}
        }
    }

    fn begin_comment(&mut self, state: State) {
        self.in_comment = true;
        self.push(state);
    }

    /// What a token does to the state.
    fn after(&mut self, kind: Kind) {
        match kind {
            Kind::IndexOpen => self.push(State::Index),
            Kind::IndexClose | Kind::CurlyClose => {
                self.pop();
            }
            Kind::ParenthesisOpen => {
                self.opened += 1;
                if self.state == State::Property {
                    self.state = State::Arguments;
                }
            }
            Kind::ParenthesisClose => self.close_parenthesis(),
            Kind::MethodClose => self.state = State::Reference,
            Kind::Set => {
                self.push(State::Directive);
                self.in_set = true;
                self.opened += 1;
            }
            Kind::LineComment => {
                if self.state == State::Reference {
                    self.pop();
                }
                self.begin_comment(State::LineComment);
            }
            Kind::LineCommentEnd | Kind::FormalCommentEnd | Kind::CommentEnd | Kind::Unparsed => {
                self.in_comment = false;
                self.pop();
            }
            Kind::String if self.state == State::Directive => self.end_bare_argument(),
            Kind::Integer if !matches!(self.state, State::Arguments | State::Index) => {
                self.end_bare_argument();
            }
            Kind::Float if self.state != State::Arguments => self.end_bare_argument(),
            Kind::EndDirective | Kind::Else => {
                self.pop();
            }
            Kind::If | Kind::ElseIf => self.state = State::Directive,
            Kind::Dot => self.state = State::Property,
            _ => {}
        }
    }

    /// A value outside of parentheses ends the directive that it follows.
    fn end_bare_argument(&mut self) {
        if !self.in_set && self.opened == 0 {
            self.pop();
        }
    }

    /// Ends the state whose parenthesis this closes.
    fn close_parenthesis(&mut self) {
        loop {
            if self.opened > 0 {
                if self.opened == self.closed + 1 {
                    self.pop();
                } else {
                    self.closed += 1;
                }
                return;
            }
            if !self.pop() {
                return;
            }
        }
    }
}

/// How many states may be within each other.
const MAX_STATES: usize = 1000;

/// How many backslashes may follow each other: each is looked at once for every two before it.
const MAX_ESCAPES: usize = 1000;

/// The operators of directives. Where two are as long the first counts.
const OPERATORS: &[(&[u8], Kind)] = &[
    (b"-", Kind::Minus),
    (b"+", Kind::Plus),
    (b"*", Kind::Multiply),
    (b"/", Kind::Divide),
    (b"%", Kind::Modulo),
    (b"&&", Kind::And),
    (b"and", Kind::And),
    (b"||", Kind::Or),
    (b"or", Kind::Or),
    (b"<", Kind::Less),
    (b"lt", Kind::Less),
    (b"<=", Kind::LessOrEqual),
    (b"le", Kind::LessOrEqual),
    (b">", Kind::Greater),
    (b"gt", Kind::Greater),
    (b">=", Kind::GreaterOrEqual),
    (b"ge", Kind::GreaterOrEqual),
    (b"==", Kind::Equal),
    (b"eq", Kind::Equal),
    (b"!=", Kind::NotEqual),
    (b"ne", Kind::NotEqual),
    (b"!", Kind::Not),
    (b"not", Kind::Not),
    (b"=", Kind::Assign),
];

/// The tokens after `#`.
fn offer_directive_name(rest: &[u8], offer: &mut impl FnMut(usize, Found)) {
    for name in [&b"end"[..], b"{end}"] {
        if rest.starts_with(name) {
            let length = name.len() + rest_of_line(rest, name.len());
            offer(length, Found::Token(Kind::EndDirective));
        }
    }
    for (names, kind) in [
        ([&b"if"[..], b"{if}"], Kind::If),
        ([b"elseif", b"{elseif}"], Kind::ElseIf),
    ] {
        for name in names {
            if rest.starts_with(name) {
                offer(name.len(), Found::Token(kind));
            }
        }
    }
    for name in [&b"else"[..], b"{else}"] {
        if rest.starts_with(name) {
            let length = name.len() + rest_of_line(rest, name.len());
            offer(length, Found::Token(Kind::Else));
        }
    }
    offer_number(rest, offer);
    offer_word(rest, offer);
}

fn offer_number(rest: &[u8], offer: &mut impl FnMut(usize, Found)) {
    let sign = usize::from(rest.first() == Some(&b'-'));
    let whole = digits(rest, sign);
    let after = sign + whole;
    if whole > 0 {
        let dots = rest.get(after..).unwrap_or_default().starts_with(b"..");
        offer(
            after + if dots { 2 } else { 0 },
            Found::Token(Kind::Integer),
        );
    }
    if rest.get(after) == Some(&b'.') {
        let fraction = digits(rest, after + 1);
        if whole > 0 || fraction > 0 {
            let end = after + 1 + fraction;
            offer(end + exponent(rest, end), Found::Token(Kind::Float));
        }
    }
    if whole > 0 {
        match exponent(rest, after) {
            0 => {}
            length => offer(after + length, Found::Token(Kind::Float)),
        }
    }
}

/// The length of an exponent; 0 when there is none.
fn exponent(rest: &[u8], from: usize) -> usize {
    if !matches!(rest.get(from), Some(b'e' | b'E')) {
        return 0;
    }
    let sign = usize::from(matches!(rest.get(from + 1), Some(b'+' | b'-')));
    match digits(rest, from + 1 + sign) {
        0 => 0,
        digits => 1 + sign + digits,
    }
}

fn digits(rest: &[u8], from: usize) -> usize {
    span(rest.get(from..).unwrap_or_default(), |byte| {
        byte.is_ascii_digit()
    })
}

fn offer_word(rest: &[u8], offer: &mut impl FnMut(usize, Found)) {
    offer(word(rest, true), Found::Token(Kind::Word));
    offer(bracketed_word(rest), Found::Token(Kind::BracketedWord));
}

/// The length of a directive's name; 0 when there is none.
fn word(rest: &[u8], at: bool) -> usize {
    match rest.first() {
        Some(b'@') if !at => 0,
        Some(first) if first.is_ascii_alphabetic() || matches!(first, b'_' | b'@') => {
            span(rest, |byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@')
            })
        }
        _ => 0,
    }
}

/// The length of a directive's name in braces; 0 when there is none.
fn bracketed_word(rest: &[u8]) -> usize {
    let Some((b'{', inner)) = rest.split_first() else {
        return 0;
    };
    match word(inner, false) {
        0 => 0,
        length if inner.get(length) == Some(&b'}') => length + 2,
        _ => 0,
    }
}

/// The length of an odd number of backslashes and a directive; 0 when it is none.
fn escaped_directive(rest: &[u8]) -> usize {
    let escapes = span(rest, |byte| byte == b'\\');
    if escapes % 2 == 0 || rest.get(escapes) != Some(&b'#') {
        return 0;
    }
    let name = rest.get(escapes + 1..).unwrap_or_default();
    match word(name, true).max(bracketed_word(name)) {
        0 => 0,
        length => escapes + 1 + length,
    }
}

/// The length of `#set(`, with the blanks before it; 0 when it is none.
fn set(rest: &[u8]) -> usize {
    let blanks = span(rest, |byte| matches!(byte, b' ' | b'\t'));
    let name = rest.get(blanks..).unwrap_or_default();
    let length = match name {
        name if name.starts_with(b"#set") => 4,
        name if name.starts_with(b"#{set}") => 6,
        _ => return 0,
    };
    let after = name.get(length..).unwrap_or_default();
    let spaces = span(after, |byte| byte == b' ');
    match after.get(spaces) {
        Some(b'(') => blanks + length + spaces + 1,
        _ => 0,
    }
}

/// The lengths of `\\$` and of `\\$\\!`; 0 when it is none.
fn dollar(rest: &[u8]) -> (usize, usize) {
    let escapes = span(rest, |byte| byte == b'\\');
    if rest.get(escapes) != Some(&b'$') {
        return (0, 0);
    }
    let plain = escapes + 1;
    let after = rest.get(plain..).unwrap_or_default();
    let escapes = span(after, |byte| byte == b'\\');
    match after.get(escapes) {
        Some(b'!') => (plain, plain + escapes + 1),
        _ => (plain, 0),
    }
}

/// The length of a string; a quote that is doubled is part of it. 0 when it does not end.
fn string(rest: &[u8], quote: u8) -> usize {
    let mut position = 1;
    let mut end = 0;
    while let Some(after) = rest.get(position..) {
        let text = span(after, |byte| byte != quote);
        let quotes = span(after.get(text..).unwrap_or_default(), |byte| byte == quote);
        position += text + quotes;
        match quotes {
            0 => return end,
            odd if odd % 2 == 1 => return position,
            _ => end = position - 1,
        }
    }
    end
}

/// The length of blanks and a line's end; 0 when something else stands there.
fn rest_of_line(rest: &[u8], from: usize) -> usize {
    let after = rest.get(from..).unwrap_or_default();
    let blanks = span(after, |byte| matches!(byte, b' ' | b'\t'));
    match newline(after.get(blanks..).unwrap_or_default()) {
        0 => 0,
        length => blanks + length,
    }
}

fn newline(rest: &[u8]) -> usize {
    match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn span(rest: &[u8], accepts: impl Fn(u8) -> bool) -> usize {
    rest.iter()
        .position(|byte| !accepts(*byte))
        .unwrap_or(rest.len())
}

/// The length of a character by its first byte.
fn character(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

fn ends_in_dots(text: &str) -> bool {
    text.ends_with("..")
}

/// Notes what of a broken reference or directive is printed: `$`, `#`, and backslashes before `$`.
fn push_stray(text: Option<&str>, stray: &mut String) {
    let mut characters = text.unwrap_or_default().chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '#' | '$' => stray.push(character),
            '\\' => {
                let mut escapes = String::from('\\');
                while characters.next_if_eq(&'\\').is_some() {
                    escapes.push('\\');
                }
                if characters.next_if_eq(&'$').is_some() {
                    stray.push_str(&escapes);
                    stray.push('$');
                    // As in Velocity, whose loop steps over the character after it.
                    characters.next();
                }
            }
            _ => {}
        }
    }
}
