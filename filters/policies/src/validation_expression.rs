//! `identityValidationExpression`: what a token must look like before anybody is asked about it.

use regex_lite::{Regex, RegexBuilder};

/// The largest compiled expression, in bytes. Matching costs at most the size of the expression
/// times the length of the token, so this bounds what a client can make a worker do.
const LARGEST_EXPRESSION: usize = 64 * 1024;

/// A Java regular expression that a text must match as a whole, as `Pattern.matches` has it.
///
/// Expressions run in time linear in the text. What Java has and such an expression cannot have
/// (look-around, back references, possessive quantifiers, atomic groups, Unicode classes, unions
/// and intersections of classes, `\Q…\E`) is refused and never read as something else.
#[derive(Clone, Debug)]
pub struct ValidationExpression(Regex);

impl ValidationExpression {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// Why it is refused, in lower case and without a full stop.
    pub fn compile(expression: &str) -> Result<Self, String> {
        if let Some(construct) = construct_of_java(expression) {
            return Err(format!("it has {construct}, which is not supported"));
        }
        // By itself first: parentheses that do not match must not close the group around it.
        build(expression)?;
        build(&format!(r"\A(?:{expression})\z")).map(Self)
    }

    /// Whether the whole text matches. What is not UTF-8 never does.
    #[must_use]
    pub fn matches(&self, text: &[u8]) -> bool {
        str::from_utf8(text).is_ok_and(|text| self.0.is_match(text))
    }
}

fn build(expression: &str) -> Result<Regex, String> {
    RegexBuilder::new(expression)
        .size_limit(LARGEST_EXPRESSION)
        .build()
        .map_err(|error| error.to_string())
}

/// Finds what Java reads differently than this engine. What the engine itself refuses need not be
/// found here.
fn construct_of_java(expression: &str) -> Option<&'static str> {
    let mut characters = expression.chars().peekable();
    let mut in_class = false;
    let mut after_quantifier = false;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let was_after_quantifier = std::mem::take(&mut after_quantifier);
        match (character, next) {
            ('\\', Some('Q' | 'E')) => return Some(r"a quotation `\Q…\E`"),
            ('\\', Some('v' | 'V' | 'h' | 'H' | 'R' | 'X' | 'Z' | 'G')) => {
                return Some(r"one of `\v`, `\h`, `\R`, `\X`, `\Z` and `\G`");
            }
            ('\\', Some('k')) => return Some("a back reference"),
            ('\\', Some('<' | '>')) => return Some(r"an escaped `<` or `>`"),
            ('\\', Some('p' | 'P' | 'x' | 'u')) => {
                characters.next();
                // As in `\x{2e}`: no quantifier.
                if characters.next_if_eq(&'{').is_some() {
                    characters.by_ref().find(|inside| *inside == '}');
                }
            }
            ('\\', Some(_)) => {
                characters.next();
            }
            ('[', Some(':')) if in_class => return Some("a class in a class"),
            ('[', _) => in_class = true,
            (']', _) => in_class = false,
            _ if in_class => {}
            ('(', Some('?')) => {
                characters.next();
                if let Some(construct) = group_of_java(&mut characters) {
                    return Some(construct);
                }
            }
            ('+', _) if was_after_quantifier => return Some("a possessive quantifier"),
            ('*' | '+' | '?' | '}', _) => after_quantifier = true,
            _ => {}
        }
    }
    None
}

/// Reads what follows `(?`, as far as it is a group that only Java has.
fn group_of_java(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Option<&'static str> {
    match characters.peek() {
        Some('>') => Some("an atomic group"),
        Some('=' | '!') => Some("look-around"),
        Some('<') => {
            characters.next();
            matches!(characters.peek(), Some('=' | '!')).then_some("look-around")
        }
        _ => {
            while let Some(flag) =
                characters.next_if(|flag| flag.is_ascii_alphabetic() || *flag == '-')
            {
                if matches!(flag, 'U' | 'R' | 'd' | 'u') {
                    return Some("a flag other than `i`, `m`, `s` and `x`");
                }
            }
            None
        }
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
    fn what_only_java_has_is_refused() {
        for (expression, reason) in [
            ("(?=a)b", "look-around"),
            ("a(?!b)", "look-around"),
            ("(?<=a)b", "look-around"),
            ("(?<!a)b", "look-around"),
            (r"(a)\1", "backreferences"),
            (r"(?<n>a)\k<n>", "back reference"),
            ("a++", "possessive"),
            ("a*+b", "possessive"),
            ("a?+", "possessive"),
            ("a{2}+", "possessive"),
            (r"\.{2}+", "possessive"),
            ("(?>a)", "atomic"),
            (r"\p{Alpha}+", "Unicode"),
            (r"\Qa.b\E", "quotation"),
            (r"\h+", "not supported"),
            (r"a\Z", "not supported"),
            (r"\v", "not supported"),
            ("[a[b]]", "nested"),
            ("[[:alpha:]]", "class in a class"),
            ("[a-z&&[^b]]", "intersection"),
            ("(?U)a", "flag"),
            ("(?iu:a)", "flag"),
            ("a)|(b", "closing"),
            ("(a", "group"),
            ("[a", "class"),
            ("*", "repetition"),
            ("(?x)a #", "group"),
            ("(.{1,1000}){1,1000}", "limit"),
        ] {
            let error = ValidationExpression::compile(expression).unwrap_err();
            assert!(error.contains(reason), "{expression}: {error}");
        }
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
