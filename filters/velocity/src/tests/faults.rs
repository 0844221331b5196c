//! Texts that are no templates, and templates that fail.

use proptest::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{context, try_print};
use crate::{Context, Dialect, Limits, RenderErrorKind, Template};

#[wasm_bindgen_test(unsupported = test)]
fn faults_have_a_place() {
    for (text, line, column, message) in [
        ("a\n  #end", 2, 3, "there is nothing that this `#end` ends"),
        ("#else", 1, 1, "there is no `#if` before this"),
        (
            "#if($x)\na",
            2,
            2,
            "expected `#end`, found the end of the template",
        ),
        ("#if $x", 1, 5, "expected `(`, found a name"),
        (
            "${name",
            1,
            7,
            "expected `}`, found the end of the template",
        ),
        (
            "cost $",
            1,
            7,
            "the template ends in the middle of something",
        ),
        ("#set($x = )", 1, 11, "a value is missing here"),
        ("#set(1 = 2)", 1, 6, "`#set` assigns to a reference"),
        ("#set($x 2)", 1, 9, "expected `=`, found a number"),
        ("ü #set($x = [1, 2)", 1, 18, "expected `]`, found `)`"),
        ("#set($x = 'a", 1, 11, "this character has no meaning here"),
        ("#set($x = \"\n${a b}\")", 2, 4, "expected `}`, found text"),
        (
            "#foreach($x)$x#end",
            1,
            1,
            "`#foreach` is written `#foreach($item in $items)`",
        ),
        (
            "#foreach",
            1,
            1,
            "`#foreach` needs arguments in parentheses",
        ),
        (
            "#define()x#end",
            1,
            1,
            "`#define` is written `#define($name)`",
        ),
        (
            "#macro",
            1,
            1,
            "`#macro` needs a name: `#macro(name $parameter)`",
        ),
        (
            "#macro('x')#end",
            1,
            1,
            "the name of a macro is a bare word",
        ),
        (
            "#break(word)",
            1,
            8,
            "`#break` does not take a bare word: put it into quotes",
        ),
        (
            "\n#parse('other.vm')",
            2,
            1,
            "`#parse` is not available: there are no other files beside a template",
        ),
        (
            "#evaluate($x)",
            1,
            1,
            "`#evaluate` is not available: text of a request could run as a template",
        ),
        (
            "$x[1.5]",
            1,
            4,
            "an index is a string, an integer or a reference",
        ),
        (
            "#set($x = \"\\u12\")",
            1,
            11,
            "four hexadecimal digits come after `\\u`",
        ),
    ] {
        let error = Template::compile(text).expect_err(text);
        assert_eq!(
            (error.line, error.column, &*error.message),
            (line, column, message),
            "{text}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn nesting_has_an_end() {
    for (open, close) in [
        ("#if(true)", "#end"),
        ("#foreach($x in $y)", "#end"),
        ("#set($x = (", "))"),
        ("#set($x = [", "])"),
    ] {
        let many = [open.repeat(20), close.repeat(20)].concat();
        assert!(
            Template::compile(&many).is_ok() || open.starts_with("#set"),
            "{open}"
        );
        let too_many = [open.repeat(5_000), close.repeat(5_000)].concat();
        assert!(Template::compile(&too_many).is_err(), "{open}");
    }
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("$a.b(", ")"),
        ("$a[", "]"),
        ("!", ""),
    ] {
        let text = |depth: usize| {
            let (open, close) = (open.repeat(depth), close.repeat(depth));
            format!("#set($x = {open}1{close})")
        };
        assert!(Template::compile(&text(10)).is_ok(), "{open}");
        let deep = Template::compile(&text(100_000));
        assert_eq!(deep.is_ok(), open == "!", "{open}");
    }
    // A chain is as long as it likes.
    let long = format!("#set($x = 0{})$x", " + 1".repeat(50_000));
    assert_eq!(try_print(&long, Dialect::ApiGateway).unwrap(), "50000");
    let escapes = "\\".repeat(5_000);
    assert!(Template::compile(&escapes).is_err());
}

#[wasm_bindgen_test(unsupported = test)]
fn what_throws_in_java_ends_the_template() {
    for text in [
        "$list[3]",
        "$list.get(3)",
        "$name.substring(9)",
        "$name[-1]",
        "$name.length(1)",
        "$name.replaceAll('(', '')",
        "$name.replaceAll('o', '$1')",
        "#set($list[9] = 1)",
        "#foreach($x in $list)$list.add(1)#end",
        "#foreach($x in [1])#break($name)#end",
        "#macro(m $x)#end#m(word)",
        "#set($i = 0)$i.parseInt('x')",
    ] {
        let error = try_print(text, Dialect::ApiGateway).expect_err(text);
        assert_eq!(error.kind, RenderErrorKind::Method, "{text}");
    }
}

/// The pieces that templates are made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "$",
        "#",
        "!",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\"",
        "'",
        "\\",
        ".",
        "..",
        ",",
        ":",
        "=",
        " ",
        "\n",
        "a",
        "name",
        "list",
        "map",
        "none",
        "0",
        "1",
        "-1",
        "1.5",
        "if",
        "else",
        "elseif",
        "end",
        "set",
        "foreach",
        "in",
        "macro",
        "define",
        "break",
        "stop",
        "literal",
        "@",
        "#[[",
        "]]#",
        "#*",
        "*#",
        "##",
        "$name",
        "$list",
        "#if($yes)",
        "#end",
        "#set($a = ",
        "#foreach($a in [1..3])",
        "$foreach",
        "==",
        "&&",
        "+",
        "*",
        "/",
        "<",
        "not",
        "true",
        "$map.a",
        "$list[0]",
        ".size()",
        ".get(",
        ".put(",
        "ü",
        "𝄞",
        "#macro(a)",
        "#a()",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,60}") {
        if let Ok(template) = Template::compile(&text) {
            let _ = template.render(&context(), &Limits::default());
        }
    }

    #[test]
    fn no_pieces_panic(text in pieces()) {
        for dialect in [Dialect::ApiGateway, Dialect::Apache] {
            if let Ok(template) = Template::with_dialect(&text, dialect) {
                let once = template.render(&context(), &Limits::default());
                let again = template.render(&context(), &Limits::default());
                prop_assert_eq!(once, again);
            }
        }
    }

    #[test]
    fn text_without_signs_is_itself(text in "[^$#\\\\]{0,60}") {
        let template = Template::compile(&text).unwrap();
        prop_assert_eq!(template.render(&Context::new(), &Limits::default()).unwrap(), text);
    }
}
