//! Plays every scenario of the folder in both worlds, and prints a line for each and one for all.
//!
//! An argument plays only the scenarios whose name contains it; `memory` and `envoy` only those
//! worlds.
#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "this is a test runner: it prints what it runs"
)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use attache_scenarios::gateway::GatewaySubject;
use attache_scenarios::in_envoy::InEnvoy;
use attache_scenarios::memory::Memory;
use attache_scenarios::{Only, Scenario, play};

const WORLDS: [&str; 2] = ["memory", "envoy"];

fn main() -> ExitCode {
    let scenarios = match Scenario::all(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        Ok(scenarios) => scenarios,
        Err(error) => {
            println!("scenarios: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Whatever begins with a dash is meant for the usual test harness.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let (worlds, names): (Vec<&str>, Vec<&str>) = arguments
        .iter()
        .map(String::as_str)
        .partition(|argument| WORLDS.contains(argument));
    let wanted = |world: &str, name: &str| {
        (worlds.is_empty() || worlds.contains(&world))
            && (names.is_empty() || names.iter().any(|part| name.contains(part)))
    };
    let mut played = BTreeMap::from(WORLDS.map(|world| (world, 0)));
    let mut failed = 0_usize;
    for (name, scenario) in &scenarios {
        for world in WORLDS {
            let elsewhere = matches!(
                (&scenario.only, world),
                (Some(Only::Memory(_)), "envoy") | (Some(Only::Envoy(_)), "memory")
            );
            if elsewhere || !wanted(world, name) {
                continue;
            }
            *played.entry(world).or_insert(0) += 1;
            let faults = play_in(world, scenario);
            if faults.is_empty() {
                println!("{name} in {world}: ok");
            } else {
                failed += 1;
                println!("{name} in {world}: FAILED: {}", scenario.description);
                for fault in faults {
                    println!("    {fault}");
                }
            }
        }
    }
    println!(
        "scenarios: {} files, {} played in memory, {} in envoy, {failed} failed",
        scenarios.len(),
        played["memory"],
        played["envoy"]
    );
    // In the words of the usual test harness, which is what adds up the rings reads.
    let passed = played.values().sum::<usize>() - failed;
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {result}. {passed} passed; {failed} failed; 0 ignored");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn play_in(world: &str, scenario: &Scenario) -> Vec<String> {
    let played = catch_unwind(AssertUnwindSafe(|| match world {
        "memory" => Memory::new(&GatewaySubject, scenario)
            .map_or_else(refused, |mut world| play(scenario, &mut world)),
        _ => InEnvoy::new(&GatewaySubject, scenario)
            .map_or_else(refused, |mut world| play(scenario, &mut world)),
    }));
    played.unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        vec![format!("panicked: {}", message.unwrap_or("without words"))]
    })
}

fn refused(reason: String) -> Vec<String> {
    vec![format!("the configuration is refused: {reason}")]
}
