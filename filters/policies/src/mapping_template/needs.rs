//! What a template may read, found in its text when it is compiled, so that a request is asked for
//! nothing else.

/// What a template may read of its surroundings: rather too much than too little.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub(super) input: bool,
    pub(super) util: bool,
    pub(super) stage_variables: bool,
    pub(super) context: ContextNeeds,
    pub(super) parameters: ParameterNeeds,
    /// The JSONPaths that stand in the text as constants.
    pub(super) paths: Vec<Box<str>>,
}

/// Which variables of `$context` a template may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextNeeds {
    all: bool,
    names: Vec<Box<str>>,
}

/// Which parameters of the request a template may read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ParameterNeeds {
    /// `$input.params()`, or a name that is not known before.
    pub(super) all: bool,
    pub(super) names: Vec<Box<str>>,
}

impl ContextNeeds {
    /// All there are.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            all: true,
            names: Vec::new(),
        }
    }

    /// Whether none is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.names.is_empty()
    }

    /// Whether a variable is wanted, such as `requestId` or `identity.sourceIp`; also because all
    /// of `identity` is, and of `identity` because a part of it is.
    #[must_use]
    pub fn wants(&self, variable: &str) -> bool {
        self.all
            || self
                .names
                .iter()
                .any(|name| starts_with_part(name, variable) || starts_with_part(variable, name))
    }

    /// Whether the other needs are among these.
    pub(super) fn include(&self, other: &Self) -> bool {
        self.all || !other.all && other.names.iter().all(|name| self.names.contains(name))
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.all |= other.all;
        for name in &other.names {
            if !self.names.contains(name) {
                self.names.push(name.clone());
            }
        }
    }
}

/// Whether a dotted name is another or lies within it.
fn starts_with_part(name: &str, part: &str) -> bool {
    let rest = name.strip_prefix(part);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Needs {
    pub(super) fn of(text: &str) -> Self {
        let mut needs = Self {
            input: is_named(text, "input"),
            util: is_named(text, "util"),
            stage_variables: is_named(text, "stageVariables"),
            ..Self::default()
        };
        for rest in references(text, "context") {
            match context_variable(rest) {
                Some(name) if !needs.context.names.contains(&name) => {
                    needs.context.names.push(name);
                }
                Some(_) => {}
                None => needs.context.all = true,
            }
        }
        for rest in after(text, "params") {
            match constant_argument(rest) {
                Argument::Constant(name) => needs.parameters.names.push(name.into()),
                Argument::Other => needs.parameters.all = true,
                Argument::NoCall => {}
            }
        }
        if needs.parameters.all {
            needs.parameters.names = Vec::new();
        }
        for rest in after(text, ".json").chain(after(text, ".path")) {
            if let Argument::Constant(path) = constant_argument(rest) {
                needs.paths.push(path.into());
            }
        }
        needs
    }
}

/// What follows each place of a piece of text.
fn after<'t>(text: &'t str, piece: &'static str) -> impl Iterator<Item = &'t str> {
    text.match_indices(piece)
        .filter_map(move |(at, _)| text.get(at + piece.len()..))
}

/// What follows each reference to a variable: `$name`, `${name`, `$!name`, `$!{name`.
fn references<'t>(text: &'t str, name: &'static str) -> impl Iterator<Item = &'t str> {
    text.match_indices(name).filter_map(move |(at, _)| {
        let before = text.get(..at)?;
        let rest = text.get(at + name.len()..)?;
        (before.ends_with(['$', '{', '!']) && !rest.starts_with(is_name)).then_some(rest)
    })
}

fn is_named(text: &str, name: &'static str) -> bool {
    references(text, name).next().is_some()
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

/// The variable that follows `$context`; None when it is `$context` itself that is used.
fn context_variable(rest: &str) -> Option<Box<str>> {
    let (first, rest) = member(rest)?;
    let more = match first {
        "identity" => member(rest).map(|(second, _)| second),
        _ => None,
    };
    Some(match more {
        Some(second) => format!("{first}.{second}").into(),
        None => first.into(),
    })
}

/// `.name`, when it is no call of a method, and what follows.
fn member(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_prefix('.')?;
    let end = rest
        .find(|character| !is_name(character))
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at_checked(end)?;
    (!name.is_empty() && !rest.starts_with('(')).then_some((name, rest))
}

/// The argument of a call, as far as the text tells.
enum Argument<'t> {
    NoCall,
    Constant(&'t str),
    Other,
}

fn constant_argument(rest: &str) -> Argument<'_> {
    let Some(rest) = rest.trim_start().strip_prefix('(') else {
        return Argument::NoCall;
    };
    let rest = rest.trim_start();
    let constant = ['\'', '"'].into_iter().find_map(|quote| {
        let (text, rest) = rest.strip_prefix(quote)?.split_once(quote)?;
        let whole = rest.trim_start().starts_with(')');
        // Between double quotes references and directives are evaluated, but for `$.` and `$[`.
        let evaluated = quote == '"' && (text.contains('#') || has_reference(text));
        (whole && !evaluated).then_some(text)
    });
    constant.map_or(Argument::Other, Argument::Constant)
}

fn has_reference(text: &str) -> bool {
    let mut rests = after(text, "$");
    rests.any(|rest| {
        rest.starts_with(|next: char| next.is_ascii_alphabetic() || "{!_\\".contains(next))
    })
}

#[cfg(test)]
mod tests;
