//! Arithmetic of Velocity's `MathUtils`: integers become larger integers when they overflow, a
//! double makes a double of the other side, and a division by zero has no value.

use std::cmp::Ordering;

use attache_values::Number;

use crate::limits::Exhausted;
use crate::methods::Refusal;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// What large integers may not exceed.
const TOO_LARGE: Refusal = Refusal::Limit(Exhausted("an integer becomes too large"));

/// An integer, or what has to be computed with as a double: doubles, and decimals that no double
/// holds exactly.
enum Operand {
    Integer(i128),
    Double(f64),
}

fn operand(number: &Number) -> Operand {
    match number {
        Number::Integer(integer) => Operand::Integer(i128::from(*integer)),
        Number::Double(double) => Operand::Double(*double),
        Number::Big(text) => match text.parse() {
            Ok(integer) => Operand::Integer(integer),
            Err(_) => Operand::Double(text.parse().unwrap_or(f64::NAN)),
        },
    }
}

/// Computes; None for a division by zero.
///
/// # Errors
///
/// When an integer would need more than 128 bits, and where Java has no modulus.
pub(crate) fn compute(
    arithmetic: Arithmetic,
    left_number: &Number,
    right_number: &Number,
) -> Result<Option<Number>, Refusal> {
    use Arithmetic as A;
    let divides = matches!(arithmetic, A::Divide | A::Modulo);
    if let (Number::Integer(left), Number::Integer(right)) = (left_number, right_number) {
        let (left, right) = (*left, *right);
        let small = match arithmetic {
            A::Add => left.checked_add(right),
            A::Subtract => left.checked_sub(right),
            A::Multiply => left.checked_mul(right),
            _ if right == 0 => return Ok(None),
            A::Divide => Some(left.wrapping_div(right)),
            A::Modulo => Some(left.wrapping_rem(right)),
        };
        if let Some(small) = small {
            return Ok(Some(Number::Integer(small)));
        }
    }
    match (operand(left_number), operand(right_number)) {
        (Operand::Integer(_), Operand::Integer(0)) if divides => Ok(None),
        (Operand::Integer(left), Operand::Integer(right)) => {
            let result = match arithmetic {
                A::Add => left.checked_add(right),
                A::Subtract => left.checked_sub(right),
                A::Multiply => left.checked_mul(right),
                A::Divide => left.checked_div(right),
                A::Modulo if right < 0 => return Err("the modulus is negative".into()),
                A::Modulo => left.checked_rem_euclid(right),
            };
            let result = result.ok_or(TOO_LARGE)?;
            // A result that is small again stays a large integer, as in Java; it prints alike.
            Ok(Some(match i64::try_from(result) {
                Ok(small) => Number::Integer(small),
                Err(_) => Number::Big(result.to_string().into()),
            }))
        }
        (left, right) => {
            let (left, right) = (to_double(&left), to_double(&right));
            if divides && right == 0.0 {
                return Ok(None);
            }
            let has_big = matches!(
                (left_number, right_number),
                (Number::Big(_), _) | (_, Number::Big(_))
            );
            if has_big && arithmetic == A::Modulo {
                return Err("large decimals have no modulus".into());
            }
            Ok(Some(Number::Double(match arithmetic {
                A::Add => left + right,
                A::Subtract => left - right,
                A::Multiply => left * right,
                A::Divide => left / right,
                A::Modulo => left % right,
            })))
        }
    }
}

fn to_double(operand: &Operand) -> f64 {
    match operand {
        Operand::Integer(integer) => *integer as f64,
        Operand::Double(double) => *double,
    }
}

/// Below 0, 0 or above 0. Not a number is equal to all, as in Velocity.
pub(crate) fn compare(left: &Number, right: &Number) -> i32 {
    if matches!((left, right), (Number::Big(_), _) | (_, Number::Big(_))) {
        return left.compare(right).unwrap_or(Ordering::Equal) as i32;
    }
    let ordering = match (operand(left), operand(right)) {
        (Operand::Integer(left), Operand::Integer(right)) => left.cmp(&right),
        (left, right) => to_double(&left)
            .partial_cmp(&to_double(&right))
            .unwrap_or(Ordering::Equal),
    };
    ordering as i32
}

/// Java's `intValue`.
pub(crate) fn to_int(number: &Number) -> i64 {
    i64::from(match operand(number) {
        Operand::Integer(integer) => integer as i32,
        Operand::Double(double) => double as i32,
    })
}

/// Java's `longValue`.
pub(crate) fn to_long(number: &Number) -> i64 {
    match operand(number) {
        Operand::Integer(integer) => integer as i64,
        Operand::Double(double) => double as i64,
    }
}

/// Java's `doubleValue`.
pub(crate) fn double_value(number: &Number) -> f64 {
    to_double(&operand(number))
}
