//! General categories of characters (`Character.getType` of Java).

mod table;

use table::RUNS;

/// General categories, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Categories(u32);

/// The names of the categories at their bits: bit 0 is `Cn`.
const NAMES: &[u8; 60] = b"CnLuLlLtLmLoMnMeMcNdNlNoZsZlZpCcCfPfCoCsPdPsPePcPoSmScSkSoPi";

/// The pseudo category of letters that are upper and lower case in turn.
const ALTERNATING: u8 = 31;

const UPPER: u8 = 1;
const LOWER: u8 = 2;

impl Categories {
    pub(crate) const UNASSIGNED: Self = Self(1);
    pub(crate) const LETTER_CASES: Self = Self(1 << UPPER | 1 << LOWER | 1 << 3);
    pub(crate) const LETTER: Self = Self(Self::LETTER_CASES.0 | 1 << 4 | 1 << 5);
    pub(crate) const TITLE: Self = Self(1 << 3);
    pub(crate) const NON_SPACING_MARK: Self = Self(1 << 6);
    pub(crate) const MARK: Self = Self(1 << 6 | 1 << 7 | 1 << 8);
    pub(crate) const DIGIT: Self = Self(1 << 9);
    pub(crate) const SPACE: Self = Self(1 << 12);
    pub(crate) const SEPARATOR: Self = Self(1 << 12 | 1 << 13 | 1 << 14);
    pub(crate) const CONTROL: Self = Self(1 << 15);
    pub(crate) const SURROGATE: Self = Self(1 << 19);
    pub(crate) const CONNECTOR: Self = Self(1 << 23);
    pub(crate) const PUNCTUATION: Self =
        Self(1 << 17 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 24 | 1 << 29);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const ALL: Self = Self((1 << 30) - 1);

    /// The categories of a name: `Lu`, or the first letter of several, `LC` (with case) or `LD`
    /// (letters and digits).
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "LC" => return Some(Self::LETTER_CASES),
            "LD" => return Some(Self::LETTER.or(Self::DIGIT)),
            _ => {}
        }
        let bits = NAMES
            .chunks_exact(2)
            .enumerate()
            .filter(|(_, category)| {
                *category == name.as_bytes() || category.get(..1) == Some(name.as_bytes())
            })
            .fold(0, |bits, (bit, _)| bits | 1 << bit);
        (bits != 0).then_some(Self(bits))
    }

    pub(crate) fn contain(self, character: char) -> bool {
        self.0 >> category(u32::from(character)) & 1 == 1
    }
}

/// How many runs are between two places from which a search can begin.
const STRIDE: usize = 64;

/// Where the runs are that are numbers 0, [`STRIDE`] and so on: code point and index.
const PLACES: [(u32, u16); 46] = places();

/// The run at an index: category, length, and the index of the next one.
const fn run(runs: &[u8], index: usize) -> Option<(u8, u32, usize)> {
    let Some((_, rest)) = runs.split_at_checked(index) else {
        return None;
    };
    let Some((byte, mut rest)) = rest.split_first() else {
        return None;
    };
    let mut length = (*byte & 7) as u32;
    let mut next = index + 1;
    if length == 7 {
        let mut shift = 0;
        while let Some((byte, after)) = rest.split_first() {
            length += ((*byte & 0x7f) as u32) << shift;
            shift += 7;
            next += 1;
            rest = after;
            if *byte < 0x80 {
                break;
            }
        }
    }
    Some((*byte >> 3, length + 1, next))
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "the compiler computes it"
)]
const fn places() -> [(u32, u16); 46] {
    let mut places = [(0, 0); 46];
    let (mut code, mut index, mut number) = (0, 0, 0);
    while let Some((_, length, next)) = run(&RUNS, index) {
        if number % STRIDE == 0 {
            places[number / STRIDE] = (code, index as u16);
        }
        code += length;
        index = next;
        number += 1;
    }
    places
}

/// The category of a code point, as a number.
fn category(code: u32) -> u8 {
    let place = PLACES.partition_point(|(start, _)| *start <= code);
    let Some((mut start, index)) = PLACES.get(place.wrapping_sub(1)).copied() else {
        return 0;
    };
    let mut index = usize::from(index);
    while let Some((category, length, next)) = run(&RUNS, index) {
        let within = code - start;
        if within < length {
            return match (category, within & 1) {
                (ALTERNATING, 0) => UPPER,
                (ALTERNATING, _) => LOWER,
                _ => category,
            };
        }
        start += length;
        index = next;
    }
    0
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::{Categories, NAMES, category};
    #[cfg(not(target_family = "wasm"))]
    use super::{RUNS, run};

    #[wasm_bindgen_test(unsupported = test)]
    fn characters_have_their_category() {
        for (character, name) in [
            ('a', "Ll"),
            ('Z', "Lu"),
            ('0', "Nd"),
            (' ', "Zs"),
            ('\n', "Cc"),
            ('_', "Pc"),
            ('«', "Pi"),
            ('»', "Pf"),
            ('ǅ', "Lt"),
            ('Ā', "Lu"),
            ('ā', "Ll"),
            ('ʰ', "Lm"),
            ('\u{301}', "Mn"),
            ('中', "Lo"),
            ('鿼', "Lo"),
            ('Ⅷ', "Nl"),
            ('½', "No"),
            ('€', "Sc"),
            ('\u{2028}', "Zl"),
            ('\u{200d}', "Cf"),
            ('\u{e000}', "Co"),
            ('😀', "So"),
            ('\u{378}', "Cn"),
            ('\u{10ffff}', "Cn"),
        ] {
            let bit = usize::from(category(u32::from(character)));
            assert_eq!(&NAMES[2 * bit..2 * bit + 2], name.as_bytes(), "{character}");
            assert!(Categories::of_name(name).unwrap().contain(character));
            assert!(
                Categories::of_name(name.get(..1).unwrap())
                    .unwrap()
                    .contain(character)
            );
        }
        for name in ["", "l", "X", "Lx", "nL", "LuL"] {
            assert_eq!(Categories::of_name(name), None, "{name}");
        }
    }

    /// The first and the last character of every run. `regex` knows a later Unicode: what was not
    /// assigned is not compared.
    #[cfg(not(target_family = "wasm"))]
    #[test]
    fn the_table_is_unicode() {
        let mut ends = Vec::new();
        let (mut code, mut index) = (0, 0);
        while let Some((category, length, next)) = run(&RUNS, index) {
            if category != 0 {
                ends.extend([code, code + 1, code + length - 1].map(char::from_u32));
            }
            (code, index) = (code + length, next);
        }
        assert_eq!(code, 0x11_0000);
        let mut different = 0;
        for (bit, name) in NAMES.chunks_exact(2).enumerate() {
            let name = str::from_utf8(name).unwrap();
            if matches!(name, "Cn" | "Cs") {
                continue;
            }
            let expression = regex::Regex::new(&format!(r"\p{{{name}}}")).unwrap();
            let mut buffer = [0; 4];
            for character in ends.iter().flatten() {
                let ours = usize::from(category(u32::from(*character)));
                let theirs = expression.is_match(character.encode_utf8(&mut buffer));
                different += usize::from(ours != 0 && theirs != (ours == bit));
            }
        }
        // Later versions have corrected a few.
        assert!(different < 20, "{different}");
    }
}
