//! Replacing and splitting.

use crate::matcher::Matcher;
use crate::{MatchError, Pattern};

/// A part of a replacement.
enum Part {
    Text(String),
    Group(usize),
}

impl Pattern {
    /// The text with every match replaced (`Matcher.replaceAll`). In the replacement `$1` and
    /// `${name}` stand for what a group has matched, nothing when it has not, and a backslash takes
    /// its meaning from the character after it.
    ///
    /// # Errors
    ///
    /// [`MatchError::TooManySteps`]; [`MatchError::Replacement`] when the replacement has a `$`
    /// without a group, a group that the pattern does not have, or ends with a backslash. As in
    /// Java that is found out at the first match.
    pub fn replace_all(&self, text: &str, replacement: &str) -> Result<String, MatchError> {
        self.replace(text, replacement, usize::MAX)
    }

    /// The text with the first match replaced (`Matcher.replaceFirst`).
    ///
    /// # Errors
    ///
    /// As [`Pattern::replace_all`].
    pub fn replace_first(&self, text: &str, replacement: &str) -> Result<String, MatchError> {
        self.replace(text, replacement, 1)
    }

    fn replace(&self, text: &str, replacement: &str, most: usize) -> Result<String, MatchError> {
        let mut matcher = Matcher::new(&self.program, text)?;
        let mut found = matcher.find_next()?;
        let mut replaced = String::new();
        let mut copied = 0;
        let mut count = 0;
        let mut parts = None;
        while found {
            let parts = match &mut parts {
                Some(parts) => parts,
                none => none.insert(self.parts(replacement)?),
            };
            let range = matcher.range();
            replaced += text.get(copied..range.start).unwrap_or_default();
            for part in parts {
                replaced += match part {
                    Part::Text(text) => text,
                    Part::Group(group) => {
                        let range = matcher.group(*group);
                        range.and_then(|range| text.get(range)).unwrap_or_default()
                    }
                };
            }
            copied = range.end;
            count += 1;
            found = count < most && matcher.find_next()?;
        }
        replaced += text.get(copied..).unwrap_or_default();
        Ok(replaced)
    }

    fn parts(&self, replacement: &str) -> Result<Vec<Part>, MatchError> {
        let wrong = |reason: String| Err(MatchError::Replacement(reason));
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut characters = replacement.chars().peekable();
        while let Some(character) = characters.next() {
            let group = match character {
                '\\' => match characters.next() {
                    Some(escaped) => {
                        text.push(escaped);
                        continue;
                    }
                    None => return wrong("character to be escaped is missing".to_owned()),
                },
                '$' if characters.next_if_eq(&'{').is_some() => {
                    let mut name = String::new();
                    while let Some(letter) = characters.next_if(char::is_ascii_alphanumeric) {
                        name.push(letter);
                    }
                    if characters.next() != Some('}') {
                        return wrong("named capturing group is missing trailing `}`".to_owned());
                    }
                    match self.group_of(&name) {
                        Some(group) => group,
                        None => return wrong(format!("no group with name {{{name}}}")),
                    }
                }
                '$' => {
                    let digit = characters.next().and_then(|digit| digit.to_digit(10));
                    let Some(digit) = digit else {
                        return wrong("illegal group reference".to_owned());
                    };
                    let mut group = digit as usize;
                    if group > self.group_count() {
                        return wrong(format!("no group {group}"));
                    }
                    // As many digits as make the number of a group.
                    while let Some(digit) = characters.peek().and_then(|digit| digit.to_digit(10)) {
                        let longer = group * 10 + digit as usize;
                        if longer > self.group_count() {
                            break;
                        }
                        group = longer;
                        characters.next();
                    }
                    group
                }
                _ => {
                    text.push(character);
                    continue;
                }
            };
            parts.push(Part::Text(std::mem::take(&mut text)));
            parts.push(Part::Group(group));
        }
        parts.push(Part::Text(text));
        Ok(parts)
    }

    /// What is between the matches (`Pattern.split`). A positive limit is the most parts that there
    /// are; with 0, which is what Java has when no limit is given, empty parts at the end are left
    /// out, with a negative limit they are not.
    ///
    /// # Errors
    ///
    /// [`MatchError::TooManySteps`].
    pub fn split<'t>(&self, text: &'t str, limit: i32) -> Result<Vec<&'t str>, MatchError> {
        let most = usize::try_from(limit).ok().filter(|limit| *limit > 0);
        let mut parts = Vec::new();
        let mut from = 0;
        let mut matcher = Matcher::new(&self.program, text)?;
        let mut found = matcher.find_next()?;
        while found && most.is_none_or(|most| parts.len() + 1 < most) {
            let range = matcher.range();
            // Nothing stands before a match of nothing at the beginning.
            if range.end > 0 {
                parts.push(text.get(from..range.start).unwrap_or_default());
                from = range.end;
            }
            found = matcher.find_next()?;
        }
        if from == 0 {
            return Ok(vec![text]);
        }
        parts.push(text.get(from..).unwrap_or_default());
        if limit == 0 {
            while parts.last().is_some_and(|part| part.is_empty()) {
                parts.pop();
            }
        }
        Ok(parts)
    }
}
