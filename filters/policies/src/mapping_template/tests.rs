//! Templates with the facts of an event. Where the facts are those of a request, see
//! `request/gateway/tests.rs`.

use wasm_bindgen_test::wasm_bindgen_test;

use super::{
    MappingTemplate, RequestOverrides, ResponseOverrides, TemplateBody, TemplateError,
    TemplateEvent, TemplateScope,
};

const EVENT: &str = r#"{
    "params": {
        "path": {"id": "7", "both": "path"},
        "querystring": {"limit": "2", "both": "query"},
        "header": {"Accept": "a/b", "both": "header", "x-only": "h"}
    },
    "context": {
        "requestId": "r-1", "stage": "s", "path": null,
        "identity": {"sourceIp": "192.0.2.1", "user": null},
        "authorizer": {"principalId": "ann", "claims": {"sub": "42"}}
    },
    "stageVariables": {"table": "pets", "a-b": "c"}
}"#;

const BODY: &str = r#"{"name":"Rex","age":3,"price":1.10,"big":12345678901234567890,"none":null,
    "tags":["a","b/c"],"owner":{"name":"Ann"},"pets":[{"id":1},{"id":2}]}"#;

fn compile(template: &str) -> MappingTemplate {
    MappingTemplate::compile(template).unwrap_or_else(|error| panic!("{template}: {error}"))
}

fn body(text: &str) -> TemplateBody {
    TemplateBody::new(text.to_owned())
}

fn try_render(template: &str, text: &str) -> Result<String, TemplateError> {
    let event = TemplateEvent::read(EVENT).expect("JSON");
    compile(template).render(&mut TemplateScope::new(&event), body(text))
}

fn render(template: &str, text: &str) -> String {
    try_render(template, text).unwrap_or_else(|error| panic!("{template}: {error}"))
}

