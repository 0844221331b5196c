use std::cmp::Ordering;

use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::Number;

fn printed(number: &Number) -> String {
    let mut out = String::new();
    number.print(&mut out);
    out
}

fn parsed(text: &str) -> Number {
    Number::parse(text).unwrap_or_else(|| panic!("`{text}` is a number"))
}

/// What Java 17 with json-smart 2.2 prints.
#[wasm_bindgen_test(unsupported = test)]
fn numbers_print_as_in_java() {
    let cases = [
        ("0", "0"),
        ("-0", "0"),
        ("-", "0"),
        ("007", "7"),
        ("-01", "-1"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("0000000000000000000001", "1"),
        ("-00000000000000000000012", "-12"),
        ("1.", "1.0"),
        ("-.5", "-0.5"),
        ("1.e5", "100000.0"),
        ("1.10", "1.1"),
        ("-0.0", "-0.0"),
        ("100.0", "100.0"),
        ("9999999.0", "9999999.0"),
        ("10000000.0", "1.0E7"),
        ("0.001", "0.001"),
        ("0.0001", "1.0E-4"),
        ("123456789.123", "1.23456789123E8"),
        ("1E+5", "100000.0"),
        ("1.5E-7", "1.5E-7"),
        ("123456789e300", "1.23456789E308"),
        ("1.2345678901234567", "1.2345678901234567"),
        ("0.1234567890123456789", "0.1234567890123456789"),
        ("1.234567890123456789e5", "123456.7890123456789"),
        ("1.234567890123456789e-10", "1.234567890123456789E-10"),
        ("12345678901234567.5", "12345678901234567.5"),
        ("0.00000000000000001", "1E-17"),
        ("123456789012345678e1", "1.23456789012345678E+18"),
        ("1.0000000000000000000", "1.0000000000000000000"),
        ("100000000000000000000.00", "100000000000000000000.00"),
    ];
    for (text, expected) in cases {
        assert_eq!(printed(&parsed(text)), expected, "{text}");
    }
}

/// Where json-smart rounds, overflows or gives up, the number is kept instead.
#[wasm_bindgen_test(unsupported = test)]
fn no_digit_is_lost() {
    let cases = [
        // json-smart: 9.007199254740992E15
        ("9007199254740993.0", "9007199254740993.0"),
        // json-smart: Infinity
        ("1E400", "1E+400"),
        ("-25e998", "-2.5E+999"),
        // json-smart: 0.0
        ("1e-400", "1E-400"),
        // json-smart: a NumberFormatException
        ("1.5e99999999999", "1.5e99999999999"),
    ];
    for (text, expected) in cases {
        assert_eq!(printed(&parsed(text)), expected, "{text}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_java_does_not_read_is_no_number() {
    for text in [
        "", ".", "-.", "e5", "1e", "1e+", "1e5.0", "+1", "1 ", "0x1", "1.2.3", "--1", "NaN",
    ] {
        assert!(Number::parse(text).is_none(), "{text}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn numbers_compare_by_value() {
    use Ordering::{Equal, Greater, Less};
    let cases = [
        ("1", "1.0", Equal),
        ("0", "-0.0", Equal),
        ("100", "1e2", Equal),
        ("0.1", "0.1000000000000000000000", Equal),
        ("9007199254740993", "9007199254740992.0", Greater),
        ("9223372036854775808", "9223372036854775807", Greater),
        ("-9223372036854775809", "-9223372036854775808", Less),
        ("1e400", "1e401", Less),
        ("-1e400", "-1e401", Greater),
        ("1e-400", "0", Greater),
        ("-1e-400", "0", Less),
        ("0.5", "0.49", Greater),
        ("12", "123", Less),
    ];
    for (left, right, expected) in cases {
        let (left, right) = (parsed(left), parsed(right));
        assert_eq!(left.compare(&right), Some(expected), "{left:?} {right:?}");
        assert_eq!(right.compare(&left), Some(expected.reverse()));
    }
    let infinity = Number::Double(f64::INFINITY);
    assert_eq!(parsed("1e400").compare(&infinity), Some(Less));
    assert_eq!(infinity.compare(&parsed("-1e400")), Some(Greater));
    assert_eq!(parsed("1").compare(&Number::Double(f64::NAN)), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn integers_are_what_java_has_as_integers() {
    for (text, integer) in [
        ("1", true),
        ("9223372036854775808", true),
        ("1.0", false),
        ("1E400", false),
        ("100000000000000000000.00", false),
    ] {
        assert_eq!(parsed(text).is_integer(), integer, "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(double in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
        let text = printed(&Number::Double(double));
        prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), double.to_bits());
    }

    #[test]
    fn integers_compare_as_integers(left: i64, right: i64) {
        let (left, right) = (Number::Integer(left), Number::Integer(right));
        let order = left.decimal().unwrap().cmp(&right.decimal().unwrap());
        prop_assert_eq!(left.compare(&right), Some(order));
    }

    #[test]
    fn no_text_panics(text in "[-+.eE0-9]{0,40}") {
        if let Some(number) = Number::parse(&text) {
            let _ = number.compare(&Number::Double(1.5));
            let again = printed(&number);
            prop_assert!(Number::parse(&again).is_some_and(|again| again.equals(&number)), "{}", again);
        }
    }
}
