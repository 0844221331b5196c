//! Runs programs on texts.

mod assertion;

use std::ops::Range;

use crate::class::CharacterClass;
use crate::compiler::{Instruction, Program, Start};
use crate::syntax::Greed;
use crate::{Groups, MatchError};

/// How many steps every search may take, how many more for each byte of the text, and at most:
/// about a second.
const STEPS: u64 = 1_000_000;
const STEPS_PER_BYTE: u64 = 32;
const MOST_STEPS: u64 = 100_000_000;

/// How many ways may wait to be tried: 16 MB.
const MOST_WAYS: usize = 1 << 20;

/// What a register holds that holds nothing.
const NOTHING: u32 = u32::MAX;

/// What there is to do when a way leads to nothing.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Goes on with an instruction at a place.
    Try(u32, u32),
    /// Gives a register its former value and fails on.
    Restore(u32, u32),
    /// A greedy run: goes on with the instruction at the second place, and before it, down to the
    /// first.
    Shorter(u32, u32, u32),
    /// A reluctant run: takes one character more at the place; so many have been taken.
    Longer(u32, u32, u32),
    /// A look-behind: goes on with the instruction a character before the place, and so many more.
    Further(u32, u32, u32),
}

/// A program on a text.
#[derive(Debug)]
pub(crate) struct Matcher<'a> {
    program: &'a Program,
    text: &'a str,
    registers: Vec<u32>,
    ways: Vec<Way>,
    steps: u64,
    /// Where the match is that was found last.
    start: u32,
    end: u32,
    /// `\G`.
    last_end: u32,
    found: bool,
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(program: &'a Program, text: &'a str) -> Result<Self, MatchError> {
        if u32::try_from(text.len()).map_or(true, |length| length == NOTHING) {
            return Err(MatchError::TooManySteps);
        }
        let more = STEPS_PER_BYTE * text.len() as u64;
        Ok(Self {
            program,
            text,
            registers: Vec::new(),
            ways: Vec::new(),
            steps: MOST_STEPS.min(STEPS + more),
            start: 0,
            end: 0,
            last_end: 0,
            found: false,
        })
    }

    pub(crate) const fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// What a group has matched in the match that was found last.
    pub(crate) fn group(&self, group: usize) -> Option<Range<usize>> {
        if group == 0 {
            return Some(self.range());
        }
        if group > self.program.groups.len() {
            return None;
        }
        match self.registers.get(2 * group..2 * group + 2) {
            Some(&[start, end]) if end != NOTHING => Some(start as usize..end as usize),
            _ => None,
        }
    }

    pub(crate) fn groups(&self) -> Groups {
        Groups(
            (0..=self.program.groups.len())
                .map(|group| self.group(group))
                .collect(),
        )
    }

    /// Whether the whole text matches.
    pub(crate) fn match_all(&mut self) -> Result<bool, MatchError> {
        self.run(0, true)
    }

    /// Finds the next match after the one that was found last, or the first.
    pub(crate) fn find_next(&mut self) -> Result<bool, MatchError> {
        let mut from = self.end as usize;
        if self.found && self.start == self.end {
            from += self.character(self.end).map_or(1, char::len_utf8);
        }
        self.search(from)
    }

    /// Finds the first match at or after an offset.
    pub(crate) fn find(&mut self, from: usize) -> Result<bool, MatchError> {
        self.last_end = u32::try_from(from).unwrap_or(NOTHING);
        self.search(from)
    }

    fn search(&mut self, mut from: usize) -> Result<bool, MatchError> {
        let program = self.program;
        while from < self.text.len() && !self.text.is_char_boundary(from) {
            from += 1;
        }
        loop {
            if from > self.text.len() {
                return Ok(false);
            }
            let rest = self.text.get(from..).unwrap_or_default();
            let mut characters = rest.chars();
            match &program.start {
                Start::Anywhere | Start::Run(_, 0) => {}
                Start::Begin if from == 0 => {}
                Start::Begin => return Ok(false),
                Start::Literal(literal) => match rest.find(literal.as_str()) {
                    Some(at) => from += at,
                    None => return Ok(false),
                },
                Start::Class(class) | Start::Run(class, _) => {
                    let class = self.class(*class)?;
                    let Some(at) = characters.position(|character| class.contains(character))
                    else {
                        return Ok(false);
                    };
                    from += rest.char_indices().nth(at).map_or(0, |(at, _)| at);
                    self.spend(at as u64 / 4)?;
                }
            }
            let start = u32::try_from(from).unwrap_or(NOTHING);
            if self.run(start, false)? {
                return Ok(true);
            }
            let rest = self.text.get(from..).unwrap_or_default();
            if let Start::Run(class, _) = &program.start {
                let class = self.class(*class)?;
                let length = rest.find(|character| !class.contains(character));
                from += length.unwrap_or(rest.len());
                self.spend(length.unwrap_or(rest.len()) as u64 / 4)?;
            }
            let rest = self.text.get(from..).unwrap_or_default();
            from += rest.chars().next().map_or(1, char::len_utf8);
        }
    }

    fn spend(&mut self, steps: u64) -> Result<(), MatchError> {
        self.steps = self
            .steps
            .checked_sub(steps)
            .ok_or(MatchError::TooManySteps)?;
        Ok(())
    }

    /// The compiler makes no instruction with a class that is not there.
    fn class(&self, class: u32) -> Result<&'a CharacterClass, MatchError> {
        let class = self.program.classes.get(class as usize);
        class.ok_or(MatchError::TooManySteps)
    }

    /// The character at a place.
    fn character(&self, at: u32) -> Option<char> {
        match self.text.as_bytes().get(at as usize)? {
            byte @ 0..0x80 => Some(char::from(*byte)),
            _ => self.text.get(at as usize..)?.chars().next(),
        }
    }

    /// The character before a place.
    fn character_before(&self, at: u32) -> Option<char> {
        self.text.get(..at as usize)?.chars().next_back()
    }

    fn register(&self, register: u32) -> u32 {
        self.registers
            .get(register as usize)
            .copied()
            .unwrap_or(NOTHING)
    }

    fn set(&mut self, register: u32, value: u32) {
        if let Some(place) = self.registers.get_mut(register as usize) {
            self.ways.push(Way::Restore(register, *place));
            *place = value;
        }
    }

    /// Forgets the ways not tried since there were so many; what they restore is still restored.
    fn cut(&mut self, height: u32) {
        let height = height as usize;
        let mut kept = height;
        for index in height..self.ways.len() {
            if matches!(self.ways.get(index), Some(Way::Restore(..))) {
                self.ways.swap(kept, index);
                kept += 1;
            }
        }
        self.ways.truncate(kept);
    }

    /// Takes ways back until there are no more than so many.
    fn undo(&mut self, height: u32) {
        while self.ways.len() > height as usize {
            if let Some(Way::Restore(register, value)) = self.ways.pop()
                && let Some(place) = self.registers.get_mut(register as usize)
            {
                *place = value;
            }
        }
    }

    /// Whether there is a match from a place on, to the end of the text or not.
    fn run(&mut self, start: u32, to_the_end: bool) -> Result<bool, MatchError> {
        let program = self.program;
        self.registers.clear();
        self.registers.resize(program.registers as usize, NOTHING);
        self.ways.clear();
        let (mut counter, mut at) = (0_u32, start);
        loop {
            self.spend(1)?;
            if self.ways.len() > MOST_WAYS {
                return Err(MatchError::TooManySteps);
            }
            let Some(instruction) = program.code.get(counter as usize) else {
                return Ok(false);
            };
            counter += 1;
            let holds = match *instruction {
                Instruction::Character(character) => {
                    let same = self.character(at) == Some(character);
                    if same {
                        at += width(character);
                    }
                    same
                }
                Instruction::Class(class) => {
                    let class = self.class(class)?;
                    match self.character(at) {
                        Some(character) if class.contains(character) => {
                            at += width(character);
                            true
                        }
                        _ => false,
                    }
                }
                Instruction::Run {
                    class,
                    min,
                    max,
                    greed,
                } => {
                    let class = self.class(class)?;
                    let most = if greed == Greed::Reluctant { min } else { max };
                    let (mut taken, mut least) = (0, at);
                    while taken < most {
                        match self.character(at) {
                            Some(character) if class.contains(character) => at += width(character),
                            _ => break,
                        }
                        taken += 1;
                        if taken == min {
                            least = at;
                        }
                    }
                    self.spend(u64::from(taken) / 4)?;
                    if taken >= min {
                        match greed {
                            Greed::Greedy => self.try_shorter(counter, least, at),
                            Greed::Reluctant if taken < max => {
                                self.ways.push(Way::Longer(counter, at, taken));
                            }
                            _ => {}
                        }
                    }
                    taken >= min
                }
                Instruction::Jump(target) => {
                    counter = target;
                    true
                }
                Instruction::Split(first, second) => {
                    self.ways.push(Way::Try(second, at));
                    counter = first;
                    true
                }
                Instruction::Store(register) => {
                    self.set(register, at);
                    true
                }
                Instruction::EndGroup(group, begin) => {
                    let begin = self.register(begin);
                    self.set(2 * group, begin);
                    self.set(2 * group + 1, at);
                    true
                }
                Instruction::BeginLoop(number) => {
                    if let Some(repeated) = program.loops.get(number as usize) {
                        self.set(repeated.register, 0);
                        self.set(repeated.register + 1, NOTHING);
                    }
                    true
                }
                Instruction::Loop(number) => {
                    if let Some(repeated) = program.loops.get(number as usize) {
                        let rounds = self.register(repeated.register);
                        if self.register(repeated.register + 1) == at || rounds >= repeated.max {
                            // A round that has taken nothing is the last, as in Java.
                            counter = repeated.exit;
                        } else if rounds >= repeated.min {
                            if repeated.reluctant {
                                self.ways.push(Way::Try(counter, at));
                                counter = repeated.exit;
                            } else {
                                self.ways.push(Way::Try(repeated.exit, at));
                            }
                        }
                    }
                    true
                }
                Instruction::Round(number) => {
                    if let Some(repeated) = program.loops.get(number as usize) {
                        let rounds = self.register(repeated.register);
                        // No text has as many rounds.
                        self.set(repeated.register, rounds.saturating_add(1));
                        self.set(repeated.register + 1, at);
                    }
                    true
                }
                Instruction::Assert(assertion) => self.holds(assertion, at)?,
                Instruction::BackReference(group, case) => {
                    let range = self.group(group as usize);
                    match range.and_then(|range| self.text.get(range)) {
                        None => program.unset_groups_match,
                        Some(expected) => {
                            self.spend(expected.len() as u64)?;
                            let rest = self.text.get(at as usize..).unwrap_or_default();
                            let mut actual = rest.chars();
                            let same = expected.chars().all(|expected| {
                                actual
                                    .next()
                                    .is_some_and(|actual| case.same(expected, actual))
                            });
                            if same {
                                let taken = rest.len() - actual.as_str().len();
                                at += u32::try_from(taken).unwrap_or(0);
                            }
                            same
                        }
                    }
                }
                Instruction::Mark(register) => {
                    self.set(register, 0);
                    self.set(register + 1, at);
                    let height = u32::try_from(self.ways.len()).unwrap_or(NOTHING);
                    if let Some(place) = self.registers.get_mut(register as usize) {
                        *place = height;
                    }
                    true
                }
                Instruction::Cut(register) => {
                    self.cut(self.register(register));
                    true
                }
                Instruction::CutAndReturn(register) => {
                    self.cut(self.register(register));
                    at = self.register(register + 1);
                    true
                }
                Instruction::Refute(register) => {
                    self.undo(self.register(register));
                    false
                }
                Instruction::StepBack(min, max) => {
                    let mut back = 0;
                    while back < min && at > 0 {
                        at -= self.character_before(at).map_or(1, width);
                        back += 1;
                    }
                    self.spend(u64::from(back))?;
                    if max > min && at > 0 {
                        self.ways.push(Way::Further(counter, at, max - min));
                    }
                    back == min
                }
                Instruction::IsAt(register) => self.register(register) == at,
                Instruction::Match => {
                    let ends = !to_the_end || at as usize == self.text.len();
                    if ends {
                        (self.start, self.end, self.last_end) = (start, at, at);
                        self.found = true;
                        return Ok(true);
                    }
                    ends
                }
            };
            if !holds {
                match self.next_way()? {
                    Some(way) => (counter, at) = way,
                    None => return Ok(false),
                }
            }
        }
    }

    fn try_shorter(&mut self, counter: u32, least: u32, at: u32) {
        if at > least {
            let shorter = at - self.character_before(at).map_or(1, width);
            self.ways.push(Way::Shorter(counter, least, shorter));
        }
    }

    /// The instruction and the place of the way to try now.
    fn next_way(&mut self) -> Result<Option<(u32, u32)>, MatchError> {
        while let Some(way) = self.ways.pop() {
            self.spend(1)?;
            match way {
                Way::Try(counter, at) => return Ok(Some((counter, at))),
                Way::Restore(register, value) => {
                    if let Some(place) = self.registers.get_mut(register as usize) {
                        *place = value;
                    }
                }
                Way::Shorter(counter, least, at) => {
                    self.try_shorter(counter, least, at);
                    return Ok(Some((counter, at)));
                }
                Way::Longer(counter, at, taken) => {
                    let run = self.program.code.get((counter - 1) as usize);
                    let (Some(Instruction::Run { class, max, .. }), Some(character)) =
                        (run, self.character(at))
                    else {
                        continue;
                    };
                    if self.class(*class)?.contains(character) {
                        let at = at + width(character);
                        if taken + 1 < *max {
                            self.ways.push(Way::Longer(counter, at, taken + 1));
                        }
                        return Ok(Some((counter, at)));
                    }
                }
                Way::Further(counter, at, more) => {
                    let at = at - self.character_before(at).map_or(1, width);
                    if more > 1 && at > 0 {
                        self.ways.push(Way::Further(counter, at, more - 1));
                    }
                    return Ok(Some((counter, at)));
                }
            }
        }
        Ok(None)
    }
}

/// The length of a character in bytes.
fn width(character: char) -> u32 {
    u32::from(u8::try_from(character.len_utf8()).unwrap_or(1))
}
