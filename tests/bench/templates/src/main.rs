//! Renders the templates that come in, one JSON document a line, and says how long each took:
//! `tests/bench/templates.py` asks other engines the same.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a tool that ends with a message when its input is wrong"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use attache_values::Value;
use attache_values::json::{self, ReadOptions};
use attache_velocity::{Context, Limits, Template};

/// How often is measured; the quickest counts, which a busy machine disturbed least.
const ROUNDS: usize = 9;

/// How long one round takes at least.
const ROUND: Duration = Duration::from_millis(50);

fn main() {
    for line in std::io::stdin().lines() {
        let line = line.expect("a line of text");
        let case: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
        let text = case["template"].as_str().expect("a template");
        let variables = case["variables"].to_string();
        let template = Template::compile(text).expect("a template");
        let context = context(&variables);
        let limits = Limits::default();
        let mut printed = String::new();
        let render = |out: &mut String| {
            out.clear();
            template
                .render_into(black_box(&context), &limits, out)
                .expect("it renders");
        };
        render(&mut printed);
        let rendering = measure(|| render(black_box(&mut printed)));
        let compiling = measure(|| {
            black_box(Template::compile(black_box(text)).expect("a template"));
        });
        let answer = serde_json::json!({
            "nanoseconds": rendering, "compile": compiling, "printed": printed,
        });
        println!("{answer}");
    }
}

fn context(variables: &str) -> Context {
    let document = json::read(variables, ReadOptions::default()).expect("variables");
    let mut context = Context::new();
    if let Value::Map(variables) = document.value {
        for name in variables.keys() {
            context.set(&name, variables.get(&name).unwrap_or(Value::Null));
        }
    }
    context
}

/// Nanoseconds of one call.
fn measure(mut call: impl FnMut()) -> f64 {
    let mut times = 1_u32;
    let mut round = |times: u32| {
        let start = Instant::now();
        for _ in 0..times {
            call();
        }
        start.elapsed()
    };
    while round(times) < ROUND {
        times = times.saturating_mul(2);
    }
    let quickest = (0..ROUNDS).map(|_| round(times)).min().unwrap_or_default();
    quickest.as_secs_f64() * 1e9 / f64::from(times)
}
