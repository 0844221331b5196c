//! A template, and a template with the values that it is rendered with.
//!
//! What is no template is refused with a place in it. What is one prints the same each time, in
//! both dialects, within its limits; and behind what was there before.

use attache_values::Value;
use attache_values::json::{self, ReadOptions};
use attache_velocity::{Context, Dialect, Limits, Template};

/// Small, so that templates that never end do not hold the others up.
const LIMITS: Limits = Limits {
    iterations: 100,
    output: 10_000,
    calls: 20,
    work: 20_000,
};

/// What templates without values of their own find.
const VALUES: &str = r#"{"a": "text", "n": 1, "l": [1, [2], {"k": null}], "m": {"a": {"b": 1.5}}}"#;

/// The input is a template.
pub(super) fn template(input: &[u8]) {
    check(&String::from_utf8_lossy(input), VALUES);
}

/// The input is a template, a byte that is 0, and a JSON object of values.
pub(super) fn with_values(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default());
    let template = part();
    check(&template, &part());
}

fn check(text: &str, values: &str) {
    for dialect in [Dialect::ApiGateway, Dialect::Apache] {
        let template = match Template::with_dialect(text, dialect) {
            Ok(template) => template,
            Err(error) => {
                let lines = text.split('\n').count();
                assert!((1..=lines).contains(&(error.line as usize)), "{error}");
                assert!(error.column >= 1 && !error.message.is_empty(), "{error}");
                continue;
            }
        };
        let first = template.render(&context(values), &LIMITS);
        let mut again = String::from("before");
        let outcome = template.render_into(&context(values), &LIMITS, &mut again);
        match (first, outcome) {
            (Ok(printed), Ok(())) => {
                assert!(printed.len() <= LIMITS.output);
                assert_eq!(again.strip_prefix("before"), Some(printed.as_str()));
            }
            (Err(first), Err(second)) => assert_eq!(first, second),
            (first, second) => panic!("{first:?}, then {second:?}"),
        }
    }
}

/// Made anew each time, as templates change what they find.
fn context(values: &str) -> Context {
    let mut context = Context::new();
    let document = json::read(values, ReadOptions::default());
    if let Ok(Value::Map(variables)) = document.map(|document| document.value) {
        for name in variables.keys() {
            context.set(&name, variables.get(&name).unwrap_or(Value::Null));
        }
    }
    context
}