fn check(text: &str, cases: &[(&str, &str)]) {
    for (template, expected) in cases {
        assert_eq!(render(template, text), *expected, "{template}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn input_reads_the_body() {
    check(
        BODY,
        &[
            ("$input.json('$.name')", r#""Rex""#),
            ("$input.json('$.age')", "3"),
            ("$input.json('$.price')", "1.1"),
            ("$input.json('$.big')", "12345678901234567890"),
            ("$input.json('$.none')", "null"),
            ("$input.json('$.missing')", r#""""#),
            ("$input.json('$.tags')", r#"["a","b/c"]"#),
            ("$input.json('$.owner')", r#"{"name":"Ann"}"#),
            ("$input.json('$.pets[*].id')", "[1,2]"),
            ("$input.json(\"$.pets[0].id\")", "1"),
            ("$input.json(\"$['owner']['name']\")", r#""Ann""#),
            ("$input.path('$.name')", "Rex"),
            ("$input.path('$.none')", ""),
            ("$input.path('$.missing')", ""),
            ("$input.path('$.owner')", "{name=Ann}"),
            ("$input.path('$.tags')", r#"["a","b\/c"]"#),
            ("$input.path('$.pets').size()", "2"),
            ("$input.path('$').owner.name", "Ann"),
            (
                "#foreach($pet in $input.path('$.pets'))$pet.id#if($foreach.hasNext),#end#end",
                "1,2",
            ),
            (
                "#set($root = $input.path('$'))#set($root.age = 4)$input.json('$.age')",
                "4",
            ),
            ("#set($key = 'name')$input.path(\"$.$key\")", "Rex"),
            ("#set($path = '$.name')$input.json($path)", r#""Rex""#),
            ("$input.body.name", ""),
            ("$input.nothing $input", " "),
        ],
    );
    assert_eq!(render("$input.body", BODY), BODY);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_that_is_no_object_is_read_all_the_same() {
    check(
        "",
        &[
            ("$input.body", "{}"),
            ("$input.json('$')", "{}"),
            ("$input.path('$.a')", ""),
            ("$util.urlEncode($input.body)", "%7B%7D"),
        ],
    );
    check(
        "a=b",
        &[
            ("$input.body", "a=b"),
            ("$input.path('$')", "a=b"),
            ("$input.json('$')", r#""a=b""#),
            ("$input.json('$.a')", r#""""#),
        ],
    );
    check("{ a : [1, 2,] }", &[("$input.json('$')", r#"{"a":[1,2]}"#)]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_body_that_cannot_be_read_fails_only_when_it_is_read_as_json() {
    assert_eq!(render("$input.body", "{a"), "{a");
    for template in ["$input.json('$.a')", "$input.path('$')"] {
        let error = try_render(template, "{a").expect_err(template);
        assert!(matches!(error, TemplateError::Body(_)), "{error}");
        assert_eq!(
            error.to_string(),
            "the body is not JSON: unexpected end at line 1, column 3"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_template_does_wrong_has_a_place() {
    let error = MappingTemplate::compile("a\n  #if($x").expect_err("no end");
    assert_eq!(error.line, 2);
    for template in [
        "\n $input.path('$.a b')",
        "\n $util.parseJson('{')",
        "\n $util.urlDecode('%2')",
    ] {
        match try_render(template, BODY) {
            Err(TemplateError::Template(error)) => assert_eq!(error.line, 2, "{template}"),
            other => panic!("{template}: {other:?}"),
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn parameters_are_looked_for_in_path_then_query_then_header() {
    check(
        "",
        &[
            ("$input.params('both')", "path"),
            ("$input.params('id') $input.params(\"limit\")", "7 2"),
            ("$input.params('x-only') $input.params('X-ONLY')", "h h"),
            ("$input.params('accept')", "a/b"),
            ("$input.params('nothing')", ""),
            (
                "#set($n = 'id')$input.params($n) $input.params('limit')",
                "7 2",
            ),
            ("$input.params().path", "{id=7, both=path}"),
            ("$input.params().querystring.both", "query"),
            ("$input.params().header.get('ACCEPT')", "a/b"),
            ("$input.params().keySet()", "[path, querystring, header]"),
            (
                "#set($all = $input.params())#foreach($t in $all.keySet())$all.get($t).get('both') #end",
                "path query header ",
            ),
            ("$input.params.keySet", ""),
        ],
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn the_context_is_read_by_name_and_as_a_map() {
    check(
        "",
        &[
            (
                "$context.requestId/$context.stage/$context.path/$context.nothing",
                "r-1/s//",
            ),
            (
                "$context.identity.sourceIp$context.identity.user",
                "192.0.2.1",
            ),
            (
                "$context.authorizer.principalId $context.authorizer.claims.sub",
                "ann 42",
            ),
            ("$context.get('requestId') $context['stage']", "r-1 s"),
            ("#set($c = $context)$c.requestId", "r-1"),
            (
                "#set($i = $context.identity)$i.keySet()",
                "[sourceIp, user]",
            ),
            ("[$context.identity]", "[]"),
            ("[$context.requestOverride]", "[]"),
            (
                "$context.requestOverride.keySet()",
                "[path, header, querystring]",
            ),
            ("$context.responseOverride.keySet()", "[header]"),
            (
                "$context.keySet()",
                "[requestId, stage, path, identity, authorizer, requestOverride, responseOverride]",
            ),
        ],
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn stage_variables_are_a_map() {
    check(
        "",
        &[
            (
                "$stageVariables.table $stageVariables['table'] ${stageVariables['table']}",
                "pets pets pets",
            ),
            ("$stageVariables.get('a-b') $stageVariables.a-b", "c c"),
            ("$stageVariables.nothing", ""),
            (
                "#foreach($e in $stageVariables.entrySet())$e.key:$e.value #end",
                "table:pets a-b:c ",
            ),
        ],
    );
}

/// Commons Lang 2.6, `URLEncoder`, `URLDecoder` and Commons Codec 1.10.
#[wasm_bindgen_test(unsupported = test)]
fn util_does_what_the_libraries_of_java_do() {
    check(
        "a \"b\" 'c' \\ / \t\u{B}é\u{1F600}~",
        &[(
            "$util.escapeJavaScript($input.body)",
            r#"a \"b\" \'c\' \\ \/ \t\u000B\u00E9\uD83D\uDE00~"#,
        )],
    );
    check(
        BODY,
        &[
            (
                "$util.escapeJavaScript($input.json('$.owner'))",
                r#"{\"name\":\"Ann\"}"#,
            ),
            ("$util.escapeJavaScript($input.path('$.age'))", "3"),
            ("[$util.escapeJavaScript($input.path('$.none'))]", "[]"),
            ("$util.parseJson('{\"a\":[1,{\"b\":2}]}').a[1].b", "2"),
            ("$util.parseJson($input.json('$.owner')).name", "Ann"),
            (
                "$util.urlEncode('a b&c=d/é*-._~')",
                "a+b%26c%3Dd%2F%C3%A9*-._%7E",
            ),
            ("$util.urlDecode('a+b%26%C3%A9')", "a b&é"),
            ("$util.base64Encode('añ')", "YcOx"),
            (
                "$util.base64Decode('YcOx') $util.base64Decode('YQ') $util.base64Decode(\"Y\nQ==\")",
                "añ a a",
            ),
            ("$util.base64Decode('-_8=')", "\u{FFFD}\u{FFFD}"),
            ("$util.nothing('a')$util.urlEncode", ""),
        ],
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn overrides_are_read_afterwards() {
    let event = TemplateEvent::read(EVENT).expect("JSON");
    let mut scope = TemplateScope::new(&event);
    let template = compile(
        "#set($context.requestOverride.header.X-A = 'a')\n\
         #set($context.requestOverride.header['list'] = ['x', 2, true])\n\
         #set($name = 'q')#set($context.requestOverride.querystring[$name] = $input.path('$.n'))\n\
         #set($v = $context.requestOverride.path.put('p', 'v'))\n\
         #set($context.responseOverride.status = 444)\n\
         #set($context.responseOverride.custom = 'kept')\n\
         #set($context.own = 'mine')body",
    );
    let rendered = template.render(&mut scope, body(r#"{"n":1.5}"#));
    assert_eq!(rendered.as_deref(), Ok("body"));
    let text = |text: &str| text.to_owned();
    assert_eq!(
        scope.request_overrides(),
        RequestOverrides {
            headers: vec![
                (text("X-A"), vec![text("a")]),
                (text("list"), vec![text("x"), text("2"), text("true")]),
            ],
            query: vec![(text("q"), vec![text("1.5")])],
            path: vec![(text("p"), text("v"))],
        }
    );

    // The template of the response sees all of it, and facts that the first did not ask for.
    let template = compile(
        "$context.responseOverride.custom $context.requestOverride.header.X-A $context.own \
         $context.stage#set($context.responseOverride.header.Y = 'y')",
    );
    let rendered = template.render(&mut scope, body(""));
    assert_eq!(rendered.as_deref(), Ok("kept a mine s"));
    assert_eq!(
        scope.response_overrides(),
        ResponseOverrides {
            status: Some(444),
            headers: vec![(text("Y"), vec![text("y")])],
        }
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn only_a_status_is_a_status() {
    for (value, expected) in [
        ("200", Some(200)),
        ("599", Some(599)),
        ("99", None),
        ("600", None),
        ("'404'", None),
        ("40.4", None),
        ("$null", None),
        ("-404", None),
    ] {
        let event = TemplateEvent::empty();
        let mut scope = TemplateScope::new(&event);
        let template = compile(&format!("#set($context.responseOverride.status = {value})"));
        template.render(&mut scope, body("")).expect(value);
        assert_eq!(scope.response_overrides().status, expected, "{value}");
    }
    let event = TemplateEvent::empty();
    let mut scope = TemplateScope::new(&event);
    let template = compile("#set($context.responseOverride = 'nonsense')x");
    assert_eq!(template.render(&mut scope, body("")).as_deref(), Ok("x"));
    assert_eq!(scope.response_overrides(), ResponseOverrides::default());
}

#[wasm_bindgen_test(unsupported = test)]
fn templates_are_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&compile("$input.path('$.a[?(@.b =~ /c/)]')"));
}
