//! Which characters a class has.

use crate::property::Property;

/// Which letters are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// None but themselves.
    Sensitive,
    /// `(?i)`: those of ASCII.
    Ascii,
    /// `(?iu)`: those that Unicode maps to one another, one character to one.
    Unicode,
}

impl Case {
    /// Whether two characters are the same.
    pub(crate) fn same(self, one: char, other: char) -> bool {
        one == other
            || match self {
                Self::Sensitive => false,
                Self::Ascii => one.eq_ignore_ascii_case(&other),
                Self::Unicode => folded(one) == folded(other),
            }
    }
}

/// `Character.toUpperCase` of Java, which never makes two characters of one.
fn upper_case(character: char) -> char {
    let mut upper = character.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => character,
    }
}

/// `Character.toLowerCase` of Java.
fn lower_case(character: char) -> char {
    // The first of `i̇`.
    character.to_lowercase().next().unwrap_or(character)
}

fn folded(character: char) -> char {
    lower_case(upper_case(character))
}

/// Characters, and a table of those that are ASCII.
#[derive(Clone, Debug)]
pub(crate) struct CharacterClass {
    ascii: u128,
    set: Set,
}

impl CharacterClass {
    pub(crate) fn new(set: Set) -> Self {
        let ascii = (0..128_u8)
            .filter(|byte| set.contains(char::from(*byte)))
            .fold(0, |ascii, byte| ascii | 1 << byte);
        Self { ascii, set }
    }

    pub(crate) fn contains(&self, character: char) -> bool {
        let code = u32::from(character);
        if code < 128 {
            self.ascii >> code & 1 == 1
        } else {
            self.set.contains(character)
        }
    }
}

/// Characters, as a pattern says which.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    /// From the first to the last.
    Range(char, char, Case),
    Property(Property),
    Union(Vec<Set>),
    Intersection(Box<(Set, Set)>),
    Not(Box<Set>),
}

impl Set {
    /// No character.
    pub(crate) const NONE: Self = Self::Union(Vec::new());

    pub(crate) fn one(character: char, case: Case) -> Self {
        Self::Range(character, character, case)
    }

    /// Ranges, first and last in turn, in which case matters.
    pub(crate) fn ranges(ranges: &[(char, char)]) -> Self {
        let range = |(first, last): &(char, char)| Self::Range(*first, *last, Case::Sensitive);
        Self::Union(ranges.iter().map(range).collect())
    }

    pub(crate) fn negated_if(self, negated: bool) -> Self {
        if negated {
            Self::Not(Box::new(self))
        } else {
            self
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        match self {
            Self::Union(mut sets) => {
                sets.push(other);
                Self::Union(sets)
            }
            set => Self::Union(vec![set, other]),
        }
    }

    /// Sets are in one another as deep as the pattern's brackets, which the parser limits.
    fn contains(&self, character: char) -> bool {
        match self {
            Self::Range(first, last, case) => {
                let within = |character| (*first..=*last).contains(&character);
                within(character)
                    || match case {
                        Case::Sensitive => false,
                        Case::Ascii => {
                            within(character.to_ascii_uppercase())
                                || within(character.to_ascii_lowercase())
                        }
                        Case::Unicode if first == last => folded(*first) == folded(character),
                        Case::Unicode => within(upper_case(character)) || within(folded(character)),
                    }
            }
            Self::Property(property) => property.contains(character),
            Self::Union(sets) => sets.iter().any(|set| set.contains(character)),
            Self::Intersection(sets) => sets.0.contains(character) && sets.1.contains(character),
            Self::Not(set) => !set.contains(character),
        }
    }
}
