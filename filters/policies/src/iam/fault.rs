use std::fmt;

use crate::CompileError;

/// One thing that is wrong with a policy document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFault {
    /// The JSON pointer (RFC 6901) of the faulty value within the document.
    pub pointer: String,
    /// What is wrong, in lower case and without a full stop.
    pub reason: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl PolicyFault {
    /// The same fault in a configuration document that holds the policy at `pointer`.
    #[must_use]
    pub fn within(self, pointer: &str) -> CompileError {
        CompileError::new(format!("{pointer}{}", self.pointer), self.reason).hint(self.hint)
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pointer,
            reason,
            hint,
        } = self;
        write!(formatter, "{pointer}: {reason} ({hint})")
    }
}

/// A place in a document, written out only when something is wrong there: policies of Lambda
/// authorizers are parsed while a request waits.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    outer: Option<&'p Place<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Member(&'p str),
    Item(usize),
}

impl<'p> Place<'p> {
    /// The whole document.
    pub(super) const ROOT: Self = Self {
        outer: None,
        step: Step::Root,
    };

    pub(super) fn member(&'p self, name: &'p str) -> Self {
        Self {
            outer: Some(self),
            step: Step::Member(name),
        }
    }

    pub(super) fn item(&'p self, index: usize) -> Self {
        Self {
            outer: Some(self),
            step: Step::Item(index),
        }
    }

    fn pointer(&self) -> String {
        let mut pointer = self.outer.map(Place::pointer).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Member(name) => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Item(index) => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
        pointer
    }
}

/// What was found to be wrong so far.
#[derive(Default)]
pub(super) struct Faults(Vec<PolicyFault>);

impl Faults {
    pub(super) fn add(&mut self, place: &Place<'_>, reason: impl Into<String>, hint: &'static str) {
        self.0.push(PolicyFault {
            pointer: place.pointer(),
            reason: reason.into(),
            hint,
        });
    }

    pub(super) fn into_result<T>(self, value: T) -> Result<T, Vec<PolicyFault>> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self.0)
        }
    }
}
