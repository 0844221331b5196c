//! Every target with its corpus, and with random mutations of it.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use std::panic::catch_unwind;

use attache_fuzz::{TARGETS, Target, corpus};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// How many mutated inputs each target is given: a few seconds for all of them together.
const MUTATIONS: u32 = 200;

/// The longest range that one mutation takes away or writes twice, in bytes.
const LONGEST_RANGE: usize = 64;

/// What has broken parsers before, and what the ones here look for.
const CHUNKS: [&[u8]; 48] = [
    b"\0",
    b"\r\n",
    b"\n",
    b"\r",
    b"\t",
    b" ",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b"%",
    b"%00",
    b"%0d%0a",
    b"%2e%2e%2f",
    b"%zz",
    b"/",
    b"//",
    b"/../",
    b"\\",
    b"?",
    b"#",
    b"&",
    b";",
    b"=",
    b"+",
    b":",
    b": ",
    b",",
    b"\"",
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b"- ",
    b"&a ",
    b"*a",
    b"<<: *a\n",
    b"!!binary ",
    b"${stageVariables.backend}",
    b"~1",
    b"1e999",
    b"-1",
    b"18446744073709551616",
    b"null",
    b"true",
];

#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Repeat(Index, usize),
    /// The end of another input takes the place of this one's.
    Splice(Index, Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let chunk = prop_oneof![
        4 => prop::sample::select(CHUNKS.to_vec()).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..8),
    ];
    prop_oneof![
        any::<(Index, u8)>().prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (any::<Index>(), chunk).prop_map(|(at, chunk)| Mutation::Insert(at, chunk)),
        (any::<Index>(), 1..LONGEST_RANGE).prop_map(|(at, length)| Mutation::Remove(at, length)),
        (any::<Index>(), 1..LONGEST_RANGE).prop_map(|(at, length)| Mutation::Repeat(at, length)),
        any::<(Index, Index, Index)>()
            .prop_map(|(at, other, from)| Mutation::Splice(at, other, from)),
    ]
}

fn mutate(input: &mut Vec<u8>, mutation: &Mutation, inputs: &[corpus::Input]) {
    let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
    match mutation {
        Mutation::Replace(at, byte) => {
            if !input.is_empty() {
                let at = at.index(input.len());
                input[at] = *byte;
            }
        }
        Mutation::Insert(at, chunk) => {
            let at = place(at, input);
            input.splice(at..at, chunk.iter().copied());
        }
        Mutation::Remove(at, length) => {
            let at = place(at, input);
            let end = (at + length).min(input.len());
            input.drain(at..end);
        }
        Mutation::Repeat(at, length) => {
            let at = place(at, input);
            let range = input[at..(at + length).min(input.len())].to_vec();
            input.splice(at..at, range);
        }
        Mutation::Splice(at, other, from) => {
            let other = &inputs[other.index(inputs.len())].bytes;
            input.truncate(place(at, input));
            input.extend_from_slice(&other[place(from, other)..]);
        }
    }
}

fn run_corpus(target: Target) {
    let inputs = corpus::inputs(target.name);
    assert!(!inputs.is_empty(), "`{}` has no corpus", target.name);
    let mut broken = Vec::new();
    for input in inputs {
        if catch_unwind(|| (target.run)(&input.bytes)).is_err() {
            broken.push(input.file);
        }
    }
    assert!(broken.is_empty(), "broken by {broken:#?}");
}

fn run_mutations(target: Target) {
    let inputs = corpus::inputs(target.name);
    let mut runner = TestRunner::new(Config {
        cases: MUTATIONS,
        failure_persistence: None,
        ..Config::default()
    });
    let mutations = prop::collection::vec(mutation(), 1..6);
    let outcome = runner.run(&(any::<Index>(), mutations), |(start, mutations)| {
        let mut input = inputs[start.index(inputs.len())].bytes.clone();
        for mutation in &mutations {
            mutate(&mut input, mutation, &inputs);
        }
        catch_unwind(|| (target.run)(&input)).map_err(|_| {
            // The whole of it, to be put into the corpus.
            TestCaseError::fail(format!("broken by b\"{}\"", input.escape_ascii()))
        })
    });
    outcome.unwrap_or_else(|error| panic!("{}: {error}", target.name));
}

macro_rules! targets {
    ($($test:ident: $name:literal,)+) => {
        const TESTED: &[&str] = &[$($name),+];

        $(mod $test {
            use super::{Target, run_corpus, run_mutations};

            #[test]
            fn corpus() {
                run_corpus(Target::named($name).unwrap());
            }

            #[test]
            fn mutations() {
                run_mutations(Target::named($name).unwrap());
            }
        })+
    };
}

targets! {
    api_key_configuration: "api-key-configuration",
    api_key_file: "api-key-file",
    authorization: "authorization",
    authorizer_answer: "authorizer-answer",
    configuration: "configuration",
    definition_json: "definition-json",
    definition_yaml: "definition-yaml",
    gateway_document: "gateway-document",
    header_map: "header-map",
    iam_policy: "iam-policy",
    json: "json",
    json_path: "json-path",
    json_schema: "json-schema",
    json_web_key_set: "json-web-key-set",
    json_web_token: "json-web-token",
    lambda_response: "lambda-response",
    mapping_template: "mapping-template",
    regular_expression: "regular-expression",
    request_head: "request-head",
    response_head: "response-head",
    signed_request: "signed-request",
    template: "template",
    template_with_values: "template-with-values",
    trace_id: "trace-id",
    usage_plan_configuration: "usage-plan-configuration",
}

#[test]
fn every_target_is_tested_and_has_its_folder() {
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(TESTED, names);
    assert_eq!(corpus::names(), names);
}
