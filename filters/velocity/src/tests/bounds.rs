//! Templates that never end, or never fit.

use attache_values::{List, ListKind, Value};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{context, print};
use crate::{Context, Limits, RenderErrorKind, Template};

fn kind(text: &str, limits: &Limits) -> Option<RenderErrorKind> {
    let template = Template::compile(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    let outcome = template.render(&context(), limits);
    outcome.err().map(|error| error.kind)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_template_that_takes_too_much_ends() {
    let limits = Limits {
        work: 1_000_000,
        ..Limits::default()
    };
    let limit = Some(RenderErrorKind::Limit);
    for text in [
        "#foreach($x in [1..1001])$x#end",
        "#foreach($x in [1..2000000000])#end",
        "#set($x = [1..2000000000])",
        "#foreach($a in [1..999])#foreach($b in [1..999])#foreach($c in [1..999])x#end#end#end",
        "#set($x = 'doubled')#foreach($i in [1..99])#set($x = \"$x$x\")#end",
        "#set($x = 'doubled')#foreach($i in [1..99])#set($x = $x + $x)#end",
        "#set($x = 'doubled')#foreach($i in [1..99])#set($x = $x.concat($x))#end",
        "#set($x = 'doubled')#foreach($i in [1..99])#set($x = $x.replace('d', $x))#end",
        "#set($x = ['doubled'])#foreach($i in [1..99])#set($ok = $x.addAll($x))#end",
        "#set($x = ['shared'])#foreach($i in [1..60])#set($x = [$x, $x])#end$x",
        "#set($x = ['shared'])#foreach($i in [1..60])#set($x = [$x, $x])#end$x.hashCode()",
        "#set($x = ['shared'])#set($y = ['shared'])#foreach($i in [1..60])#set($x = [$x, $x])#set($y = [$y, $y])#end#if($x == $y)same#end",
        "#set($x = [])#set($ok = $x.add($x))$x",
        "#macro(again)#again()#end#again()",
        "#macro(again $x)#again(\"$x$x\")#end#again('x')",
        "#set($x = 'x')$x.repeat(2000000000)",
        "#set($x = 'x')#set($x = $x.repeat(50000))$x.replaceAll('x', $x)",
        "#set($x = 'x')#set($x = $x.repeat(30))#if($x.matches('(x+x+)+y'))#end#foreach($i in [1..99])#if($x.matches('(x+x+)+y'))#end#end",
        "#set($x = '%1$999s')$x.format($x.repeat(100000), 1)",
        "#set($x = 7)#foreach($i in [1..99])#set($x = $x * $x)#end",
        "#macro(a $x)$x$x#end#a(\"#a(\"\"#a(\"\"\"\"$x$x\"\"\"\")\"\")\")#foreach($i in [1..999])#foreach($j in [1..999])#a($i)#a($j)$list.hashCode()$words#end#end",
    ] {
        assert_eq!(kind(text, &limits), limit, "{text}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn each_limit_is_where_it_says() {
    let limits = Limits {
        iterations: 3,
        output: 10,
        calls: 2,
        work: 1_000,
    };
    let limit = Some(RenderErrorKind::Limit);
    for (text, expected) in [
        ("#foreach($x in [1..3])$x#end", None),
        ("#foreach($x in [1..4])$x#end", limit),
        ("0123456789", None),
        ("0123456789$five", limit),
        ("#set($x = \"0123456789$five\")", limit),
        ("#macro(a)#b()#end#macro(b)x#end#a()", None),
        (
            "#macro(a)#b()#end#macro(b)#c()#end#macro(c)x#end#a()",
            limit,
        ),
        ("#set($x = [1..200])", limit),
    ] {
        assert_eq!(kind(text, &limits), expected, "{text}");
    }
    // What stands in front of the output does not count.
    let template = Template::compile("0123456789").unwrap();
    let mut out = "x".repeat(100);
    assert!(
        template
            .render_into(&Context::new(), &limits, &mut out)
            .is_ok()
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn deep_values_are_bounded() {
    let mut value = Value::list(Vec::new());
    for _ in 0..100_000 {
        value = Value::list(vec![value]);
    }
    let mut context = Context::new();
    context.set("deep", value);
    for text in [
        "$deep",
        "$deep.toString()",
        "$deep.hashCode()",
        "#if($deep == $deep)same#end",
        "#if($deep == [[]])same#end",
    ] {
        let template = Template::compile(text).unwrap();
        // Not how it ends: that it does.
        let _ = template.render(&context, &Limits::default());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_a_template_changes_is_seen_outside() {
    let list = List::new(ListKind::JsonArray, Vec::new());
    let mut context = Context::new();
    context.set("list", Value::List(list.clone()));
    let template = Template::compile("#set($ok = $list.add(1))#set($list = 2)$list").unwrap();
    let printed = template.render(&context, &Limits::default()).unwrap();
    assert_eq!((printed.as_str(), list.len()), ("2", 1));
    assert!(matches!(context.get("list"), Some(Value::List(_))));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_large_template_is_quick() {
    let text = "{\"name\": \"$name\", \"five\": $five},\n".repeat(5_000);
    let printed = print(&text);
    assert_eq!(
        printed.len(),
        "{\"name\": \"world\", \"five\": 5},\n".len() * 5_000
    );
}
