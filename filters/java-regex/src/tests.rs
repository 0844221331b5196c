use wasm_bindgen_test::wasm_bindgen_test;

use crate::{MatchError, Pattern};

/// What a pattern finds in a text: `[start,end group group…]` for each match.
fn found(pattern: &Pattern, text: &str) -> String {
    let mut all = String::new();
    for groups in pattern.find_all(text) {
        let groups = groups.unwrap();
        let of = |group| match groups.get(group) {
            Some(range) => format!("{},{}", range.start, range.end),
            None => "-".to_owned(),
        };
        let groups: Vec<String> = (0..groups.len()).map(of).collect();
        all += &format!("[{}]", groups.join(" "));
    }
    all
}

/// All of it is what Java 17 finds.
#[wasm_bindgen_test(unsupported = test)]
fn what_java_finds() {
    for (pattern, text, expected) in [
        // Alternatives, quantifiers and groups.
        ("a|ab", "ab", "[0,1]"),
        ("(a|ab)(c|bcd)(d*)", "abcd", "[0,4 0,1 1,4 4,4]"),
        ("x*", "ax", "[0,0][1,2][2,2]"),
        ("a{2}{3}", "aaaaaa", "[0,2][2,4][4,6]"),
        ("{1}", "a", "[0,0][1,1]"),
        ("a{2,3}", "aaaaa", "[0,3][3,5]"),
        ("a{2,}?", "aaaaa", "[0,2][2,4]"),
        ("(?:ab){2,3}", "ababababab", "[0,6][6,10]"),
        ("(?:ab){2,3}?", "ababab", "[0,4]"),
        ("(a?){2,3}", "aaaa", "[0,3 2,3][3,4 4,4][4,4 4,4]"),
        ("(?:a?){3}?b", "aab", "[0,3]"),
        ("(a|b*)*", "abbc", "[0,3 3,3][3,3 3,3][4,4 4,4]"),
        ("(a*)+", "b", "[0,0 0,0][1,1 1,1]"),
        ("(?:(a)|b)*", "ab", "[0,2 0,1][2,2 -]"),
        ("(a){0}b", "b", "[0,1 -]"),
        ("a*+a", "aa", ""),
        ("(?>a|ab)c", "abc", ""),
        ("(?>a*)b", "aab", "[0,3]"),
        // References.
        (r"(a)\1", "aa", "[0,2 0,1]"),
        (r"(a\1?)*", "aaa", "[0,3 1,3][3,3 -]"),
        (r"\1(a)", "a", ""),
        (r"(a)\2", "a", ""),
        (r"(a)\10", "aa0", "[0,3 0,1]"),
        (r"(?<n>a|b)\k<n>", "abb", "[1,3 1,2]"),
        (r"(?i)(a)\1", "aA", "[0,2 0,1]"),
        // Look-around.
        // In Java group 1 is still `a` in the second alternative.
        (r"(?=(a))b|a\1", "aa", ""),
        (r"(?=(a))a\1", "aa", "[0,2 0,1]"),
        ("(?<!a)b", "bab", "[0,1]"),
        ("(?<=a|bc)d", "bcd ad", "[2,3][5,6]"),
        ("(?<=a{1,3})b", "aaab", "[3,4]"),
        ("a(?!b)", "abac", "[2,3]"),
        // Places.
        (r"\Ga", "aaba", "[0,1][1,2]"),
        (r"a\Z", "a\n", "[0,1]"),
        ("a$", "a\r\n", "[0,1]"),
        ("$", "a\r\n", "[1,1][3,3]"),
        ("(?m)$", "a\r\nb\n", "[1,1][4,4][5,5]"),
        ("(?m)^.", "a\r\nb\nc", "[0,1][3,4][5,6]"),
        ("(?m)^", "", ""),
        ("(?dm)$", "\r\n", "[1,1][2,2]"),
        ("(?d).", "\r\n", "[0,1]"),
        (r"\z", "a\n", "[2,2]"),
        ("^*", "a", "[0,0][1,1]"),
        (r"\b", "é a", "[0,0][2,2][3,3][4,4]"),
        (r"\be\x{301}\b", "e\u{301}", "[0,3]"),
        // Flags.
        ("(?i)a(?-i)b", "AB Ab", "[3,5]"),
        ("a(?i)b|c", "aB C", "[0,2][3,4]"),
        ("(a(?i)b)c", "aBc aBC", "[0,3 0,2]"),
        ("(?i:a)B", "AB", "[0,2]"),
        ("(?s).(?-s).", "\n\n\na", "[2,4]"),
        ("(?x)[a b] # c\n c", "a c ac b", "[4,6]"),
        (r"(?x)a\ b", "a b", "[0,3]"),
        ("(?x)a +", "aa", "[0,2]"),
        ("(?i)ß", "SSß", "[2,4]"),
        ("(?iu)ß", "ẞß", "[0,3][3,5]"),
        ("(?iu)k", "K\u{212a}", "[0,1][1,4]"),
        ("(?i)[k]", "K\u{212a}", "[0,1]"),
        ("(?iu)[j-l]", "K\u{212a}", "[0,1][1,4]"),
        (r"(?U)\w+", "é_1", "[0,4]"),
        (r"\w+", "é_1", "[2,4]"),
        // Classes.
        ("[a-c&&[^b]]", "abc", "[0,1][2,3]"),
        ("[a-z&&[def]&&[e]]", "def", "[1,2]"),
        ("[^a-c&&[b]]", "abcd", "[0,1][2,3][3,4]"),
        ("[a[b-d]&&c]", "abcd", "[2,3]"),
        ("[]a]", "]", "[0,1]"),
        ("[a&&]", "a", "[0,1]"),
        ("[&&a]", "a", "[0,1]"),
        ("[a&&&b]", "a&", "[0,1][1,2]"),
        ("[^&&a]", "^a", "[0,1]"),
        ("[[:alpha:]]", "aB:", "[0,1][2,3]"),
        ("[a-]", "-a", "[0,1][1,2]"),
        (r"[\d-z]", "-z1a", "[0,1][1,2][2,3]"),
        (r"(?i)\p{Lower}", "aB", "[0,1][1,2]"),
        (r"(?i)\p{Lu}", "aB", "[0,1][1,2]"),
        (
            r"\p{IsAlphabetic}\p{IsWhite_Space}\p{IsWhiteSpace}",
            "a  ",
            "[0,3]",
        ),
        (
            r"\p{L1}\p{LD}\pL\P{Nd}\p{gc=Lu}\p{InGreek}",
            "a1aaAα",
            "[0,7]",
        ),
        (r"\h\H\v\V\s\S\d\D\w\W", "\ta\nb c1d_ ", "[0,10]"),
        // Escapes and quotations.
        (r"\e\a\f\cA", "\u{1b}\u{7}\u{c}\u{1}", "[0,4]"),
        (r"\ud83d\ude00[\ud83d\ude00]\x{1f600}", "😀😀😀", "[0,12]"),
        (r"\0777", "?7", "[0,2]"),
        (r"\_\/", "_/", "[0,2]"),
        (r"\Qa*b\Ec+", "a*bcc", "[0,5]"),
        (r"\Qa*", "a*", "[0,2]"),
        (r"[\Qa-c\E]", "a-cb", "[0,1][1,2][2,3]"),
        (r"\R", "\r\n\n\r", "[0,2][2,3][3,4]"),
        (r"\R{2}", "\r\n", ""),
        ("]}", "]}", "[0,2]"),
        // Beyond ASCII.
        (".", "é😀", "[0,2][2,6]"),
        ("(?<=é|ab)c", "éc abc", "[2,3][6,7]"),
        ("é*é", "éé", "[0,4]"),
    ] {
        let compiled = Pattern::compile(pattern).unwrap();
        assert_eq!(found(&compiled, text), expected, "{pattern} on {text:?}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn what_java_refuses() {
    for (pattern, offset, reason) in [
        ("{", 1, "illegal repetition"),
        ("a**", 2, "dangling metacharacter `*`"),
        ("|*", 1, "dangling metacharacter `*`"),
        ("(*)", 1, "dangling metacharacter `*`"),
        ("a{3,2}", 5, "illegal repetition range"),
        ("a{99999999999}", 11, "illegal repetition range"),
        ("a{1", 3, "unclosed counted closure"),
        ("a{,2}", 2, "illegal repetition"),
        ("(", 1, "unclosed group"),
        ("a)b", 1, "unmatched closing `)`"),
        ("(?", 2, "unknown inline modifier"),
        ("(?z)", 2, "unknown inline modifier"),
        ("(?<1>a)", 3, "does not start with a Latin letter"),
        ("(?<a>x)(?<a>x)", 12, "already defined"),
        (r"\k<b>", 5, "does not exist"),
        (r"(?<=(?:ab)+)b", 11, "obvious maximum length"),
        (r"(?<=\1)(a)", 6, "obvious maximum length"),
        (r"a\", 2, "ends with a backslash"),
        (r"\y", 1, "illegal or unsupported escape"),
        (r"\E", 1, "illegal or unsupported escape"),
        (r"[\b]", 2, "illegal or unsupported escape"),
        (r"[a\1]", 3, "illegal or unsupported escape"),
        (r"\x", 2, "hexadecimal"),
        (r"\x{110000}", 8, "hexadecimal"),
        (r"\u12", 2, "Unicode escape"),
        (r"\0", 2, "octal"),
        (r"\p{Foo}", 7, "property `Foo`"),
        (r"\p{IsLatin}", 11, "property `IsLatin`"),
        (r"\p{alpha}", 9, "property `alpha`"),
        (r"\p{", 3, "unclosed character family"),
        (r"\p{}", 4, "empty character family"),
        ("[", 1, "unclosed character class"),
        ("[^]", 3, "unclosed character class"),
        ("[a&&", 4, "unclosed character class"),
        ("[z-a]", 4, "illegal character range"),
        (r"[a-\d]", 5, "illegal character range"),
        ("[&&]", 3, "bad class syntax"),
        (r"\X", 1, "not supported"),
    ] {
        let error = Pattern::compile(pattern).unwrap_err();
        assert!(error.reason.contains(reason), "{pattern}: {error}");
        assert!(error.offset.abs_diff(offset) <= 1, "{pattern}: {error}");
    }
    for deep in ["(", "[", "(?=", "[a&&"] {
        let error = Pattern::compile(&deep.repeat(15_000)).unwrap_err();
        assert!(error.reason.contains("in one another"), "{deep}: {error}");
    }
    let error = Pattern::compile(&"a".repeat(100_000)).unwrap_err();
    assert!(error.reason.contains("64 KiB"), "{error}");
}

#[wasm_bindgen_test(unsupported = test)]
fn the_whole_text_must_match() {
    for (pattern, matching, other) in [
        ("", &[""][..], &["a"][..]),
        ("a|ab", &["a", "ab"], &["abc", "b"]),
        (r"5\d{2}", &["500", "503"], &["50", "5000", "400"]),
        (".*", &["", "abc"], &["a\nb"]),
        (".+", &["timed out"], &["", "line\nline"]),
        (r"(\n|.)+", &["line\nline"], &[""]),
        (".*Error.*", &["an Error"], &["an Error\n", "error"]),
        ("a$", &["a"], &["a\n"]),
    ] {
        let pattern = Pattern::compile(pattern).unwrap();
        for text in matching {
            assert_eq!(
                pattern.is_full_match(text),
                Ok(true),
                "{pattern:?} {text:?}"
            );
        }
        for text in other {
            assert_eq!(
                pattern.is_full_match(text),
                Ok(false),
                "{pattern:?} {text:?}"
            );
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn replacing() {
    for (pattern, text, replacement, expected) in [
        ("a*", "baaac", "x", "xbxxcx"),
        (r"(\w)(\d)?", "a1 b", "$2$1", "1a b"),
        ("(?<first>a)b", "ab", r"${first}\$\\", r"a$\"),
        ("(a)", "a", "$12", "a2"),
        ("'", "it's", r"\\'", r"it\'s"),
        ("b", "aaa", "$9", "aaa"),
        ("", "é", "-", "-é-"),
    ] {
        let pattern = Pattern::compile(pattern).unwrap();
        assert_eq!(pattern.replace_all(text, replacement).unwrap(), expected);
    }
    let pattern = Pattern::compile("(a)").unwrap();
    assert_eq!(pattern.replace_first("aa", "b").unwrap(), "ba");
    for replacement in ["$", "$a", "$2", r"\", "${", "${b}", "${a"] {
        let error = pattern.replace_all("a", replacement).unwrap_err();
        assert!(matches!(error, MatchError::Replacement(_)), "{replacement}");
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn splitting() {
    for (pattern, text, limit, expected) in [
        (",", "a,b,,c,,", 0, &["a", "b", "", "c"][..]),
        (",", "a,b,,", -1, &["a", "b", "", ""]),
        (",", "a,b,c", 2, &["a", "b,c"]),
        (",", "a,b", 1, &["a,b"]),
        (",", ",a", 0, &["", "a"]),
        (",", "", 0, &[""]),
        (",", ",", 0, &[]),
        ("", "abc", 0, &["a", "b", "c"]),
        ("", "abc", 2, &["a", "bc"]),
        ("(?=b)", "abab", 0, &["a", "ba", "b"]),
        ("x", "abc", 0, &["abc"]),
        (r"\s*,\s*", "a , b", 0, &["a", "b"]),
    ] {
        let compiled = Pattern::compile(pattern).unwrap();
        assert_eq!(
            compiled.split(text, limit).unwrap(),
            expected,
            "{pattern} {text}"
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn find_from_an_offset() {
    let pattern = Pattern::compile("(?<x>a)|é").unwrap();
    let at = |offset| {
        pattern
            .find_from("éaé", offset)
            .unwrap()
            .map(|groups| groups.range())
    };
    assert_eq!(at(0), Some(0..2));
    // Inside of a character.
    assert_eq!(at(1), Some(2..3));
    assert_eq!(at(3), Some(3..5));
    assert_eq!(at(4), None);
    assert_eq!(at(usize::MAX), None);
    assert_eq!(pattern.group_of("x"), Some(1));
    assert_eq!(pattern.group_of("y"), None);
}

/// Patterns that take exponential time, or a great many ways, on hostile texts.
#[wasm_bindgen_test(unsupported = test)]
fn steps_are_bounded() {
    let text = "a".repeat(50);
    for pattern in ["(a+)+b", "(a|a)*b", "(a*)*b", r"(a*)*\1{3}b", "(?=(a+)+b)"] {
        let pattern = Pattern::compile(pattern).unwrap();
        assert_eq!(
            pattern.is_full_match(&text),
            Err(MatchError::TooManySteps),
            "{pattern:?}"
        );
        assert_eq!(
            pattern.replace_all(&text, ""),
            Err(MatchError::TooManySteps),
            "{pattern:?}"
        );
        let mut matches = pattern.find_all(&text);
        assert_eq!(
            matches.next(),
            Some(Err(MatchError::TooManySteps)),
            "{pattern:?}"
        );
        assert_eq!(matches.next(), None);
    }
    let long = "ab".repeat(1_000_000);
    let pattern = Pattern::compile("(ab)*").unwrap();
    assert_eq!(pattern.is_full_match(&long), Err(MatchError::TooManySteps));
}

/// What is written without thinking of time, on texts of a size that occurs.
#[wasm_bindgen_test(unsupported = test)]
fn long_texts_are_no_problem() {
    let long = "abc ".repeat(25_000);
    for (pattern, expected) in [
        (".*x", false),
        (r"\s+$", true),
        (r"[a-z ]+:", false),
        ("(?:abc )*", true),
        (".*?x", false),
        ("(?s).*abc.*", true),
        ("^x", false),
        ("cx", false),
    ] {
        let pattern = Pattern::compile(pattern).unwrap();
        assert_eq!(pattern.is_match(&long), Ok(expected), "{pattern:?}");
    }
    let pattern = Pattern::compile(r"\s+").unwrap();
    assert_eq!(
        pattern.replace_all(&long, "").unwrap(),
        "abc".repeat(25_000)
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn ecma_script_differs() {
    for (pattern, text, expected) in [
        ("^[^[]*$", "a]b", true),
        ("^[^[]*$", "a[b", false),
        ("a$", "a\n", false),
        ("^[a&&b]$", "&", true),
        ("^[]", "a", false),
        ("^[^]$", "\n", true),
        ("^{$", "{", true),
        ("^a{,2}$", "a{,2}", true),
        (r"^\-\_\y$", "-_y", true),
        (r"^\cA\v\0\x41\u0041$", "\u{1}\u{b}\0AA", true),
        (r"^\s$", "\u{feff}", true),
        (r"^\w$", "é", false),
        (r"^.$", "\u{85}", true),
        (r"^(?:(a)|b)\1$", "b", true),
        (r"^\2(a)$", "\u{2}a", true),
        (r"^[\w-z]$", "-", true),
        (r"^[\b]$", "\u{8}", true),
        (r"^(?<year>\d{4})-\k<year>$", "2024-2024", true),
        (r"^\d{3}-\d{4}$", "555-1234", true),
        (r"^😀$", "😀", true),
    ] {
        let compiled = Pattern::compile_ecma_script(pattern).unwrap();
        assert_eq!(
            compiled.is_match(text),
            Ok(expected),
            "{pattern} on {text:?}"
        );
    }
    for pattern in ["(?>a)", "a++", "(?i)a", "{1}", "[z-a]", "[a", "(a", "*"] {
        Pattern::compile_ecma_script(pattern).unwrap_err();
    }
}
