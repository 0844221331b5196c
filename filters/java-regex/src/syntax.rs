//! What a pattern says.

use crate::class::{Case, CharacterClass};

/// No limit to the repetitions.
pub(crate) const UNLIMITED: u32 = u32::MAX;

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Matches nothing, everywhere.
    Empty,
    Character(char),
    Class(Box<CharacterClass>),
    Sequence(Vec<Node>),
    /// The first that leads to a match.
    Alternatives(Vec<Node>),
    /// A group by its number, from 1.
    Group(u32, Box<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: u32,
        greed: Greed,
    },
    /// Look-ahead and look-behind.
    Look {
        node: Box<Node>,
        /// How many characters back at least and at most.
        behind: Option<(u32, u32)>,
        negative: bool,
    },
    /// `(?>…)`: once it has matched it is not tried in another way.
    Atomic(Box<Node>),
    Assertion(Assertion),
    /// What a group has matched, again.
    BackReference(u32, Case),
}

/// Which number of repetitions is tried first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Greed {
    /// As many as possible.
    Greedy,
    /// As few as possible.
    Reluctant,
    /// As many as possible, and no fewer if that does not lead to a match.
    Possessive,
}

/// What must be true of a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assertion {
    /// `\A`, and `^` outside of `(?m)`.
    Begin,
    /// `\z`.
    End,
    /// `\Z`, and `$` outside of `(?m)`: the end, or before the line terminator that ends the text.
    EndOfInput,
    /// The same under `(?d)`, where only `\n` is a line terminator.
    UnixEndOfInput,
    /// `^` under `(?m)`.
    BeginOfLine,
    UnixBeginOfLine,
    /// `$` under `(?m)`.
    EndOfLine,
    UnixEndOfLine,
    /// `\b`.
    WordBoundary(Word),
    /// `\B`.
    NotWordBoundary(Word),
    /// `\G`.
    EndOfLastMatch,
}

/// What is a word for `\b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Letters and digits of every script, and `_`. With them go the marks on a letter.
    Letters,
    /// What `\w` matches under `(?U)`.
    Unicode,
    /// What `\w` matches in ECMAScript.
    Ascii,
}

impl Node {
    /// The fewest and most characters that a match has; no most when there is no limit, or none
    /// that can be told.
    pub(crate) fn width(&self) -> (u32, Option<u32>) {
        match self {
            Self::Empty | Self::Look { .. } | Self::Assertion(_) => (0, Some(0)),
            Self::Character(_) | Self::Class(_) => (1, Some(1)),
            Self::Sequence(nodes) => nodes.iter().map(Self::width).fold(
                (0, Some(0)),
                |(least, most): (u32, Option<u32>), (min, max)| {
                    let most = most.zip(max).and_then(|(most, max)| most.checked_add(max));
                    (least.saturating_add(min), most)
                },
            ),
            Self::Alternatives(nodes) => nodes
                .iter()
                .map(Self::width)
                .reduce(|(least, most), (min, max)| {
                    let most = most.zip(max).map(|(most, max)| most.max(max));
                    (least.min(min), most)
                })
                .unwrap_or((0, Some(0))),
            Self::Group(_, node) | Self::Atomic(node) => node.width(),
            Self::Repeat { node, min, max, .. } => {
                let (least, most) = node.width();
                let most = match most {
                    Some(0) => Some(0),
                    Some(most) if *max != UNLIMITED => most.checked_mul(*max),
                    _ => None,
                };
                (least.saturating_mul(*min), most)
            }
            Self::BackReference(..) => (0, None),
        }
    }
}
