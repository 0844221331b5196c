//! `identityValidationExpression`: what a token must look like before anybody is asked about it.

use attache_java_regex::Pattern;

/// A Java regular expression that a text must match as a whole, as `Pattern.matches` has it.
///
/// A text on which the expression takes too many steps does not match: whoever sends it is refused.
#[derive(Clone, Debug)]
pub struct ValidationExpression(Pattern);

impl ValidationExpression {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// Why it is refused, in lower case and without a full stop.
    pub fn compile(expression: &str) -> Result<Self, String> {
        Pattern::compile(expression)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// Whether the whole text matches. What is not UTF-8 never does.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        str::from_utf8(text).is_ok_and(|text| self.0.is_full_match(text) == Ok(true))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::ValidationExpression;

    #[wasm_bindgen_test(unsupported = test)]
    fn the_whole_text_must_match() {
        for (expression, matching, other) in [
            (
                "allow",
                &["allow"][..],
                &["allowed", "disallow", "", "Allow"][..],
            ),
            (
                r"^Bearer [-0-9a-zA-Z\._]*$",
                &["Bearer a.b-c_d", "Bearer "],
                &["bearer a", "Bearer a b", "xBearer a", "Bearer a\n"],
            ),
            (r".*\..*\..*", &["a.b.c", ".."], &["a.b", "a\n..b"]),
            ("a|b", &["a", "b"], &["ab", "xb", "ax"]),
            ("(a)|(b)", &["a", "b"], &["ab", "ax", "xb"]),
            ("", &[""], &["a"]),
            ("(?i)key-[0-9]{3}", &["KEY-123", "key-000"], &["key-1234"]),
            (r"[\w+/=]{2,4}", &["a+", "a/=="], &["a", "a/==="]),
            (r"[^}+*]+", &["ab"], &["a+", "a}"]),
            (r"\[a\]+?", &["[a]", "[a]]"], &["[a"]),
            (r"\x{41}+\u0042*", &["A", "AAB"], &["B", "}"]),
        ] {
            let compiled = ValidationExpression::compile(expression).unwrap();
            for text in matching {
                assert!(compiled.matches(text.as_bytes()), "{expression} {text:?}");
            }
            for text in other {
                assert!(!compiled.matches(text.as_bytes()), "{expression} {text:?}");
            }
            assert!(!compiled.matches(b"\xff"), "{expression}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn it_is_read_as_java_reads_it() {
        for (expression, matching, other) in [
            ("(?=Bearer).*", "Bearer a", "Basic a"),
            ("a(?!b).", "ac", "ab"),
            ("b.*(?<=a)", "ba", "b"),
            (r"(a|b)\1", "aa", "ab"),
            (r"(?<n>a)\k<n>", "aa", "a"),
            ("a++b", "aab", "aa"),
            ("(?>a+)b", "aab", "aa"),
            (r"\p{Alpha}+", "abc", "ab1"),
            (r"\Qa.b\E", "a.b", "axb"),
            (r"\h+", "\t ", "\n"),
            ("[a[b]]", "b", "c"),
            ("[a-z&&[^b]]", "a", "b"),
        ] {
            let compiled = ValidationExpression::compile(expression).unwrap();
            assert!(compiled.matches(matching.as_bytes()), "{expression}");
            assert!(!compiled.matches(other.as_bytes()), "{expression}");
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn what_java_refuses_is_refused() {
        for expression in ["a)|(b", "(a", "[a", "*", r"\k<n>", "a{2,1}", r"\p{IsLatin}"] {
            assert!(
                ValidationExpression::compile(expression).is_err(),
                "{expression}"
            );
        }
    }

    #[wasm_bindgen_test(unsupported = test)]
    fn a_text_that_takes_too_long_does_not_match() {
        let expression = ValidationExpression::compile("(a+)+b|.*").unwrap();
        assert!(expression.matches(b"c"));
        assert!(!expression.matches("a".repeat(100).as_bytes()));
    }

    proptest! {
        #[wasm_bindgen_test(unsupported = test)]
        fn a_text_matches_itself_and_nothing_else(text in "[a-zA-Z0-9 _-]{0,20}", other in ".{0,20}") {
            let expression = ValidationExpression::compile(&text).unwrap();
            prop_assert!(expression.matches(text.as_bytes()));
            prop_assert_eq!(expression.matches(other.as_bytes()), text == other);
        }

        #[wasm_bindgen_test(unsupported = test)]
        fn any_expression_is_compiled_or_refused(
            expression in r"[\\\[\](){}?*+|^$.a-zQE:<=!&0-9,#-]{0,24}",
            text in ".{0,40}",
        ) {
            if let Ok(compiled) = ValidationExpression::compile(&expression) {
                let _ = compiled.matches(text.as_bytes());
            }
        }
    }
}
