//! Templates of the test suites of Apache Velocity, airspeed and Velocity.js. What counts is what
//! Apache Velocity 1.7 makes of them; a case whose suite expects something else is left out.

use attache_conformance::{Suite, corpus, json_lines};
use attache_values::json::{self, ReadOptions};
use attache_velocity::{Context, Dialect, Limits, Template};
use serde::Deserialize;

/// A template, and what it prints; nothing where it is refused.
#[derive(Deserialize)]
struct Case {
    id: String,
    template: String,
    context: serde_json::Value,
    expected: Option<String>,
    agrees: bool,
}

#[test]
fn velocity() {
    let Some(folder) = corpus("vtl") else {
        return;
    };
    let mut suite = Suite::new("velocity").unwrap();
    for file in ["apache-velocity", "airspeed", "velocityjs"] {
        let cases: Vec<Case> = json_lines(&folder.join(format!("{file}.jsonl"))).unwrap();
        for case in cases.iter().filter(|case| case.agrees) {
            suite.record(&case.id, check(case));
        }
    }
    suite.finish().unwrap();
}

fn check(case: &Case) -> Result<(), String> {
    match (render(case), &case.expected) {
        (Ok(printed), Some(expected)) if printed == *expected => Ok(()),
        (Ok(printed), Some(expected)) => Err(format!("printed {printed:?}, not {expected:?}")),
        (Ok(printed), None) => Err(format!("printed {printed:?}, Velocity refuses it")),
        (Err(error), Some(_)) => Err(error),
        (Err(_), None) => Ok(()),
    }
}

fn render(case: &Case) -> Result<String, String> {
    let template = Template::with_dialect(&case.template, Dialect::Apache);
    let template = template.map_err(|error| error.to_string())?;
    let mut context = Context::new();
    for (name, value) in case.context.as_object().into_iter().flatten() {
        let document = json::read(&value.to_string(), ReadOptions::default());
        let document = document.map_err(|error| error.to_string())?;
        context.set(name, document.value);
    }
    let printed = template.render(&context, &Limits::default());
    printed.map_err(|error| error.to_string())
}
