//! The tree against a matcher that is obviously right: every template is compared with the
//! whole path, and the most specific of those that match and have the method wins.

use attache_model::{Protocol, Verb};
use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::Tree;
use crate::route::template::{Segment, parse};

const VERBS: [Verb; 3] = [Verb::Get, Verb::Post, Verb::Any];

/// Whether the template matches, and then how specific it is: the smaller, the more.
fn specificity(template: &[Segment<'_>], path: &[&str]) -> Option<Vec<u8>> {
    let (part, template) = match template.split_first() {
        None => return path.is_empty().then(Vec::new),
        Some(parts) => parts,
    };
    let (segment, path) = path.split_first()?;
    let rank = match part {
        Segment::Greedy(_) => return Some(vec![2]),
        Segment::Literal(text) if text == segment => 0,
        Segment::Parameter(_) if !segment.is_empty() => 1,
        _ => return None,
    };
    let mut ranks = specificity(template, path)?;
    ranks.insert(0, rank);
    Some(ranks)
}

fn reference(operations: &[(String, Verb)], path: &str, verb: Verb) -> Option<usize> {
    let inner = path.strip_prefix('/').unwrap().trim_end_matches('/');
    let segments: Vec<&str> = if inner.is_empty() {
        Vec::new()
    } else {
        inner.split('/').collect()
    };
    operations
        .iter()
        .enumerate()
        .filter(|(_, (_, method))| *method == verb || *method == Verb::Any)
        .filter_map(|(operation, (template, method))| {
            let template = parse(template, Protocol::Rest).unwrap();
            let ranks = specificity(&template, &segments)?;
            Some(((ranks, *method == Verb::Any), operation))
        })
        .min()
        .map(|(_, operation)| operation)
}

fn tree(operations: &[(String, Verb)]) -> Tree {
    let mut tree = Tree::default();
    for (operation, (path, method)) in operations.iter().enumerate() {
        let segments = parse(path, Protocol::Rest).unwrap();
        tree.insert(&segments, *method, operation).unwrap();
    }
    tree
}

fn template() -> impl Strategy<Value = String> {
    let part = prop_oneof![3 => "[ab]{1,2}", 2 => Just("{}".to_owned())];
    (prop::collection::vec(part, 0..5), any::<bool>()).prop_map(|(mut parts, greedy)| {
        if greedy {
            parts.push("{g+}".to_owned());
        }
        let named = parts
            .iter()
            .enumerate()
            .map(|(position, part)| part.replace("{}", &format!("{{p{position}}}")));
        format!("/{}", named.collect::<Vec<_>>().join("/"))
    })
}

/// Operations of which no two have the same path and method.
fn operations() -> impl Strategy<Value = Vec<(String, Verb)>> {
    let operation = (template(), prop::sample::select(VERBS.as_slice()));
    prop::collection::btree_set(operation, 1..12)
        .prop_map(|operations| operations.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{0,2}", 0..7).prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[wasm_bindgen_test(unsupported = test)]
    fn finds_what_the_reference_finds(operations in operations(), paths in prop::collection::vec(path(), 8)) {
        let tree = tree(&operations);
        for path in paths {
            for verb in [Verb::Get, Verb::Post, Verb::Put] {
                prop_assert_eq!(
                    tree.find(path.as_bytes(), verb),
                    reference(&operations, &path, verb),
                    "{} {} among {:?}", verb.as_str(), path, operations
                );
            }
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn any_bytes_are_searched_without_harm(operations in operations(), path in prop::collection::vec(any::<u8>(), 0..64)) {
        let found = tree(&operations).find(&path, Verb::Get);
        prop_assert!(found.is_none_or(|operation| operation < operations.len()));
    }
}

/// A literal beside a parameter at every level, and the method missing on every leaf but the
/// last one tried: the search has to go back everywhere, and still enters no node twice.
#[wasm_bindgen_test(unsupported = test)]
fn going_back_is_bounded_by_the_size_of_the_tree() {
    const DEPTH: u32 = 10;
    let operations: Vec<_> = (0..2_u32.pow(DEPTH))
        .map(|choice| {
            let path: String = (0..DEPTH)
                .map(|level| match choice >> level & 1 {
                    0 => "/a".to_owned(),
                    _ => format!("/{{p{level}}}"),
                })
                .collect();
            (path, Verb::Post)
        })
        .collect();
    let tree = tree(&operations);
    let path = "a/".repeat(DEPTH as usize);
    let mut entered = 0;
    let found = tree.search(
        &tree.nodes[0],
        Some(path.trim_end_matches('/').as_bytes()),
        Verb::Get,
        &mut |_| entered += 1,
    );
    assert_eq!(found, None);
    assert_eq!(entered, tree.nodes.len());
}

/// What a search does for one path does not depend on how many other operations there are.
#[wasm_bindgen_test(unsupported = test)]
fn the_search_is_the_same_among_ten_and_ten_thousand() {
    let entered = |count: usize| {
        let operations: Vec<_> = (0..count)
            .map(|number| (format!("/service{number}/items/{{id}}"), Verb::Get))
            .collect();
        let tree = tree(&operations);
        let mut entered = 0;
        let found = tree.search(
            &tree.nodes[0],
            Some(b"service7/items/42"),
            Verb::Get,
            &mut |_| entered += 1,
        );
        assert_eq!(found, Some(7));
        entered
    };
    assert_eq!(entered(10), 4);
    assert_eq!(entered(10_000), 4);
}
