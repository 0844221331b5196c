//! `\p{…}`: the properties that characters have.

use crate::category::Categories;
use crate::class::Set;

/// What a character is in Unicode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    Category(Categories),
    Alphabetic,
    Lowercase,
    Uppercase,
}

impl Property {
    pub(crate) fn contains(self, character: char) -> bool {
        match self {
            Self::Category(categories) => categories.contain(character),
            Self::Alphabetic => character.is_alphabetic(),
            Self::Lowercase => character.is_lowercase(),
            Self::Uppercase => character.is_uppercase(),
        }
    }
}

const fn category(categories: Categories) -> Set {
    Set::Property(Property::Category(categories))
}

/// `\d`.
pub(crate) fn digit(unicode: bool) -> Set {
    if unicode {
        category(Categories::DIGIT)
    } else {
        Set::ranges(&[('0', '9')])
    }
}

/// `\w`.
pub(crate) fn word(unicode: bool) -> Set {
    if unicode {
        let others = Categories::MARK
            .or(Categories::DIGIT)
            .or(Categories::CONNECTOR);
        Set::ranges(&[('\u{200c}', '\u{200d}')])
            .or(Set::Property(Property::Alphabetic))
            .or(category(others))
    } else {
        Set::ranges(&[('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')])
    }
}

/// `\s`.
pub(crate) fn space(unicode: bool) -> Set {
    if unicode {
        Set::ranges(&[('\t', '\r'), ('\u{85}', '\u{85}')]).or(category(Categories::SEPARATOR))
    } else {
        Set::ranges(&[('\t', '\r'), (' ', ' ')])
    }
}

/// `\s` of ECMAScript.
pub(crate) fn ecma_script_space() -> Set {
    Set::ranges(&[('\t', '\r'), ('\u{feff}', '\u{feff}')]).or(category(Categories::SEPARATOR))
}

/// `\h`.
pub(crate) fn horizontal_space() -> Set {
    Set::ranges(&[
        ('\t', '\t'),
        (' ', ' '),
        ('\u{a0}', '\u{a0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{180e}', '\u{180e}'),
        ('\u{2000}', '\u{200a}'),
        ('\u{202f}', '\u{202f}'),
        ('\u{205f}', '\u{205f}'),
        ('\u{3000}', '\u{3000}'),
    ])
}

/// `\v`, and what `\R` matches of single characters.
pub(crate) fn vertical_space() -> Set {
    Set::ranges(&[('\n', '\r'), ('\u{85}', '\u{85}'), ('\u{2028}', '\u{2029}')])
}

/// The characters of a name in `\p{…}`; `None` when there is no such property, or it is not
/// supported. `unicode` is the flag `(?U)`, `any_case` the flag `(?i)`.
pub(crate) fn named(name: &str, unicode: bool, any_case: bool) -> Option<Set> {
    if let Some((property, value)) = name.split_once('=') {
        return match property.to_ascii_lowercase().as_str() {
            "gc" | "general_category" => categories(value, any_case),
            "blk" | "block" => block(value),
            _ => None,
        };
    }
    if let Some(name) = name.strip_prefix("In") {
        return block(name);
    }
    if let Some(name) = name.strip_prefix("Is") {
        let upper = name.to_ascii_uppercase();
        return of_unicode(&upper, any_case)
            .or_else(|| posix(&upper, true, any_case))
            .or_else(|| of_java(name, any_case));
    }
    let of_unicode = unicode
        .then(|| posix(&name.to_ascii_uppercase(), true, any_case))
        .flatten();
    of_unicode.or_else(|| of_java(name, any_case))
}

/// The properties that go by `Is`.
fn of_unicode(upper: &str, any_case: bool) -> Option<Set> {
    Some(match upper {
        "ALPHABETIC" => Set::Property(Property::Alphabetic),
        "ASSIGNED" => category(Categories::ALL.without(Categories::UNASSIGNED)),
        "CONTROL" => return posix("CNTRL", true, any_case),
        "HEXDIGIT" | "HEX_DIGIT" => return posix("XDIGIT", true, any_case),
        "JOINCONTROL" | "JOIN_CONTROL" => Set::ranges(&[('\u{200c}', '\u{200d}')]),
        "LETTER" => category(Categories::LETTER),
        "LOWERCASE" => return posix("LOWER", true, any_case),
        "UPPERCASE" => return posix("UPPER", true, any_case),
        "TITLECASE" if any_case => return posix("UPPER", true, true),
        "TITLECASE" => category(Categories::TITLE),
        "PUNCTUATION" => return posix("PUNCT", true, any_case),
        "WHITESPACE" | "WHITE_SPACE" => space(true),
        "WORD" => word(true),
        _ => return None,
    })
}

