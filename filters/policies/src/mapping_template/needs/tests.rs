use wasm_bindgen_test::wasm_bindgen_test;

use super::Needs;

#[wasm_bindgen_test(unsupported = test)]
fn only_what_is_named_is_wanted() {
    for (template, names) in [
        ("context", &[][..]),
        ("$contextual $input.body", &[]),
        ("$context.requestId", &["requestId"]),
        (
            "${context.requestId}x $!{context.stage}",
            &["requestId", "stage"],
        ),
        ("$!context.path", &["path"]),
        (
            "$context.identity.sourceIp.length()",
            &["identity.sourceIp"],
        ),
        ("$context.identity.keySet()", &["identity"]),
        ("$context.identity", &["identity"]),
        ("$context.authorizer.claims.sub", &["authorizer"]),
        ("\"$context.stage\" '$context.stage'", &["stage"]),
        (
            "#set($context.responseOverride.status = 1)",
            &["responseOverride"],
        ),
    ] {
        let needs = Needs::of(template).context;
        assert!(!needs.all, "{template}");
        assert!(
            needs
                .names
                .iter()
                .map(|name| &**name)
                .eq(names.iter().copied()),
            "{template}"
        );
    }
    for template in [
        "$context",
        "$context[\"stage\"]",
        "$context.get('stage')",
        "#set($c = $context)",
        "#foreach($k in $context.keySet())#end",
        "${context}",
    ] {
        assert!(Needs::of(template).context.all, "{template}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_part_is_wanted_with_its_whole() {
    let needs = Needs::of("$context.identity.user $context.authorizer").context;
    for (variable, wanted) in [
        ("identity", true),
        ("identity.user", true),
        ("identity.userArn", false),
        ("authorizer", true),
        ("authorizer.claims", true),
        ("stage", false),
    ] {
        assert_eq!(needs.wants(variable), wanted, "{variable}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn constant_arguments_are_found() {
    for (template, all, names) in [
        (
            "$input.params('a') $input.params( \"b\" )",
            false,
            &["a", "b"][..],
        ),
        ("$input.params('a') $input.params()", true, &[]),
        ("$input.params($x)", true, &[]),
        ("$input.params(\"$x\")", true, &[]),
        ("$input.params(\"a#if(true)b#end\")", true, &[]),
        ("$input.params('a' + 'b')", true, &[]),
        ("$input.params.keySet", false, &[]),
        ("$params.get('a')", false, &[]),
    ] {
        let needs = Needs::of(template).parameters;
        assert_eq!(needs.all, all, "{template}");
        assert!(
            needs
                .names
                .iter()
                .map(|name| &**name)
                .eq(names.iter().copied()),
            "{template}"
        );
    }
    let paths = Needs::of("$input.json('$.a') $input.path(\"$['b']\") $x.path(\"$.$c\")").paths;
    assert!(paths.iter().map(|path| &**path).eq(["$.a", "$['b']"]));
}
