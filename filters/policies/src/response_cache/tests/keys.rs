//! What makes requests the same, and what does not.

use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

use super::played::{CACHED, World, document, operation};

/// Path and header fields.
type Request<'r> = (&'r str, &'r [(&'r str, &'r str)]);

/// Sends all requests to an operation, each of which the back end would answer with its number:
/// the numbers of the answers that they get.
fn answers(path: &str, parameters: &[&str], requests: &[Request<'_>]) -> Vec<usize> {
    let world = World::new(json!([operation("GET", path, parameters)]));
    let mut answers = Vec::new();
    for (number, (path, fields)) in requests.iter().enumerate() {
        let text = world.text(path, fields, &number.to_string());
        answers.push(text.parse().unwrap());
    }
    answers
}

fn queries(parameters: &[&str], queries: &[&str]) -> Vec<usize> {
    let paths: Vec<String> = queries
        .iter()
        .map(|query| format!("/prod/p{query}"))
        .collect();
    let requests: Vec<Request<'_>> = paths.iter().map(|path| (path.as_str(), &[][..])).collect();
    answers("/p", parameters, &requests)
}

fn fields(parameters: &[&str], fields: &[&[(&str, &str)]]) -> Vec<usize> {
    let requests: Vec<_> = fields.iter().map(|fields| ("/prod/p", *fields)).collect();
    answers("/p", parameters, &requests)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_query_parameter_counts_with_all_its_values_as_they_are_meant() {
    let a = ["method.request.querystring.a"];
    // Each its own.
    let all = [
        "",
        "?a",
        "?A=1",
        "?a=1",
        "?a=1&a=1",
        "?a=1&a=2",
        "?a=2&a=1",
        "?a=1,2",
        "?a=1%2C%202",
        "?a=%01",
    ];
    let mut expected: Vec<usize> = (0..all.len()).collect();
    // `A` is another parameter.
    expected[2] = 0;
    assert_eq!(queries(&a, &all), expected);
    // All the same.
    let same = [
        "?a=x+y",
        "?a=x%20y",
        "?a=%78%20y",
        "?%61=x+y",
        "?b=1&a=x+y",
        "?a=x+y;b=2",
    ];
    assert_eq!(queries(&a, &same), [0; 6]);
    assert_eq!(queries(&a, &["?a", "?a="]), [0; 2]);
    // What is not a parameter of the key does not count.
    assert_eq!(queries(&[], &["", "?a=1", "?b=2"]), [0; 3]);
}

#[wasm_bindgen_test(unsupported = test)]
fn parameters_are_not_mixed_up() {
    let ab = [
        "method.request.querystring.a",
        "method.request.querystring.b",
    ];
    let all = [
        "?a=1&b=2", "?a=2&b=1", "?a=1&a=2", "?b=1&b=2", "?a=12", "?a=1b=2", "?b=2&a=1",
    ];
    assert_eq!(queries(&ab, &all), [0, 1, 2, 3, 4, 5, 0]);
    let of_two_kinds = ["method.request.querystring.a", "method.request.header.a"];
    let requests: [Request<'_>; 3] = [
        ("/prod/p?a=1", &[]),
        ("/prod/p", &[("a", "1")]),
        ("/prod/p?a=1", &[("a", "1")]),
    ];
    assert_eq!(answers("/p", &of_two_kinds, &requests), [0, 1, 2]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_header_field_counts_byte_by_byte_whatever_the_case_of_its_name() {
    let accept = ["method.request.header.Accept"];
    let all = [
        &[][..],
        &[("accept", "")],
        &[("accept", "a")],
        &[("accept", "A")],
        &[("accept", "a"), ("accept", "b")],
        &[("accept", "b"), ("accept", "a")],
        &[("accept", "a, b")],
        &[("accept", "a,b")],
        &[("accept", "a"), ("x", "1")],
    ];
    assert_eq!(fields(&accept, &all), [0, 1, 2, 3, 4, 5, 6, 7, 2]);
    // An unkeyed one does not count, whatever the back end makes of it.
    let unkeyed = [
        &[][..],
        &[("x-forwarded-host", "evil.example")],
        &[("authorization", "x")],
    ];
    assert_eq!(fields(&[], &unkeyed), [0; 3]);
    assert_eq!(
        fields(&["method.request.header.authorization"], &unkeyed),
        [0, 0, 2]
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_path_parameter_counts_as_it_was_sent() {
    let id = ["method.request.path.id"];
    let request = |path| (path, &[][..]);
    let all = [
        "/prod/p/1",
        "/prod/p/2",
        "/prod/p/%31",
        "/prod/p/1/",
        "/prod//p/1",
    ]
    .map(request);
    assert_eq!(answers("/p/{id}", &id, &all), [0, 1, 2, 0, 0]);
    let greedy = ["/prod/p/1/2", "/prod/p/1%2F2", "/prod/p/1//2"].map(request);
    assert_eq!(answers("/p/{id+}", &id, &greedy), [0, 1, 2]);
    // As AWS has it: without the parameter in the key, all of a resource are the same.
    assert_eq!(answers("/p/{id}", &[], &all), [0; 5]);
}

#[wasm_bindgen_test(unsupported = test)]
fn what_the_integration_makes_of_a_request_can_be_in_the_key() {
    let mut mapped = operation(
        "POST",
        "/p",
        &[
            "integration.request.header.X-User",
            "integration.request.querystring.ids",
        ],
    );
    mapped["integration"]["httpProxy"]["requestParameters"] = json!({
        "integration.request.header.x-user": "method.request.body.user",
        "integration.request.querystring.ids": "method.request.multivaluequerystring.id",
    });
    let world = World::new(json!([mapped]));
    let post = |path: &str, body: &str, answer: &str| {
        let mut client = world.start_with_body("POST", path, &[], body.as_bytes());
        if client.asks() {
            client.answer_with(200, &[], answer);
        }
        let answer = client.answer.unwrap();
        (answer.status, answer.text().to_owned())
    };
    let text = |text: &str| (200, text.to_owned());
    assert_eq!(post("/prod/p", r#"{"user": "ann"}"#, "1"), text("1"));
    assert_eq!(post("/prod/p", r#"{"user": "bob"}"#, "2"), text("2"));
    assert_eq!(
        post("/prod/p", r#"{"a": 1, "user": "ann"}"#, "3"),
        text("1")
    );
    assert_eq!(post("/prod/p?id=1", r#"{"user": "ann"}"#, "4"), text("4"));
    assert_eq!(
        post("/prod/p?id=1&id=2", r#"{"user": "ann"}"#, "5"),
        text("5")
    );
    assert_eq!(post("/prod/p?id=1,2", r#"{"user": "ann"}"#, "6"), text("6"));
    // What cannot be read is refused as without a cache.
    assert_eq!(post("/prod/p", "{", "7").0, 400);
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("bypass"));
}

#[wasm_bindgen_test(unsupported = test)]
fn operations_share_what_is_kept_in_one_namespace() {
    let in_namespace = |path: &str, namespace: Option<&str>| {
        let mut operation = operation("GET", path, &[]);
        if let Some(namespace) = namespace {
            operation["cacheKey"]["namespace"] = json!(namespace);
        }
        operation
    };
    let mut post = in_namespace("/b", Some("shared"));
    post["method"] = json!("POST");
    let world = World::new(json!([
        in_namespace("/a", Some("shared")),
        in_namespace("/b", Some("shared")),
        in_namespace("/c", None),
        // Not the resource of that name.
        in_namespace("/d", Some("/c")),
        post,
    ]));
    assert_eq!(world.text("/prod/a", &[], "1"), "1");
    assert_eq!(world.text("/prod/b", &[], "2"), "1");
    assert_eq!(world.text("/prod/c", &[], "3"), "3");
    assert_eq!(world.text("/prod/d", &[], "4"), "4");
    // The method is always a part of the key.
    assert!(world.start("POST", "/prod/b", &[]).asks());
}

#[wasm_bindgen_test(unsupported = test)]
fn stages_share_nothing() {
    let mut document = document(json!([operation("GET", "/p", &[])]), &[]);
    let mut dev = document.apis[0].stages[0].clone();
    dev.name = "dev".to_owned();
    document.apis[0].stages.push(dev);
    let world = World::of(&document);
    assert_eq!(world.text("/prod/p", &[], "1"), "1");
    assert_eq!(world.text("/dev/p", &[], "2"), "2");
    assert_eq!(world.text("/prod/p", &[], "3"), "1");
}

#[wasm_bindgen_test(unsupported = test)]
fn what_the_key_does_not_tell_is_not_kept_for_others() {
    let host = [("x-forwarded-host", "evil.example")];
    let anew = [
        ("x-forwarded-host", "evil.example"),
        ("cache-control", "max-age=0"),
    ];
    let change = (format!("{CACHED}/invalidation"), json!("ANYONE"));
    let pets = |parameters: &[&str]| {
        let operations = json!([operation("GET", "/pets/{proxy+}", parameters)]);
        World::with(operations, &[(change.0.as_str(), change.1.clone())])
    };
    let world = pets(&[]);
    assert_eq!(world.text("/prod/pets/1", &host, "evil"), "evil");
    assert_eq!(world.logged("cacheStatus").as_deref(), Some("bypass"));
    assert_eq!(
        world.text("/prod/pets/..%2f1", &[], "elsewhere"),
        "elsewhere"
    );
    let mut with_body = world.start_with_body("GET", "/prod/pets/1", &[], b"evil");
    with_body.answer_with(200, &[], "evil");
    assert_eq!(world.text("/prod/pets/1", &[], "good"), "good");
    // They are answered from the cache like others, and cannot renew it.
    assert_eq!(world.text("/prod/pets/1", &host, "evil"), "good");
    assert_eq!(world.text("/prod/pets/1", &anew, "evil"), "evil");
    assert_eq!(world.text("/prod/pets/1", &[], "better"), "good");

    let keyed = "method.request.header.X-Forwarded-Host";
    let world = pets(&[keyed]);
    assert_eq!(world.text("/prod/pets/1", &host, "evil"), "evil");
    assert_eq!(world.text("/prod/pets/1", &host, "worse"), "evil");
    assert_eq!(world.text("/prod/pets/1", &[], "good"), "good");
}
