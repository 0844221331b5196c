//! What is wrong with records that Redis has told of, and how the log says it: one line for each reason,
//! however many there are.

/// What was wrong with the records of an answer, each with the first of them.
#[derive(Default)]
pub(super) struct Findings<'a>([(usize, &'a str); 5]);

/// What can be wrong with a record.
#[derive(Clone, Copy)]
pub(in crate::fleet) enum Finding {
    Unreadable,
    Declared,
    UnknownPlan,
    UnknownStage,
    TooMany,
}

impl<'a> Findings<'a> {
    pub(super) fn add(&mut self, finding: Finding, id: &'a str) {
        if let Some((count, first)) = self.0.get_mut(finding as usize) {
            if *count == 0 {
                *first = id;
            }
            *count += 1;
        }
    }

    /// `one` is what one record is called, and `several` what more are.
    pub(super) fn tell(&self, one: &str, several: &str) {
        let reasons = [
            "cannot be read, and open nothing",
            "have the id of one in the configuration, which counts",
            "belong to usage plans that nobody knows",
            "hold stages or methods that the configuration does not have",
            "are more than a gateway holds, and open nothing",
        ];
        for ((count, first), reason) in self.0.iter().zip(reasons) {
            if *count > 0 {
                log::warn!(
                    "in Redis, {count} {several} {reason}: the {one} {first:?} is the first"
                );
            }
        }
    }
}
