//! Java's methods.

use wasm_bindgen_test::wasm_bindgen_test;

use super::holds;

#[wasm_bindgen_test(unsupported = test)]
fn strings() {
    holds(&[
        ("$name.length() $words.length() $empty.length()", "5 8 0"),
        (
            "$name.substring(1) $name.substring(1, 3) $words.substring(4, 6)",
            "orld or e ",
        ),
        (
            "$name.indexOf('o') $name.indexOf('x') $words.indexOf('e') $words.indexOf('𝄞')",
            "1 -1 4 6",
        ),
        (
            "$name.indexOf('l', 4) $name.lastIndexOf('l') $name.lastIndexOf('l', 2)",
            "-1 3 -1",
        ),
        (
            "$name.contains('orl') $name.startsWith('wo') $name.endsWith('x')",
            "true true false",
        ),
        ("$name.startsWith('r', 2)", "true"),
        ("$name.toUpperCase() $words.toUpperCase()", "WORLD GRÖSSE 𝄞"),
        ("$name.replace('o', '0').replace('l', 'L')", "w0rLd"),
        (
            "$name.equals('world') $name.equals(5) $name.equalsIgnoreCase('WORLD')",
            "true false true",
        ),
        (
            "$name.compareTo('worm') $name.compareTo('wor') $name.hashCode()",
            "-1 2 113318802",
        ),
        (
            "$name.charAt(0) $name.concat('!') $empty.isEmpty() $name.empty",
            "w world! true false",
        ),
        ("#set($s = '  x ')[$s.trim()]", "[x]"),
        ("$name.toString().toString()", "world"),
        (
            "$name.format('%s-%05d|%-4s|%4s|%x|%.2f|%,d%%', 'a', 42, 'b', 'c', 255, 1.005, 1234567)",
            "a-00042|b   |   c|ff|1.01|1,234,567%",
        ),
        (
            "$name.format('%2$s %1$s', 'a', 'b') $name.valueOf(5) $name.join('-', ['a', 1])",
            "b a 5 a-1",
        ),
        ("$name.unknown() $name.length $name.substring('x')", "  "),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn lists() {
    holds(&[
        (
            "$list.size() $list.isEmpty() $list.empty $list.get(0)",
            "3 false false a",
        ),
        (
            "$list.add('x') $list.set(0, 'b') $list",
            "true a [\"b\",2,null,\"x\"]",
        ),
        ("$list.add(0, 'x')$list", "[\"x\",\"a\",2,null]"),
        (
            "$list.remove(0) $list.remove('none') $list",
            "a false [2,null]",
        ),
        (
            "$list.contains(2) $list.contains('2') $list.indexOf(2) $list.lastIndexOf('x')",
            "true false 1 -1",
        ),
        (
            "$list.addAll([1, 2]) $list.subList(1, 4) $list.clear()$list",
            "true [2, null, 1] []",
        ),
        (
            "$list.equals(['a', 2, 3]) $list.containsAll(['a', 2]) $list.hashCode()",
            "false true 123070",
        ),
        (
            "$list.removeAll(['a']) $list.retainAll([2]) $list",
            "true true [2]",
        ),
        (
            "$list.iterator() $list.toString()",
            "[\"a\",2,null] [\"a\",2,null]",
        ),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn maps() {
    holds(&[
        (
            "$map.get('a') $map.size() $map.isEmpty() $map.empty",
            "1 2 false ",
        ),
        (
            "[$map.put('a', 2)] [$map.put('z', 3)] $map",
            "[1] [] {a=2, b={c=deep}, z=3}",
        ),
        ("$map.remove('a') $map", "1 {b={c=deep}}"),
        (
            "$map.keySet() $map.values() $map.entrySet()",
            "[a, b] [1, {c=deep}] [a=1, b={c=deep}]",
        ),
        (
            "$map.containsKey('a') $map.containsKey('z') $map.containsValue(1)",
            "true false true",
        ),
        (
            "$map.getOrDefault('z', 'other') $map.getOrDefault('a', 'other')",
            "other 1",
        ),
        (
            "$map.putAll({'k': 'v'})$map.k $map.putIfAbsent('k', 'w')",
            "v v",
        ),
        (
            "#set($copy = {})$copy.putAll($map)$copy.clear()$copy $map.size()",
            "{} 2",
        ),
        (
            "$map.b.equals({'c': 'deep'}) $map.toString()",
            "true {a=1, b={c=deep}}",
        ),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn numbers_and_booleans() {
    holds(&[
        (
            "#set($i = 0)$i.parseInt('42') $i.parseInt('ff', 16) $i.valueOf('7')",
            "42 255 7",
        ),
        (
            "#set($d = 0.0)$d.parseDouble('1.5e3') $d.valueOf('2')",
            "1500.0 2.0",
        ),
        (
            "$half.intValue() $five.doubleValue() $five.toString().length()",
            "0 5.0 1",
        ),
        (
            "$five.compareTo(6) $five.equals(5) $five.equals(5.0)",
            "-1 true false",
        ),
        (
            "$five.max(3, 9) $five.min(3, 9) $five.toHexString(255) $five.toString(255, 2)",
            "9 3 ff 11111111",
        ),
        (
            "$yes.toString() $yes.booleanValue() $yes.parseBoolean('TRUE')",
            "true true true",
        ),
        ("$yes.equals(true) $yes.compareTo(false)", "true 1"),
    ]);
}

#[wasm_bindgen_test(unsupported = test)]
fn regular_expressions() {
    holds(&[
        (
            "$name.replaceAll('[ol]', '_') $name.replaceFirst('l', 'L')",
            "w_r_d worLd",
        ),
        (
            "$name.replaceAll('(.)(.)', '$2$1') $name.matches('w.*') $name.matches('w')",
            "owlrd true false",
        ),
        ("$name.split('r') $name.split('o|l').size()", "[wo, ld] 3"),
        ("#set($p = '\\d+')$five.toString().replaceAll($p, 'n')", "n"),
        // What AWS's documentation does to single quotes.
        (
            "#set($s = \"it\\'s\")$s.replaceAll(\"\\\\'\", \"'\")",
            "it's",
        ),
        ("$name.replaceAll('x', 5)", ""),
    ]);
}
