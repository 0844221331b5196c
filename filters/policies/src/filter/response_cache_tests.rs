use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{PathTemplate, ResponseCacheFilter};
use crate::exchange::Service;

fn compile(configuration: &Value, key: Option<&str>) -> Result<ResponseCacheFilter, Vec<String>> {
    let key = key.map(str::to_owned);
    ResponseCacheFilter::compile(configuration.to_string().as_bytes(), &move |_: &str| {
        key.clone()
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn the_example_is_taken() {
    let example = json!({
        "api": "shop",
        "stage": "prod",
        "sizeMebibytes": 64,
        "longestWaitMillis": 5000,
        "operations": [
            {"path": "/orders/{id}", "ttlSeconds": 60, "keyHeaders": ["x-tenant"]},
            {"path": "/images/{proxy+}", "encrypted": true},
            {"path": "/accounts/{proxy+}", "cached": false},
            {"path": "/{proxy+}"}
        ]
    });
    let key = format!("{}=", "A".repeat(43));
    assert!(compile(&example, Some(&key)).is_ok());
    let faults = compile(&example, None).unwrap_err();
    assert_eq!(
        faults,
        ["/operations: responses are to be encrypted, and `ATTACHE_SECRETS_KEY` is not set"]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn every_fault_is_told_and_no_key_is() {
    let faults = compile(
        &json!({
            "sizeMebibytes": 0,
            "operations": [
                {"path": "orders", "encrypted": true},
                {"path": "/{a+}/b"},
                {"path": "/a?b"},
                {"path": "/", "keyHeaders": ["x a"]}
            ]
        }),
        Some("secret-not-base64"),
    )
    .unwrap_err();
    let starts: Vec<&str> = faults
        .iter()
        .map(|it| it.split(':').next().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "/sizeMebibytes",
            "`ATTACHE_SECRETS_KEY` does not hold 32 bytes in base64",
            "/operations/0/path",
            "/operations/1/path",
            "/operations/2/path",
            "/operations/3/keyHeaders",
        ]
    );
    assert!(!faults.concat().contains("secret"));
    for text in [
        json!({}),
        json!({"sizeMebibytes": 1}),
        json!({"sizeMebibytes": 1, "operations": [], "ttl": 1}),
    ] {
        assert!(compile(&text, None).is_err(), "{text}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn paths_of_operations() {
    for (template, fits, fits_not) in [
        ("/", &["/"][..], &["", "/a", "//", "*"][..]),
        (
            "/a/{id}",
            &["/a/1", "/a/%2f"],
            &["/a", "/a/", "/a/1/", "/a/1/b", "/A/1"],
        ),
        (
            "/a/{rest+}",
            &["/a", "/a/", "/a/1", "/a/1/2"],
            &["/", "/ab", "/b/1"],
        ),
        ("/{rest+}", &["/", "/a", "//"], &["", "a", "*"]),
        ("/a/", &["/a/"], &["/a"]),
    ] {
        let compiled = PathTemplate::compile(template).unwrap();
        for path in fits {
            assert!(compiled.fits(path.as_bytes()), "{template} {path}");
        }
        for path in fits_not {
            assert!(!compiled.fits(path.as_bytes()), "{template} {path}");
        }
    }
}
