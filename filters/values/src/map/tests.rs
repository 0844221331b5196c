use wasm_bindgen_test::wasm_bindgen_test;

use super::{Map, MapKind};
use crate::Value;

#[wasm_bindgen_test(unsupported = test)]
fn order_is_that_of_insertion() {
    for length in [3, 40] {
        let map: Map = (0..length)
            .map(|n| (format!("k{n}"), Value::integer(n)))
            .collect();
        map.insert("k1", Value::Null);
        assert!(map.remove("k0").is_some());
        assert!(map.remove("k0").is_none());
        map.insert("k0", Value::Null);
        let mut expected: Vec<_> = (1..length).map(|n| format!("k{n}")).collect();
        expected.push("k0".to_owned());
        let keys = map.keys();
        assert!(keys.iter().map(|key| &**key).eq(expected.iter()));
        for (position, key) in expected.iter().enumerate() {
            assert!(map.contains_key(key), "{key}");
            assert_eq!(
                map.entry(position).map(|entry| entry.0).as_deref(),
                Some(&**key)
            );
        }
        assert!(matches!(map.get("k1"), Some(Value::Null)));
        map.clear();
        assert!(map.is_empty() && map.get("k1").is_none());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn header_fields_are_found_in_any_case() {
    let map = Map::of(MapKind::Fields);
    for n in 0..20 {
        map.insert(format!("x-{n}-a"), Value::integer(n));
    }
    assert!(map.contains_key("X-7-A"));
    map.insert("X-7-a", Value::Null);
    assert_eq!(map.len(), 20);
    assert!(Map::new().get("x").is_none());
    let plain: Map = [("x", Value::Null)].into_iter().collect();
    assert!(!plain.contains_key("X"));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_part_of_the_context_prints_nothing() {
    let map = Map::of(MapKind::Context);
    map.insert("user", Value::Null);
    let value = Value::Map(map);
    let mut out = String::new();
    value.print(&mut out);
    assert_eq!(
        (out.as_str(), value.to_json().as_str()),
        ("", r#"{"user":null}"#)
    );
}
