//! What is wrong with keys that Redis has told of, and how the log says it: one line for each reason,
//! however many keys there are.

/// What was wrong with the keys of an answer, each with the first of them.
#[derive(Default)]
pub(super) struct Findings<'a>([(usize, &'a str); 4]);

/// What can be wrong with a key.
#[derive(Clone, Copy)]
pub(super) enum Finding {
    Unreadable,
    Declared,
    UnknownPlan,
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

    pub(super) fn tell(&self) {
        let reasons = [
            "cannot be read, and open nothing",
            "have the id of one in the configuration, which counts",
            "belong to usage plans that the configuration does not have",
            "are more than a gateway holds, and open nothing",
        ];
        for ((count, first), reason) in self.0.iter().zip(reasons) {
            if *count > 0 {
                log::warn!("{count} API keys in Redis {reason}: {first:?} is the first");
            }
        }
    }
}
