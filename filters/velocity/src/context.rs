//! What a template is rendered with.

use attache_values::Value;

/// The variables that a template finds.
///
/// A render changes nothing here: what it sets is its own. Lists, maps and objects are shared,
/// though, so that what it does to them is seen afterwards.
#[derive(Clone, Debug, Default)]
pub struct Context {
    variables: Vec<(Box<str>, Value)>,
}

impl Context {
    /// No variables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the variable `$name`.
    pub fn set(&mut self, name: &str, value: Value) {
        match self
            .variables
            .iter_mut()
            .find(|(other, _)| **other == *name)
        {
            Some(variable) => variable.1 = value,
            None => self.variables.push((name.into(), value)),
        }
    }

    /// The value of `$name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let mut variables = self.variables.iter();
        let found = variables.find(|(other, _)| **other == *name);
        found.map(|(_, value)| value)
    }
}
