//! What templates print, by subject. What Apache Velocity prints for the same is compared in
//! `tests/conformance`; here stands what the language promises.

mod bounds;
mod faults;
mod methods;

use attache_values::json::{self, ReadOptions};
use attache_values::{CallError, Object, Value};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{Context, Dialect, Limits, RenderError, Template};

/// What the templates of these tests find.
const VARIABLES: &str = r#"{
    "name": "world", "empty": "", "five": 5, "half": 0.5, "yes": true, "no": false, "nothing": null,
    "list": ["a", 2, null], "map": {"a": 1, "b": {"c": "deep"}}, "words": "größe 𝄞"
}"#;

fn context() -> Context {
    let mut context = Context::new();
    let document = json::read(VARIABLES, ReadOptions::default()).unwrap();
    let Value::Map(variables) = document.value else {
        panic!("the variables are an object");
    };
    for name in variables.keys() {
        context.set(&name, variables.get(&name).unwrap());
    }
    context
}

fn try_print(text: &str, dialect: Dialect) -> Result<String, RenderError> {
    let template =
        Template::with_dialect(text, dialect).unwrap_or_else(|error| panic!("{error} in {text}"));
    template.render(&context(), &Limits::default())
}

fn print(text: &str) -> String {
    try_print(text, Dialect::ApiGateway).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Holds a table of templates to what they print.
fn holds(table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(print(text), *expected, "{text}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_has_no_value_is_the_empty_string() {
    holds(&[
        ("[$none]", "[]"),
        ("[$none.of.this()[0]]", "[]"),
        ("[$nothing]", "[]"),
        ("$map.none", ""),
        ("$name.none", ""),
        ("$list.none", ""),
        ("#if($none == $null)same#end", "same"),
        ("#if($none == \"\")same#end", "same"),
        ("#if($nothing == \"\")same#end", "same"),
        ("#if($none.of.this != '')other#end", ""),
        // Seen on AWS: a string holds, and the empty one is a string.
        ("#if($none)holds#end", "holds"),
        ("#set($x = $none)[$x]", "[]"),
        ("#set($x = $none + 1)$x", "1"),
        ("#foreach($x in $none)$x#end", ""),
        ("#set($x = [1, 2])#if($x == '')empty#end$x", "[1, 2]"),
        ("\\$none", "$none"),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn apache_velocity_has_null() {
    for (text, expected) in [
        ("[$none]", "[$none]"),
        ("$!none.of.this", ""),
        ("${none.of}", "${none.of}"),
        ("#if($none)holds#end", ""),
        ("#if($none == $null)same#end", "same"),
        ("#if($none == \"\")same#end", ""),
        ("#set($five = $none)$five", "5"),
        ("#set($x = 1 / 0)$x", "$x"),
        ("#set($x = \"a\" + $none)$x", "a$none"),
        ("\\$none", "\\$none"),
        ("\\$name", "$name"),
        ("#macro(show $x)$x#end#show($none)", "$none"),
    ] {
        let printed = try_print(text, Dialect::Apache).unwrap();
        assert_eq!(printed, expected, "{text}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn references() {
    holds(&[
        ("$name ${name} $!name $!{name}", "world world world world"),
        ("${name}s $name.", "worlds world."),
        ("$map.a $map.b.c $map['a'] $map[\"b\"].c", "1 deep 1 deep"),
        ("$list[0] $list[-2] $list.get(1)", "a 2 2"),
        ("$map", "{a=1, b={c=deep}}"),
        ("$list", "[\"a\",2,null]"),
        ("#set($x = [\"a\", 1, [true]])$x", "[a, 1, [true]]"),
        ("#set($x = {\"k\": $list})$x", "{k=[\"a\",2,null]}"),
        ("$five-1 $five - 1", " 5 - 1"),
        ("$5 $ 6 100$ $$name", "$5 $ 6 100$ $world"),
        ("\\\\$name \\\\\\$name", "\\world \\$name"),
        ("#$name #1", "#world #1"),
        ("cost: $5, $.50 and $[0]", "cost: $5, $.50 and $[0]"),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn whitespace() {
    holds(&[
        ("a\n#set($x = 1)\nb", "a\nb"),
        ("a  #set($x = 1)  \n  b", "a    b"),
        ("#if($yes)\n  a\n#end\nb", "  a\nb"),
        ("#if($no)\na\n#else\n  b\n#end  \nc", "  b\nc"),
        ("#foreach($x in [1..2])\n$x\n#end\n", "1\n2\n"),
        ("a ## comment\nb", "a b"),
        ("a\n## comment\nb", "a\nb"),
        ("a #* b\nc *# d", "a  d"),
        ("a\r\n#set($x = 1)\r\nb", "a\r\nb"),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn comments_and_text() {
    holds(&[
        ("#[[ $name #if ]]#", " $name #if "),
        ("#** formal *#", ""),
        ("\\#if(1) \\#unknown", "#if(1) \\#unknown"),
        ("#unknown($name) #ffffff", "#unknown($name) #ffffff"),
        ("#literal() $name #set($x = 1)#end", " $name #set($x = 1)"),
        ("{\"a\": \"#1\", 'b': @c}", "{\"a\": \"#1\", 'b': @c}"),
        ("größe 𝄞", "größe 𝄞"),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn assignments() {
    holds(&[
        ("#set($x = 'a')$x", "a"),
        ("#set($map.new = 2)$map", "{a=1, b={c=deep}, new=2}"),
        (
            "#set($map['a'] = 2)#set($map.b.c = 3)$map",
            "{a=2, b={c=3}}",
        ),
        ("#set($list[0] = 'z')$list", "[\"z\",2,null]"),
        ("#set($list[-1] = 3)$list", "[\"a\",2,3]"),
        ("#set($k = 'a')#set($map[$k] = 9)$map.a", "9"),
        ("#set($none.a = 1)#set($name.a = 1)$name", "world"),
        (
            "#set($x = \"$name and '${map.b.c}'\")$x",
            "world and 'deep'",
        ),
        ("#set($x = '$name')$x", "$name"),
        ("#set($x = \"say \"\"$name\"\"\")$x", "say \"world\""),
        ("#set($x = 'it''s')$x", "it's"),
        ("#set($x = \"\\u00e9\\uD834\\uDD1E\")$x", "é𝄞"),
        (
            "#set($x = [3..1])$x.#set($x = [1..$five])$x",
            "[3, 2, 1].[1, 2, 3, 4, 5]",
        ),
        (
            "#set($x = {})$x#set($x = { 'a' : 1, \"b\": [] })$x",
            "{}{a=1, b=[]}",
        ),
        (
            "#set($m = {'l': [1]})#set($ok = $m.l.add(2))$m $ok",
            "{l=[1, 2]} true",
        ),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn arithmetic() {
    let value = |expression: &str| print(&format!("#set($x = {expression})$x"));
    for (expression, expected) in [
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7 / 2.0", "3.5"),
        ("1 + 2 * 3 - 4", "3"),
        ("(1 + 2) * 3", "9"),
        ("1 / 0", ""),
        ("1 % 0", ""),
        ("1.5 / 0", ""),
        ("2147483647 + 1", "2147483648"),
        ("9223372036854775807 + 1", "9223372036854775808"),
        ("-9223372036854775807 - 2", "-9223372036854775809"),
        ("9223372036854775807 * 10", "92233720368547758070"),
        ("99999999999999999999 - 99999999999999999998", "1"),
        ("1.0 * 1e10", "1.0E10"),
        ("0.1 + 0.2", "0.30000000000000004"),
        ("'a' + 1 + 2", "a12"),
        ("1 + 2 + 'a'", "3a"),
        ("true + 1", ""),
        ("$five - 1", "4"),
        ("5 == 5.0", "true"),
        ("'5' == 5", "true"),
        ("'a' == 'A'", "false"),
        ("[1, 2] == [1, 2]", "true"),
        ("{'a': 1} == {'a': 1}", "true"),
        ("1 < 2 && 2 <= 2 and not (3 > 4)", "true"),
        ("'a' < 'b'", "false"),
        ("1 lt 2", "true"),
        ("1 gt 2 or 3 ge 3", "true"),
        ("1 eq 1 && 1 ne 2", "true"),
        ("!$yes", "false"),
        ("!$none", "false"),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn conditions() {
    holds(&[
        ("#if($yes)a#elseif($yes)b#{else}c#end", "a"),
        ("#if($no)a#elseif($yes)b#{else}c#end", "b"),
        ("#if($no)a#elseif($no)b#{else}c#end", "c"),
        ("#{if}($yes)a#{end}b", "ab"),
        ("#if($name && $list)a#end", "a"),
        ("#if(1)a#end#if('x')b#end#if([1])c#end#if(1 + 1)d#end", ""),
        ("#if($no || $name)a#end", "a"),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn loops() {
    holds(&[
        (
            "#foreach($x in ['a', 'b'])$x#if($foreach.hasNext),#end#end",
            "a,b",
        ),
        (
            "#foreach($x in [7..9])$foreach.index$foreach.count$velocityCount$x #end",
            "0117 1228 2339 ",
        ),
        ("#foreach($x in $map)[$x]#end", "[1][{c=deep}]"),
        ("#foreach($x in $map.keySet())$x#end", "ab"),
        (
            "#foreach($x in $map.entrySet())$x.key=$x.value;#end",
            "a=1;b={c=deep};",
        ),
        ("#foreach($x in [1..9])#if($x == 3)#break#end$x#end.", "12."),
        ("#foreach($x in $list)[$x]#end", "[a][2][]"),
        (
            "#foreach($x in [1..2])#foreach($y in [1..2])$foreach.parent.count$foreach.count #end#end",
            "11 12 21 22 ",
        ),
        (
            "#foreach($x in [1..3])#foreach($y in [1..3])#if($y == 2)#break($foreach.parent)#end$x$y #end#end",
            "11 ",
        ),
        ("#set($x = 'kept')#foreach($x in [1])$x#end $x", "1 kept"),
        (
            "$foreach.index#foreach($x in [1])$foreach.first$foreach.last#end",
            "truetrue",
        ),
        ("#foreach($x in 'text')a#end#foreach($x in 5)a#end", ""),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn blocks_and_macros() {
    holds(&[
        (
            "#define($x)[$name]#end$x#set($name = 'you')$x",
            "[world][you]",
        ),
        ("#define($x)$x.#end$x", "$x.."),
        (
            "#macro(bold $x)<b>$x</b>#end#bold($name)#bold('x')",
            "<b>world</b><b>x</b>",
        ),
        ("#twice(1)#macro(twice $x)$x$x#end", "11"),
        (
            "#macro(list $a $b)[$a|$b]#end#list(1, 2)#list('x' $five)",
            "[1|2][x|5]",
        ),
        ("#macro(wrap)<$bodyContent>#end#@wrap()$name#end", "<world>"),
        (
            "#macro(assign $x)#set($x = 9)$x#end#assign($five)$five$x",
            "959",
        ),
        (
            "#macro(late $x)#set($name = 'you')$x#end#late($name)",
            "you",
        ),
        ("a#stop b", "a"),
        ("#macro(cut)a#break b#end#cut()c", "ac"),
        ("#macro(m)1#end#macro(m)2#end#m()", "1"),
    ]);
}

/// An object of a host: a counter, which templates can read, raise and set.
#[derive(Debug)]
struct Counter(std::cell::Cell<i64>);

impl Object for Counter {
    fn property(&self, name: &str) -> Option<Value> {
        (name == "count").then(|| Value::integer(self.0.get()))
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, CallError>> {
        match (method, arguments) {
            ("raise", []) => {
                self.0.set(self.0.get() + 1);
                Some(Ok(Value::Null))
            }
            ("fail", [_]) => Some(Err(CallError::new("it always does"))),
            _ => None,
        }
    }

    fn set_property(&self, name: &str, value: &Value) -> bool {
        match (name, value) {
            ("count", Value::Number(attache_values::Number::Integer(count))) => {
                self.0.set(*count);
                true
            }
            _ => false,
        }
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some((0..self.0.get()).map(Value::integer).collect())
    }

    fn print(&self, out: &mut String) {
        out.push_str("counter");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn objects_of_the_host() {
    let counter = std::rc::Rc::new(Counter(std::cell::Cell::new(1)));
    let mut context = Context::new();
    context.set("c", Value::Object(counter.clone()));
    let render = |text: &str| {
        let template = Template::compile(text).unwrap();
        template.render(&context, &Limits::default())
    };
    for (text, expected) in [
        (
            "$c $c.count $c['count'] $c.toString()",
            "counter 1 1 counter",
        ),
        ("$c.raise()$c.count", "2"),
        ("#set($c.count = 5)$c.count", "5"),
        ("#set($c['count'] = 3)#foreach($x in $c)$x#end", "012"),
        ("#set($c.other = 5)$c.other$c.lower()", ""),
    ] {
        assert_eq!(render(text).unwrap(), expected, "{text}");
    }
    assert_eq!(counter.0.get(), 3);
    let error = render("a\n $c.fail(1)").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 2: `fail`: it always does"
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn a_render_appends() {
    let template = Template::compile("$name").unwrap();
    let mut out = String::from("Hello ");
    template
        .render_into(&context(), &Limits::default(), &mut out)
        .unwrap();
    assert_eq!(out, "Hello world");
}

#[wasm_bindgen_test(unsupported = test)]
fn a_template_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&Template::compile("$name").unwrap());
}
