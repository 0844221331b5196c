//! `#foreach` and `$foreach`.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use attache_values::{CallError, List, Map, Object, Value};

use super::expression::Span;
use super::variables::{Frame, Variable};
use super::{Interrupt, Outcome, Render};
use crate::syntax::{Expression, Foreach};

/// What a loop goes through.
enum Items {
    Span(Span),
    List(List, usize),
    Values(Vec<Value>),
    /// The values of a map, and the map.
    Map(Vec<Value>, Map),
}

impl Items {
    /// How many there were at the start.
    fn len(&self) -> usize {
        match self {
            Self::Span(span) => span.len(),
            Self::List(_, length) => *length,
            Self::Values(values) | Self::Map(values, _) => values.len(),
        }
    }

    fn get(&self, place: usize) -> Option<Value> {
        match self {
            Self::Span(span) => Some(Value::integer(span.get(place))),
            Self::List(list, _) => list.get(place),
            Self::Values(values) | Self::Map(values, _) => values.get(place).cloned(),
        }
    }

    /// Whether there are as many as at the start.
    fn is_as_it_was(&self) -> bool {
        match self {
            Self::Span(_) | Self::Values(_) => true,
            Self::List(list, length) => list.len() == *length,
            Self::Map(values, map) => map.len() == values.len(),
        }
    }
}

/// `$foreach`.
#[derive(Debug)]
pub(super) struct Loop {
    index: Cell<usize>,
    has_next: Cell<bool>,
    outer: Option<Rc<Loop>>,
    itself: Weak<Loop>,
    /// What a template keeps there.
    kept: Map,
}

impl Object for Loop {
    fn property(&self, name: &str) -> Option<Value> {
        let index = self.index.get();
        Some(match name {
            "index" => Value::integer(index as i64),
            "count" => Value::integer(index as i64 + 1),
            "hasNext" => Value::Boolean(self.has_next.get()),
            "first" => Value::Boolean(index < 1),
            "last" => Value::Boolean(!self.has_next.get()),
            "parent" => Value::Object(self.outer.clone()?),
            "topmost" => {
                let mut topmost = self.itself.upgrade()?;
                while let Some(outer) = &topmost.outer {
                    topmost = outer.clone();
                }
                Value::Object(topmost)
            }
            name => return self.kept(name),
        })
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, CallError>> {
        let value = match (method, arguments) {
            ("hasNext" | "getHasNext", []) => self.property("hasNext"),
            ("getIndex", []) => self.property("index"),
            ("getCount", []) => self.property("count"),
            ("isFirst" | "getFirst", []) => self.property("first"),
            ("isLast" | "getLast", []) => self.property("last"),
            ("getParent", []) => self.property("parent"),
            ("getTopmost", []) => self.property("topmost"),
            ("get", [Value::String(key)]) => self.kept(key),
            ("put", [Value::String(key), value]) => self.kept.insert(key.clone(), value.clone()),
            _ => return None,
        };
        Some(Ok(value.unwrap_or(Value::Null)))
    }

    fn set_property(&self, name: &str, value: &Value) -> bool {
        self.kept.insert(name, value.clone());
        true
    }

    fn print(&self, out: &mut String) {
        Value::Map(self.kept.clone()).print(out);
    }
}

impl Loop {
    /// What a template keeps in this loop, or in one around it.
    fn kept(&self, name: &str) -> Option<Value> {
        let mut place = self;
        loop {
            if let Some(value) = place.kept.get(name) {
                return Some(value);
            }
            place = place.outer.as_deref()?;
        }
    }
}

/// What the loop's names stood for before it.
struct Before {
    item: Variable,
    count: Variable,
    has_next: Variable,
    foreach: Variable,
}

impl<'t> Render<'t> {
    pub(super) fn foreach(&mut self, foreach: &'t Foreach) -> Outcome<()> {
        self.position = foreach.position;
        let Some(items) = self.items(&foreach.items)? else {
            return Ok(());
        };
        let before = Before {
            item: self.get(foreach.slot)?,
            count: self.get_if_named(self.program.count)?,
            has_next: self.get_if_named(self.program.has_next)?,
            foreach: self.get_if_named(self.program.foreach)?,
        };
        let state = self.program.foreach.map(|slot| {
            let state = Rc::new_cyclic(|itself| Loop {
                index: Cell::new(0),
                has_next: Cell::new(false),
                outer: self.loops.last().cloned(),
                itself: itself.clone(),
                kept: Map::new(),
            });
            self.loops.push(state.clone());
            self.put(slot, &Variable::Value(Value::Object(state.clone())));
            state
        });
        let outcome = self.rounds(foreach, &items, state.as_deref());
        if state.is_some() {
            self.loops.pop();
        }
        self.restore(foreach.slot, &before.item);
        self.restore_if_named(self.program.count, &before.count);
        self.restore_if_named(self.program.has_next, &before.has_next);
        self.restore_if_named(self.program.foreach, &before.foreach);
        match outcome {
            Err(Interrupt::Break) => Ok(()),
            Err(Interrupt::Leave(position)) if position >= self.loops.len() => Ok(()),
            outcome => outcome,
        }
    }

