//! Which value a name has.
//!
//! The template's variables stand in slots. A macro adds a frame: its arguments, which are
//! evaluated where it was called each time that they are read, and what it has set, which goes
//! both into the frame and to whatever is around it.

use attache_values::Value;

use super::{Outcome, Render};
use crate::syntax::{Argument, Slot};

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Variable {
    Value(Value),
    /// A block of `#define`, or the body of a `#@name() … #end`.
    Block(u32),
}

impl Variable {
    pub(super) fn null() -> Self {
        Self::Value(Value::Null)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }
}

/// What is seen in front of the template's variables.
pub(super) enum Frame<'t> {
    /// The call of a macro.
    Call {
        outer: Option<usize>,
        arguments: Vec<(Slot, &'t Argument)>,
        locals: Vec<(Slot, Variable)>,
    },
    /// A loop whose item is null: whatever is set, the item stays null.
    Hidden {
        outer: Option<usize>,
        slot: Slot,
        hides: bool,
    },
}

impl<'t> Render<'t> {
    /// The value of a variable.
    pub(super) fn get(&mut self, slot: Slot) -> Outcome<Variable> {
        let mut frame = self.frame;
        while let Some(place) = frame {
            frame = match self.frames.get(place) {
                Some(Frame::Call {
                    outer,
                    arguments,
                    locals,
                }) => {
                    let mut locals = locals.iter();
                    let local = locals.find(|(name, value)| *name == slot && !value.is_null());
                    if let Some((_, value)) = local {
                        return Ok(value.clone());
                    }
                    let outer = *outer;
                    let mut arguments = arguments.iter();
                    match arguments.find(|(name, _)| *name == slot).copied() {
                        Some((_, argument)) => return self.argument(argument, outer),
                        None => outer,
                    }
                }
                Some(Frame::Hidden {
                    outer,
                    slot: hidden,
                    hides,
                }) => {
                    if *hidden == slot && *hides {
                        return Ok(Variable::null());
                    }
                    *outer
                }
                None => None,
            };
        }
        let variable = self.slots.get(slot as usize);
        Ok(variable.cloned().unwrap_or_else(Variable::null))
    }

    /// Evaluates the argument of a macro where the macro was called.
    fn argument(&mut self, argument: &'t Argument, outer: Option<usize>) -> Outcome<Variable> {
        let inner = std::mem::replace(&mut self.frame, outer);
        let outcome = self.nested(|render| render.assigned(&argument.value));
        self.frame = inner;
        outcome
    }

    /// Sets a variable.
    pub(super) fn put(&mut self, slot: Slot, value: &Variable) {
        let mut frame = self.frame;
        while let Some(place) = frame {
            frame = match self.frames.get_mut(place) {
                Some(Frame::Call { outer, locals, .. }) => {
                    match locals.iter_mut().find(|(name, _)| *name == slot) {
                        Some((_, local)) => *local = value.clone(),
                        None => locals.push((slot, value.clone())),
                    }
                    *outer
                }
                Some(Frame::Hidden {
                    outer,
                    slot: hidden,
                    hides,
                }) => {
                    if *hidden == slot && value.is_null() {
                        *hides = true;
                    }
                    *outer
                }
                None => None,
            };
        }
        if let Some(variable) = self.slots.get_mut(slot as usize) {
            *variable = value.clone();
        }
    }

    /// Sets a variable again to what it was, and removes it when it was nothing: in a macro also
    /// the argument of that name.
    pub(super) fn restore(&mut self, slot: Slot, value: &Variable) {
        if !value.is_null() {
            return self.put(slot, value);
        }
        let mut frame = self.frame;
        while let Some(place) = frame {
            frame = match self.frames.get_mut(place) {
                Some(Frame::Call {
                    outer,
                    arguments,
                    locals,
                }) => {
                    locals.retain(|(name, _)| *name != slot);
                    arguments.retain(|(name, _)| *name != slot);
                    *outer
                }
                Some(Frame::Hidden {
                    outer,
                    slot: hidden,
                    hides,
                }) => {
                    *hides &= *hidden != slot;
                    *outer
                }
                None => None,
            };
        }
        if let Some(variable) = self.slots.get_mut(slot as usize) {
            *variable = Variable::null();
        }
    }

    /// The text that a macro was given for one of its parameters.
    pub(super) fn argument_literal(&self, slot: Slot) -> Option<&'t str> {
        let mut frame = self.frame;
        while let Some(place) = frame {
            frame = match self.frames.get(place)? {
                Frame::Call {
                    outer, arguments, ..
                } => {
                    let mut arguments = arguments.iter();
                    match arguments.find(|(name, _)| *name == slot) {
                        Some((_, argument)) => return Some(&argument.literal),
                        None => *outer,
                    }
                }
                Frame::Hidden { outer, .. } => *outer,
            };
        }
        None
    }
}
