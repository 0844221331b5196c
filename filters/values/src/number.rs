//! Numbers, kept exact.

use std::sync::Arc;

/// A number. What JSON wrote is never rounded: a decimal that neither an integer nor a double
/// holds exactly is kept as its digits.
#[derive(Clone, Debug)]
pub enum Number {
    /// Java's `Integer` and `Long`.
    Integer(i64),
    /// Java's `Double`.
    Double(f64),
    /// Java's `BigInteger` and `BigDecimal`, as their `toString` writes them.
    Big(Arc<str>),
}

impl Number {
    /// Writes the number as Java's `toString` does: `1`, `1.0`, `1.0E10`, `NaN`.
    pub fn print(&self, out: &mut String) {
        match self {
            Self::Integer(integer) => out.push_str(&integer.to_string()),
            Self::Double(double) => print_double(*double, out),
            Self::Big(text) => out.push_str(text),
        }
    }
}

/// Java's `Double.toString`: plain from 10⁻³ up to 10⁷, scientific outside, always with a decimal
/// point.
fn print_double(double: f64, out: &mut String) {
    if double.is_nan() {
        return out.push_str("NaN");
    }
    if double.is_infinite() {
        return out.push_str(if double < 0.0 {
            "-Infinity"
        } else {
            "Infinity"
        });
    }
    let magnitude = double.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return out.push_str(&format!("{double:?}"));
    }
    let text = format!("{double:E}");
    let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
    out.push_str(digits);
    if !digits.contains('.') {
        out.push_str(".0");
    }
    out.push('E');
    out.push_str(exponent);
}
