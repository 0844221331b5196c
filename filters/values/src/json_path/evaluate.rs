//! From a path and a document to what the path selects.

use super::{JsonPath, Segment, Step, TooMuchWork};
use crate::value::MAX_DEPTH;
use crate::{Map, Value};

/// How many values one path looks at in one document at most.
const MOST_VISITS: usize = 1 << 20;

pub(super) fn read(path: &JsonPath, document: &Value) -> Result<Option<Value>, TooMuchWork> {
    if path.definite {
        return Ok(definite(&path.segments, document));
    }
    let mut walk = Walk {
        document,
        found: Vec::new(),
        visits: MOST_VISITS,
        missing: false,
    };
    walk.all(&path.segments, document, true, MAX_DEPTH)?;
    Ok((!walk.missing).then(|| Value::array(walk.found)))
}

/// Follows steps that lead to one value at most.
pub(super) fn definite(segments: &[Segment], start: &Value) -> Option<Value> {
    let mut value = start.clone();
    for segment in segments {
        value = one(&segment.step, &value)?;
    }
    Some(value)
}

/// The value that a definite step leads to.
fn one(step: &Step, value: &Value) -> Option<Value> {
    match (step, value) {
        (Step::Property(name), Value::Map(map)) => map.get(name),
        (Step::Properties(names), Value::Map(map)) => {
            let found = names.iter().filter_map(|name| {
                let value = map.get(name)?;
                Some((name.clone(), value))
            });
            Some(Value::Map(found.collect::<Map>()))
        }
        (Step::Items(positions), Value::List(list)) => {
            let position = positions.first().copied()?;
            list.get(from_end(position, list.len())?)
        }
        (Step::FromEnd(distance), Value::List(list)) => {
            let distance = usize::try_from(*distance).ok()?;
            list.get(list.len().checked_sub(distance)?)
        }
        (Step::Length, Value::List(list)) => length(list.len()),
        (Step::Length, Value::Map(map)) => map.get("length()").or_else(|| length(map.len())),
        _ => None,
    }
}

fn length(length: usize) -> Option<Value> {
    i64::try_from(length).ok().map(Value::integer)
}

/// A position, counted from the end when it is negative.
fn from_end(position: i64, length: usize) -> Option<usize> {
    // In a filter a length has 32 bits: what is beyond them is beyond any list.
    let distance = usize::try_from(position.unsigned_abs()).unwrap_or(usize::MAX);
    if position < 0 {
        length.checked_sub(distance)
    } else {
        Some(distance)
    }
}

/// The items of a slice: Jayway's, in which an end before the list's end means nothing when the
/// start is counted from the front.
fn slice(start: Option<i64>, end: Option<i64>, length: usize) -> (usize, usize) {
    let clamp = |position: i64| from_end(position, length).unwrap_or(0).min(length);
    match (start, end) {
        (Some(0..), Some(..0)) => (0, 0),
        (start, end) => (start.map_or(0, clamp), end.map_or(length, clamp)),
    }
}

struct Walk<'d> {
    document: &'d Value,
    found: Vec<Value>,
    visits: usize,
    /// Whether an item that a path names for certain is not there.
    missing: bool,
}

impl Walk<'_> {
    /// Adds all that the steps lead to. `certain`: so far the steps lead to one value.
    fn all(
        &mut self,
        segments: &[Segment],
        value: &Value,
        certain: bool,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        self.visits = self.visits.checked_sub(1).ok_or(TooMuchWork)?;
        let Some((segment, rest)) = segments.split_first() else {
            self.found.push(value.clone());
            return Ok(());
        };
        if segment.scan {
            return self.scan(&segment.step, rest, value, depth);
        }
        if segment.step.is_definite() {
            return match one(&segment.step, value) {
                Some(value) => self.all(rest, &value, certain, depth),
                None => {
                    self.missing |= certain;
                    Ok(())
                }
            };
        }
        self.step(&segment.step, rest, value, certain, depth)
    }

    /// Applies a step that may lead to several values.
    fn step(
        &mut self,
        step: &Step,
        rest: &[Segment],
        value: &Value,
        certain: bool,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        match (step, value) {
            (Step::Wildcard, value) => self.children(value, &mut |walk, child| {
                walk.all(rest, child, false, depth)
            }),
            (Step::Items(positions), Value::List(list)) => {
                for position in positions {
                    let position = from_end(*position, list.len());
                    match position.and_then(|position| list.get(position)) {
                        Some(item) => self.all(rest, &item, false, depth)?,
                        None => self.missing |= certain,
                    }
                }
                Ok(())
            }
            (Step::Slice(start, end), Value::List(list)) => list.read(|items| {
                let (start, end) = slice(*start, *end, items.len());
                for item in items.get(start..end).unwrap_or_default() {
                    self.all(rest, item, false, depth)?;
                }
                Ok(())
            }),
            (Step::Filter(filter), Value::List(list)) => list.read(|items| {
                for item in items {
                    self.visits = self.visits.checked_sub(1).ok_or(TooMuchWork)?;
                    if filter.accepts(item, self.document) {
                        self.all(rest, item, false, depth)?;
                    }
                }
                Ok(())
            }),
            // Of a map it is the map itself that meets the condition.
            (Step::Filter(filter), Value::Map(_)) => {
                if filter.accepts(value, self.document) {
                    self.all(rest, value, false, depth)?;
                }
                Ok(())
            }
            _ => {
                self.missing |= certain;
                Ok(())
            }
        }
    }

    /// Applies a step here and wherever it applies further down, parents before children.
    fn scan(
        &mut self,
        step: &Step,
        rest: &[Segment],
        value: &Value,
        depth: usize,
    ) -> Result<(), TooMuchWork> {
        self.visits = self.visits.checked_sub(1).ok_or(TooMuchWork)?;
        let depth = depth.checked_sub(1).ok_or(TooMuchWork)?;
        match (step, value) {
            (Step::Properties(names), Value::Map(map)) => {
                if names.iter().all(|name| map.contains_key(name))
                    && let Some(selected) = one(step, value)
                {
                    self.all(rest, &selected, false, depth)?;
                }
            }
            (Step::Filter(filter), Value::List(_) | Value::Map(_)) => {
                if filter.accepts(value, self.document) {
                    self.step(step, rest, value, false, depth)?;
                }
            }
            (step, value) if step.is_definite() => {
                if let Some(selected) = one(step, value) {
                    self.all(rest, &selected, false, depth)?;
                }
            }
            (step, value) => self.step(step, rest, value, false, depth)?,
        }
        self.children(value, &mut |walk, child| {
            walk.scan(step, rest, child, depth)
        })
    }

    fn children(
        &mut self,
        value: &Value,
        each: &mut dyn FnMut(&mut Self, &Value) -> Result<(), TooMuchWork>,
    ) -> Result<(), TooMuchWork> {
        match value {
            Value::List(list) => {
                list.read(|items| items.iter().try_for_each(|item| each(self, item)))
            }
            Value::Map(map) => {
                map.read(|entries| entries.iter().try_for_each(|entry| each(self, &entry.1)))
            }
            _ => Ok(()),
        }
    }
}
