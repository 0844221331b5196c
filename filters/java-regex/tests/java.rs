//! Random patterns on random texts, against `java.util.regex` itself where there is a Java 17 or
//! later.
#![cfg(not(target_family = "wasm"))]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test on a machine"
)]

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};

use attache_java_regex::{MatchError, Pattern};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

/// How many patterns: one start of Java does for all.
const CASES: usize = 20_000;

/// Pieces of patterns. Quantified groups that can match nothing are not among them: there Java's
/// captures depend on how it has optimised the group.
fn pattern() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "a",
        "b",
        "c",
        "é",
        "😀",
        ".",
        "^",
        "$",
        r"\b",
        r"\B",
        r"\A",
        r"\z",
        r"\Z",
        r"\G",
        r"\d",
        r"\D",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        r"\h",
        r"\v",
        r"\R",
        "[ab]",
        "[^ab]",
        "[a-c&&[^b]]",
        "[a[bc]]",
        "[^a[bc]&&b]",
        "[a-]",
        "[]a]",
        r"[\d_]",
        r"[^\s]",
        "[&&a]",
        "[a&&&b]",
        "[a&b]",
        r"\p{L}",
        r"\P{Lu}",
        r"\p{Alpha}",
        r"\p{Punct}",
        r"\p{IsAlphabetic}",
        r"\pN",
        r"\p{javaLetterOrDigit}",
        r"\Qa.b\E",
        r"\x41",
        r"é",
        r"\061",
        r"\n",
        "(?i)",
        "(?i:aB)",
        "(?s).",
        "(?m)^",
        "(?m)$",
        "(?d)$",
        "(?x) a ",
        "(?U)\\w",
        "(?u)",
        "-",
        " ",
        "A",
        "B",
        "1",
        "_",
        "\\1",
        "\\2",
        "]",
        "}",
        ",",
        "=",
        "\\.",
        "(?=a)",
        "(?!a)",
        "(?<=a)",
        "(?<!a|bc)",
        "(?<=^|b)",
        "(a)",
        "(b|a)",
        "(a|ab)",
        "(?<n>a)",
        "\\k<n>",
        "(?>a|ab)",
        "\r\n",
        "\u{85}",
    ]);
    let quantifier = prop::sample::select(vec![
        "", "", "", "", "?", "*", "+", "??", "*?", "+?", "?+", "*+", "++", "{2}", "{0,1}", "{1,2}",
        "{2,}", "{1,2}?", "{1,3}+",
    ]);
    let leaf =
        (atom, quantifier.clone()).prop_map(|(atom, quantifier)| format!("{atom}{quantifier}"));
    leaf.prop_recursive(3, 12, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| parts.join("|")),
            inner.clone().prop_map(|inner| format!("({inner})")),
            (inner.clone(), quantifier.clone())
                .prop_map(|(inner, quantifier)| format!("(?:a{inner}){quantifier}")),
            (inner.clone(), quantifier.clone())
                .prop_map(|(inner, quantifier)| format!("({inner}b){quantifier}")),
            inner.prop_map(|inner| format!("(?={inner})")),
        ]
    })
}

/// Nothing beyond 16 bits: Java finds nothing also between the halves of a surrogate pair.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b", "c", "A", "B", "1", "_", " ", "\n", "\r", "\r\n", "\u{85}", "\u{2028}", "é", "É",
        "e\u{301}", "-", ".", "ab", "aab", "\t", "ß", "]",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn replacement() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "<$0>", "$1", "${n}", "\\$1", "$12", "$", "a\\", "x$1y$2", "$a",
    ])
}

fn ours(pattern: &str, text: &str, replacement: &str) -> Result<String, MatchError> {
    let Ok(pattern) = Pattern::compile(pattern) else {
        return Ok("refused".to_owned());
    };
    let mut answer = format!("{} ", pattern.is_full_match(text)?);
    for groups in pattern.find_all(text) {
        let groups = groups?;
        let range = groups.range();
        write!(answer, "[{},{}", range.start, range.end).unwrap();
        for group in 1..groups.len() {
            match groups.get(group) {
                Some(range) => write!(answer, " {},{}", range.start, range.end).unwrap(),
                None => answer += " -",
            }
        }
        answer.push(']');
    }
    match pattern.replace_all(text, replacement) {
        Ok(replaced) => answer += &format!(" {replaced}"),
        Err(MatchError::Replacement(_)) => answer += " wrong",
        Err(error) => return Err(error),
    }
    for limit in [0, -1, 2] {
        write!(answer, " [{}]", pattern.split(text, limit)?.join(", ")).unwrap();
    }
    Ok(answer)
}

fn hexadecimal(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// What Java answers, case by case; `None` without a Java.
fn of_java(cases: &[(String, String, &str)]) -> Option<Vec<String>> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/JavaOracle.java");
    let mut java = Command::new("java")
        .arg(source)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let lines = cases.iter().fold(String::new(), |lines, case| {
        let fields = [&case.0, &case.1, case.2].map(hexadecimal);
        lines + &fields.join(" ") + "\n"
    });
    let mut input = java.stdin.take().unwrap();
    // Written beside, since Java answers while it reads.
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let mut output = String::new();
    java.stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    writer.join().unwrap().unwrap();
    assert!(java.wait().unwrap().success());
    let answers = output.lines().map(|line| {
        let bytes = line.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        String::from_utf8(bytes.map(byte).collect()).unwrap()
    });
    Some(answers.collect())
}

/// Whether what a group has matched can depend on a defect of Java: ways that possessive
/// quantifiers, atomic groups and look-around have given up leave their groups behind.
fn keeps_groups_of_ways_given_up(pattern: &str) -> bool {
    ["?+", "*+", "++", "}+", "(?=", "(?!", "(?<", "(?>"]
        .iter()
        .any(|construct| pattern.contains(construct))
}

/// An answer with the matches, and without their groups and the replacement.
fn without_groups(answer: &str) -> Vec<&str> {
    let mut places = answer.split('[');
    let whole = places.next();
    // The last three are the parts that are left when the text is split at the matches.
    let matches: Vec<&str> = places
        .map(|one| one.split([' ', ']']).next().unwrap())
        .take_while(|range| range.contains(',') && !range.ends_with(','))
        .collect();
    whole.into_iter().take(1).chain(matches).collect()
}

#[test]
fn java_says_the_same() {
    let mut runner = TestRunner::new(Config::default());
    let strategy = (pattern(), text(), replacement());
    let cases: Vec<(String, String, &str)> = (0..CASES)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    let Some(answers) = of_java(&cases) else {
        println!("skipped: there is no `java`");
        return;
    };
    assert_eq!(answers.len(), cases.len());
    let mut different = String::new();
    let mut compared = 0;
    for ((pattern, text, replacement), java) in cases.iter().zip(&answers) {
        if java == "overflow" {
            continue;
        }
        compared += usize::from(java != "refused");
        let ours = ours(pattern, text, replacement).unwrap();

        if keeps_groups_of_ways_given_up(pattern) {
            if [r"\1", r"\2", r"\k"]
                .iter()
                .any(|reference| pattern.contains(reference))
            {
                continue;
            }
            if without_groups(&ours) == without_groups(java) {
                continue;
            }
        }
        if ours != *java {
            writeln!(
                different,
                "{pattern:?} on {text:?} with {replacement:?}\n  Java {java:?}\n  here {ours:?}"
            )
            .unwrap();
        }
    }
    assert!(different.is_empty(), "{different}");
    assert!(compared > CASES / 4, "{compared}");
}
