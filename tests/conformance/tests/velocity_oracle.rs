//! The template engine beside Apache Velocity 1.7 itself, on templates that nobody wrote.
//!
//! Needs a JDK and Debian's packages `velocity`, `libjson-smart-java` and what they need; without
//! them it says so and passes. `ATTACHE_TEMPLATES` says how many templates, `ATTACHE_SEED` from
//! which seed.
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]

#[path = "velocity_oracle/generate.rs"]
mod generate;
#[path = "velocity_oracle/oracle.rs"]
mod oracle;

use attache_values::{Value, json};
use attache_velocity::{Context, Dialect, Limits, Template};

use generate::Generator;
use oracle::{Answer, Oracle};

/// What every template finds.
const VARIABLES: &str = r#"{
    "a": "Alpha", "b": "beta, gamma", "e": "", "n": 5, "k": -3, "d": 2.5, "t": true, "f": false,
    "z": null, "big": 9223372036854775807,
    "l": [1, "two", null, 4.0], "empty": [],
    "m": {"a": 1, "b": {"c": "deep", "l": [3, 2, 1]}, "empty": "x"},
    "items": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}, {"id": 3}],
    "u": "größe €𝄞"
}"#;

#[test]
fn velocity_oracle() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let count: u64 = number("ATTACHE_TEMPLATES").unwrap_or(400);
    let first: u64 = number("ATTACHE_SEED").unwrap_or(1);
    let mut rendered = 0;
    let mut differences = Vec::new();
    for seed in first..first + count {
        let template = Generator::new(seed).template();
        for (name, dialect) in [
            ("apache", Dialect::Apache),
            ("api-gateway", Dialect::ApiGateway),
        ] {
            let expected = oracle.render(name, &template, VARIABLES);
            let printed = render(&template, dialect);
            let same = match (&expected, &printed) {
                (Answer::Printed(expected), Ok(printed)) => expected == printed,
                (Answer::Refused(_), Err(_)) => true,
                (Answer::Refused(reason), _) => is_known(reason),
                _ => false,
            };
            rendered += usize::from(matches!(expected, Answer::Printed(_)));
            if !same {
                differences.push(format!(
                    "seed {seed}, {name}:\n{template}\n--- expected {expected:?}\n--- got {printed:?}\n"
                ));
                break;
            }
        }
    }
    let total = differences.len();
    differences.truncate(10);
    assert!(
        differences.is_empty(),
        "{total} templates differ\n{}",
        differences.join("\n")
    );
    oracle::say(&format!(
        "velocity_oracle: {count} templates in two dialects, {rendered} rendered"
    ));
    // The generator would be of no use if Velocity refused most of what it makes.
    assert!(rendered as u64 > count / 2, "{rendered}");
}

/// Refusals that the engine does not share, and has no reason to.
fn is_known(reason: &str) -> bool {
    [
        // What a map's key set holds follows the map in Java; here it is a list.
        "ConcurrentModification",
        // A range of all integers, which is refused here by the work it takes.
        "OutOfMemory",
        // Java has two kinds of small integers.
        "java.lang.Integer cannot be cast to class java.lang.Long",
        "java.lang.Long cannot be cast to class java.lang.Integer",
    ]
    .iter()
    .any(|known| reason.contains(known))
}

fn render(template: &str, dialect: Dialect) -> Result<String, String> {
    let template = Template::with_dialect(template, dialect).map_err(|error| error.to_string())?;
    let limits = Limits {
        iterations: 10_000,
        ..Limits::default()
    };
    template
        .render(&context(), &limits)
        .map_err(|error| error.to_string())
}

/// Made anew each time: templates change what they find.
fn context() -> Context {
    let document = json::read(VARIABLES, json::ReadOptions::default()).unwrap();
    let mut context = Context::new();
    if let Value::Map(variables) = document.value {
        for name in variables.keys() {
            context.set(&name, variables.get(&name).unwrap());
        }
    }
    context
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
