//! How far a render may go.

use attache_values::Value;
use attache_values::json::Style;

/// What one render may take. A template that needs more ends with an error: it never hangs, and
/// what it holds in memory stays bounded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Rounds of one `#foreach`. API Gateway allows 1,000.
    pub iterations: u32,
    /// Bytes of the output, and of any one string on the way to it.
    pub output: usize,
    /// Calls of macros within each other. Velocity's default is 20.
    pub calls: u32,
    /// Work in all: a step of the template is one unit, as are eight bytes of text that are
    /// produced or compared; an item that a list or a map gains is eight.
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            iterations: 1_000,
            output: 10 * 1024 * 1024,
            calls: 20,
            work: 10_000_000,
        }
    }
}

/// What is left of the limits.
pub(crate) struct Budget {
    work: u64,
    output: usize,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exhausted(pub(crate) &'static str);

const TOO_LARGE: &str = "a text becomes larger than the output may be";

/// What an item that a list or a map gains costs.
const ITEM: u64 = 8;

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            work: limits.work,
            output: limits.output,
        }
    }

    /// One step.
    pub(crate) fn step(&mut self) -> Result<(), Exhausted> {
        self.spend(1)
    }

    /// Text that is produced or compared.
    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.spend((bytes as u64 >> 3) + 1)
    }

    /// A string that is kept.
    pub(crate) fn string(&mut self, bytes: usize) -> Result<(), Exhausted> {
        self.fits(bytes)?;
        self.text(bytes)
    }

    /// Whether a string may be that long.
    pub(crate) fn fits(&self, bytes: usize) -> Result<(), Exhausted> {
        match bytes > self.output {
            true => Err(Exhausted(TOO_LARGE)),
            false => Ok(()),
        }
    }

    /// What a value prints. One that holds itself many times over prints far more than it holds.
    pub(crate) fn print(&mut self, value: &Value) -> Result<String, Exhausted> {
        let mut text = String::new();
        let fits = value.write_within(Style::Java, &mut text, self.output);
        self.string(text.len())?;
        match fits {
            true => Ok(text),
            false => Err(Exhausted(TOO_LARGE)),
        }
    }

    /// Items that a list or a map gains.
    pub(crate) fn items(&mut self, count: usize) -> Result<(), Exhausted> {
        self.spend((count as u64).saturating_mul(ITEM))
    }

    fn spend(&mut self, work: u64) -> Result<(), Exhausted> {
        match self.work.checked_sub(work) {
            Some(left) => {
                self.work = left;
                Ok(())
            }
            None => {
                self.work = 0;
                Err(Exhausted("the template takes too much work"))
            }
        }
    }
}
