//! Equality as `==` and Java's `equals` have it, and Java's `hashCode`.

use attache_values::{Number, Value};

use crate::arithmetic;
use crate::limits::{Budget, Exhausted};

/// How deep values are walked through.
const MAX_DEPTH: u32 = 128;

/// `==`: numbers by value, values of one kind by Java's `equals`, others by what they print.
///
/// # Errors
///
/// When the budget does not suffice.
pub(crate) fn equal(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, Exhausted> {
    match (left, right) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        (Value::Number(left), Value::Number(right)) => Ok(arithmetic::compare(left, right) == 0),
        (Value::String(_), Value::String(_))
        | (Value::Boolean(_), Value::Boolean(_))
        | (Value::List(_), Value::List(_))
        | (Value::Map(_), Value::Map(_)) => equals(left, right, budget),
        (Value::Object(left), Value::Object(right)) if std::rc::Rc::ptr_eq(left, right) => Ok(true),
        _ => Ok(budget.print(left)? == budget.print(right)?),
    }
}

/// Java's `equals`: an integer never equals a double.
///
/// # Errors
///
/// When the budget does not suffice.
pub(crate) fn equals(left: &Value, right: &Value, budget: &mut Budget) -> Result<bool, Exhausted> {
    equals_nested(left, right, budget, MAX_DEPTH)
}

fn equals_nested(
    left: &Value,
    right: &Value,
    budget: &mut Budget,
    depth: u32,
) -> Result<bool, Exhausted> {
    budget.step()?;
    let Some(depth) = depth.checked_sub(1) else {
        return Ok(false);
    };
    Ok(match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Boolean(left), Value::Boolean(right)) => left == right,
        (Value::String(left), Value::String(right)) => {
            budget.text(left.len().min(right.len()))?;
            left == right
        }
        (Value::Number(left), Value::Number(right)) => match (left, right) {
            (Number::Integer(left), Number::Integer(right)) => left == right,
            (Number::Double(left), Number::Double(right)) => {
                left == right || left.is_nan() && right.is_nan()
            }
            (Number::Big(left), Number::Big(right)) => left == right,
            _ => false,
        },
        (Value::List(left), Value::List(right)) => {
            if left.is(right) {
                return Ok(true);
            }
            if left.len() != right.len() {
                return Ok(false);
            }
            let mut place = 0;
            while let (Some(left), Some(right)) = (left.get(place), right.get(place)) {
                if !equals_nested(&left, &right, budget, depth)? {
                    return Ok(false);
                }
                place += 1;
            }
            true
        }
        (Value::Map(left), Value::Map(right)) => {
            if left.is(right) {
                return Ok(true);
            }
            if left.len() != right.len() {
                return Ok(false);
            }
            let mut place = 0;
            while let Some((key, left)) = left.entry(place) {
                match right.get(&key) {
                    Some(right) if equals_nested(&left, &right, budget, depth)? => {}
                    _ => return Ok(false),
                }
                place += 1;
            }
            true
        }
        (Value::Object(left), Value::Object(right)) => std::rc::Rc::ptr_eq(left, right),
        _ => false,
    })
}

/// Java's `hashCode`.
///
/// # Errors
///
/// When the budget does not suffice.
pub(crate) fn hash_code(value: &Value, budget: &mut Budget) -> Result<i32, Exhausted> {
    hash_nested(value, budget, MAX_DEPTH)
}

fn hash_nested(value: &Value, budget: &mut Budget, depth: u32) -> Result<i32, Exhausted> {
    budget.step()?;
    let Some(depth) = depth.checked_sub(1) else {
        return Ok(0);
    };
    let fold = |bits: u64| (bits ^ (bits >> 32)) as i32;
    Ok(match value {
        Value::Null => 0,
        Value::Boolean(true) => 1231,
        Value::Boolean(false) => 1237,
        Value::String(text) => hash_text(text, budget)?,
        Value::Number(Number::Integer(integer)) => match i32::try_from(*integer) {
            Ok(integer) => integer,
            Err(_) => fold(*integer as u64),
        },
        Value::Number(Number::Double(double)) => fold(double.to_bits()),
        Value::Number(Number::Big(text)) => hash_text(text, budget)?,
        Value::List(list) => {
            let mut hash = 1_i32;
            let mut place = 0;
            while let Some(item) = list.get(place) {
                let item = hash_nested(&item, budget, depth)?;
                hash = hash.wrapping_mul(31).wrapping_add(item);
                place += 1;
            }
            hash
        }
        Value::Map(map) => {
            let mut hash = 0_i32;
            let mut place = 0;
            while let Some((key, value)) = map.entry(place) {
                let key = hash_text(&key, budget)?;
                let value = hash_nested(&value, budget, depth)?;
                hash = hash.wrapping_add(key ^ value);
                place += 1;
            }
            hash
        }
        Value::Object(_) => 0,
    })
}

fn hash_text(text: &str, budget: &mut Budget) -> Result<i32, Exhausted> {
    budget.text(text.len())?;
    let units = text.encode_utf16();
    Ok(units.fold(0, |hash: i32, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    }))
}
