//! `java.util.List`.

use attache_values::{List, ListKind, Number, Value};

use super::{Answer, collection, int, text};
use crate::comparison;
use crate::limits::{Budget, Exhausted};

/// How many items are moved for the price of one that is added.
const MOVED: usize = 64;

const OUTSIDE: &str = "the list has no such index";

/// The methods without parameters.
pub(super) const WITHOUT_ARGUMENTS: &[&str] = &[
    "size",
    "isEmpty",
    "clear",
    "iterator",
    "listIterator",
    "toArray",
    "clone",
];

pub(super) fn call(
    this: &List,
    method: &str,
    arguments: &[Value],
    budget: &mut Budget,
) -> Option<Answer> {
    if let Err(exhausted) = budget.step() {
        return Some(Err(exhausted.into()));
    }
    let boolean = |holds: bool| Ok(Value::Boolean(holds));
    let position = |value: &Value| int(value).map(usize::try_from);
    Some(match (method, arguments) {
        ("size", []) => Ok(Value::integer(this.len() as i64)),
        ("isEmpty", []) => boolean(this.is_empty()),
        ("get", [index]) => match position(index)?.ok().and_then(|index| this.get(index)) {
            Some(item) => Ok(item),
            None => Err(OUTSIDE.into()),
        },
        ("set", [index, value]) => {
            let index = position(index)?.ok();
            match index.and_then(|index| this.set(index, value.clone())) {
                Some(previous) => Ok(previous),
                None => Err(OUTSIDE.into()),
            }
        }
        ("add", [value]) => match budget.items(1) {
            Err(exhausted) => Err(exhausted.into()),
            Ok(()) => {
                this.push(value.clone());
                boolean(true)
            }
        },
        ("add", [index, value]) => {
            let index = position(index)?.ok();
            match budget.items(1 + this.len() / MOVED) {
                Err(exhausted) => Err(exhausted.into()),
                Ok(()) if index.is_some_and(|index| this.insert(index, value.clone())) => {
                    Ok(Value::string(""))
                }
                Ok(()) => Err(OUTSIDE.into()),
            }
        }
        ("addAll", [items]) => {
            let items = collection(items)?;
            match budget.items(items.len()) {
                Err(exhausted) => Err(exhausted.into()),
                Ok(()) => {
                    let changed = !items.is_empty();
                    for item in items {
                        this.push(item);
                    }
                    boolean(changed)
                }
            }
        }
        ("remove", [Value::Number(Number::Integer(_))]) => {
            let index = position(arguments.first()?)?.ok();
            match budget.items(this.len() / MOVED) {
                Err(exhausted) => Err(exhausted.into()),
                Ok(()) => match index.and_then(|index| this.remove(index)) {
                    Some(removed) => Ok(removed),
                    None => Err(OUTSIDE.into()),
                },
            }
        }
        ("remove", [value]) => find(this, value, budget, false)
            .map(|place| Value::Boolean(place.and_then(|place| this.remove(place)).is_some()))
            .map_err(Into::into),
        ("removeAll" | "retainAll", [items]) => {
            let items = collection(items)?;
            let other = List::new(ListKind::JavaList, items);
            filter(this, &other, method == "retainAll", budget)
                .map(Value::Boolean)
                .map_err(Into::into)
        }
        ("clear", []) => {
            this.replace(Vec::new());
            Ok(Value::string(""))
        }
        ("contains", [value]) => find(this, value, budget, false)
            .map(|place| Value::Boolean(place.is_some()))
            .map_err(Into::into),
        ("containsAll", [items]) => {
            let items = collection(items)?;
            let all = items.iter().try_fold(true, |all, item| {
                Ok::<_, Exhausted>(all && find(this, item, budget, false)?.is_some())
            });
            all.map(Value::Boolean).map_err(Into::into)
        }
        ("indexOf", [value]) => place(find(this, value, budget, false)),
        ("lastIndexOf", [value]) => place(find(this, value, budget, true)),
        ("subList", [from, to]) => {
            let (from, to) = (position(from)?.ok(), position(to)?.ok());
            if let Err(exhausted) = budget.items(this.len() / MOVED) {
                return Some(Err(exhausted.into()));
            }
            let items = this.to_vec();
            match from.zip(to).and_then(|(from, to)| items.get(from..to)) {
                None => Err(OUTSIDE.into()),
                Some(items) => match budget.items(items.len()) {
                    Err(exhausted) => Err(exhausted.into()),
                    Ok(()) => Ok(Value::list(items.to_vec())),
                },
            }
        }
        ("iterator" | "listIterator" | "toArray" | "clone", []) => match budget.items(this.len()) {
            Err(exhausted) => Err(exhausted.into()),
            Ok(()) => Ok(Value::List(List::new(this.kind(), this.to_vec()))),
        },
        ("toJSONString", []) if this.kind() == ListKind::JsonArray => {
            text(&Value::List(this.clone()), budget).map(Value::string)
        }
        _ => return None,
    })
}

fn place(found: Result<Option<usize>, Exhausted>) -> Answer {
    let place = found?.map_or(-1, |place| place as i64);
    Ok(Value::integer(place))
}

/// Where an item stands.
fn find(
    list: &List,
    value: &Value,
    budget: &mut Budget,
    last: bool,
) -> Result<Option<usize>, Exhausted> {
    let mut found = None;
    let mut place = 0;
    while let Some(item) = list.get(place) {
        if comparison::equals(&item, value, budget)? {
            found = Some(place);
            if !last {
                break;
            }
        }
        place += 1;
    }
    Ok(found)
}

/// Keeps the items that are in another list, or that are not.
fn filter(list: &List, other: &List, keep: bool, budget: &mut Budget) -> Result<bool, Exhausted> {
    let mut kept = Vec::new();
    let items = list.to_vec();
    let before = items.len();
    for item in items {
        if find(other, &item, budget, false)?.is_some() == keep {
            kept.push(item);
        }
    }
    let changed = kept.len() != before;
    list.replace(kept);
    Ok(changed)
}