    /// What a loop goes through; None when it is nothing that has items.
    fn items(&mut self, expression: &'t Expression) -> Outcome<Option<Items>> {
        if let Expression::Range(ends) = expression {
            return Ok(self.range(&ends.0, &ends.1)?.map(Items::Span));
        }
        Ok(match self.value(expression)? {
            Value::List(list) => {
                let length = list.len();
                Some(Items::List(list, length))
            }
            Value::Map(map) => {
                let spent = self.budget.items(map.len());
                self.spent(spent)?;
                Some(Items::Map(map.values(), map))
            }
            Value::Object(object) => object.items().map(Items::Values),
            _ => None,
        })
    }

    fn rounds(&mut self, foreach: &'t Foreach, items: &Items, state: Option<&Loop>) -> Outcome<()> {
        let length = items.len();
        for place in 0..length {
            if place >= self.limits.iterations as usize {
                self.position = foreach.position;
                return self.exhausted("`#foreach` has too many rounds");
            }
            if !items.is_as_it_was() {
                self.position = foreach.position;
                return self.refuse("`#foreach`: the list was changed while it was gone through");
            }
            let Some(item) = items.get(place) else {
                return Ok(());
            };
            let has_next = place + 1 < length;
            if let Some(slot) = self.program.count {
                let count = Value::integer(place as i64 + 1);
                self.put(slot, &Variable::Value(count));
            }
            if let Some(slot) = self.program.has_next {
                self.put(slot, &Variable::Value(Value::Boolean(has_next)));
            }
            if let Some(state) = state {
                state.index.set(place);
                state.has_next.set(has_next);
            }
            let null = matches!(item, Value::Null);
            self.put(foreach.slot, &Variable::Value(item));
            if null {
                self.round_over_null(foreach)?;
            } else {
                self.block(&foreach.block)?;
            }
        }
        Ok(())
    }

    /// In a round over null the item is null whatever is set.
    fn round_over_null(&mut self, foreach: &'t Foreach) -> Outcome<()> {
        let outer = self.frame;
        self.frames.push(Frame::Hidden {
            outer,
            slot: foreach.slot,
            hides: true,
        });
        self.frame = Some(self.frames.len() - 1);
        let outcome = self.block(&foreach.block);
        self.frames.pop();
        self.frame = outer;
        outcome
    }

    fn get_if_named(&mut self, slot: Option<u32>) -> Outcome<Variable> {
        slot.map_or_else(|| Ok(Variable::null()), |slot| self.get(slot))
    }

    fn restore_if_named(&mut self, slot: Option<u32>, value: &Variable) {
        if let Some(slot) = slot {
            self.restore(slot, value);
        }
    }
}