/// The classes of POSIX, in ASCII and in Unicode.
fn posix(upper: &str, unicode: bool, any_case: bool) -> Option<Set> {
    if !unicode {
        return Some(Set::ranges(match upper {
            "ALNUM" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
            "ALPHA" => &[('A', 'Z'), ('a', 'z')],
            "LOWER" | "UPPER" if any_case => &[('A', 'Z'), ('a', 'z')],
            "LOWER" => &[('a', 'z')],
            "UPPER" => &[('A', 'Z')],
            "BLANK" => &[('\t', '\t'), (' ', ' ')],
            "CNTRL" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
            "DIGIT" => &[('0', '9')],
            "GRAPH" => &[('!', '~')],
            "PRINT" => &[(' ', '~')],
            "PUNCT" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            "SPACE" => &[('\t', '\r'), (' ', ' ')],
            "XDIGIT" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
            _ => return None,
        }));
    }
    let invisible = Categories::SEPARATOR
        .or(Categories::CONTROL)
        .or(Categories::SURROGATE)
        .or(Categories::UNASSIGNED);
    let visible = Categories::ALL.without(invisible);
    Some(match upper {
        "ALPHA" => Set::Property(Property::Alphabetic),
        "LOWER" | "UPPER" if any_case => Set::Property(Property::Lowercase)
            .or(Set::Property(Property::Uppercase))
            .or(category(Categories::TITLE)),
        "LOWER" => Set::Property(Property::Lowercase),
        "UPPER" => Set::Property(Property::Uppercase),
        "SPACE" => space(true),
        "PUNCT" => category(Categories::PUNCTUATION),
        "XDIGIT" => Set::ranges(&[
            ('A', 'F'),
            ('a', 'f'),
            ('\u{ff21}', '\u{ff26}'),
            ('\u{ff41}', '\u{ff46}'),
        ])
        .or(digit(true)),
        "ALNUM" => Set::Property(Property::Alphabetic).or(digit(true)),
        "CNTRL" => category(Categories::CONTROL),
        "DIGIT" => digit(true),
        "BLANK" => Set::ranges(&[('\t', '\t')]).or(category(Categories::SPACE)),
        "GRAPH" => category(visible),
        "PRINT" => category(visible.or(Categories::SPACE)),
        _ => return None,
    })
}

fn categories(name: &str, any_case: bool) -> Option<Set> {
    let name = match name {
        "Lu" | "Ll" | "Lt" if any_case => "LC",
        name => name,
    };
    Categories::of_name(name).map(category)
}

/// Categories, the classes of POSIX by their names in Java, and the questions of
/// `java.lang.Character`.
fn of_java(name: &str, any_case: bool) -> Option<Set> {
    Some(match name {
        "L1" => Set::ranges(&[('\0', '\u{ff}')]),
        "all" => Set::Not(Box::new(Set::NONE)),
        "ASCII" => Set::ranges(&[('\0', '\x7f')]),
        "XDigit" => return posix("XDIGIT", false, any_case),
        "javaLowerCase" => return posix("LOWER", true, any_case),
        "javaUpperCase" => return posix("UPPER", true, any_case),
        "javaTitleCase" => return of_unicode("TITLECASE", any_case),
        "javaAlphabetic" => Set::Property(Property::Alphabetic),
        "javaDigit" => digit(true),
        "javaDefined" => return of_unicode("ASSIGNED", any_case),
        "javaLetter" => category(Categories::LETTER),
        "javaLetterOrDigit" => category(Categories::LETTER.or(Categories::DIGIT)),
        "javaSpaceChar" => category(Categories::SEPARATOR),
        "javaISOControl" => category(Categories::CONTROL),
        "javaWhitespace" => {
            let breaking = Set::Not(Box::new(Set::ranges(&[
                ('\u{a0}', '\u{a0}'),
                ('\u{2007}', '\u{2007}'),
                ('\u{202f}', '\u{202f}'),
            ])));
            let spaces =
                Set::ranges(&[('\t', '\r'), ('\x1c', '\x1f')]).or(category(Categories::SEPARATOR));
            Set::Intersection(Box::new((breaking, spaces)))
        }
        _ => {
            return categories(name, any_case).or_else(|| {
                // `Alpha`, and not `alpha` or `ALPHA`.
                let mut letters = name.chars();
                (letters
                    .next()
                    .is_some_and(|first| first.is_ascii_uppercase())
                    && letters.all(|letter| letter.is_ascii_lowercase()))
                .then(|| posix(&name.to_ascii_uppercase(), false, any_case))
                .flatten()
            });
        }
    })
}

/// The blocks that patterns in use name.
fn block(name: &str) -> Option<Set> {
    let name: String = name
        .chars()
        .filter(|character| !matches!(character, ' ' | '_' | '-'))
        .map(|character| character.to_ascii_uppercase())
        .collect();
    Some(Set::ranges(&[match name.as_str() {
        "BASICLATIN" => ('\0', '\x7f'),
        "LATIN1SUPPLEMENT" => ('\u{80}', '\u{ff}'),
        "LATINEXTENDEDA" => ('\u{100}', '\u{17f}'),
        "LATINEXTENDEDB" => ('\u{180}', '\u{24f}'),
        "COMBININGDIACRITICALMARKS" => ('\u{300}', '\u{36f}'),
        "GREEK" | "GREEKANDCOPTIC" => ('\u{370}', '\u{3ff}'),
        "CYRILLIC" => ('\u{400}', '\u{4ff}'),
        "HEBREW" => ('\u{590}', '\u{5ff}'),
        "ARABIC" => ('\u{600}', '\u{6ff}'),
        "THAI" => ('\u{e00}', '\u{e7f}'),
        "GENERALPUNCTUATION" => ('\u{2000}', '\u{206f}'),
        "CURRENCYSYMBOLS" => ('\u{20a0}', '\u{20cf}'),
        "HIRAGANA" => ('\u{3040}', '\u{309f}'),
        "KATAKANA" => ('\u{30a0}', '\u{30ff}'),
        "CJKUNIFIEDIDEOGRAPHS" => ('\u{4e00}', '\u{9fff}'),
        "HANGULSYLLABLES" => ('\u{ac00}', '\u{d7af}'),
        _ => return None,
    }]))
}
