//! Turns patterns into programs.

use crate::class::{Case, CharacterClass, Set};
use crate::parser::{Dialect, GroupNames};
use crate::syntax::{Assertion, Greed, Node, UNLIMITED};

/// One thing to do. Instructions are numbered; one that does not say otherwise goes on with the
/// next. Registers hold places in the text, counts, and heights of the stack.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instruction {
    /// Goes past this character.
    Character(char),
    /// Goes past a character of this class.
    Class(u32),
    /// Goes past characters of a class, so many at least and at most.
    Run {
        class: u32,
        min: u32,
        max: u32,
        greed: Greed,
    },
    Jump(u32),
    /// Goes on with the first, and if that leads to nothing with the second.
    Split(u32, u32),
    /// Notes the place.
    Store(u32),
    /// Ends a group: its number, and the register that has its beginning.
    EndGroup(u32, u32),
    /// Begins a loop, by its number in [`Program::loops`].
    BeginLoop(u32),
    /// Before every round: whether there is another.
    Loop(u32),
    /// A round begins.
    Round(u32),
    Assert(Assertion),
    BackReference(u32, Case),
    /// Notes the height of the stack in this register, and the place in the next.
    Mark(u32),
    /// Forgets the ways not tried since the mark.
    Cut(u32),
    /// The same, and goes back to the place of the mark.
    CutAndReturn(u32),
    /// Forgets the ways not tried since the mark, and fails.
    Refute(u32),
    /// Goes back so many characters, the fewest first.
    StepBack(u32, u32),
    /// Whether this is the place that a register has.
    IsAt(u32),
    Match,
}

/// A group or more that is repeated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    /// The register of the number of rounds; in the next one is where the last one began.
    pub(crate) register: u32,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) reluctant: bool,
    /// What comes after it.
    pub(crate) exit: u32,
}

/// Where a match can begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Anywhere,
    /// At the beginning of the text only.
    Begin,
    /// With this text.
    Literal(String),
    /// With a character of this class.
    Class(u32),
    /// With any number of this class's characters, at least none or one. When there is no match
    /// from one of them on, there is none from the ones after it.
    Run(u32, u32),
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) code: Vec<Instruction>,
    pub(crate) classes: Vec<CharacterClass>,
    pub(crate) loops: Vec<Loop>,
    pub(crate) groups: GroupNames,
    /// How many registers there are. Two for each group come first: group 1 has 2 and 3.
    pub(crate) registers: u32,
    pub(crate) start: Start,
    /// A group that has not matched is like one that has matched nothing.
    pub(crate) unset_groups_match: bool,
}

impl Program {
    pub(crate) fn group_of(&self, name: &str) -> Option<usize> {
        let named = |group: &Option<Box<str>>| group.as_deref() == Some(name);
        self.groups.iter().position(named).map(|index| index + 1)
    }
}

struct Compiler {
    program: Program,
    has_back_references: bool,
}

/// Compiles a tree. It is as deep as the parser allows.
pub(crate) fn compile(node: &Node, groups: GroupNames, dialect: Dialect) -> Program {
    let registers = 2 * (count(&groups) + 1);
    let mut compiler = Compiler {
        program: Program {
            code: Vec::new(),
            classes: Vec::new(),
            loops: Vec::new(),
            groups,
            registers,
            start: Start::Anywhere,
            unset_groups_match: dialect == Dialect::EcmaScript,
        },
        has_back_references: false,
    };
    compiler.node(node);
    compiler.program.code.push(Instruction::Match);
    compiler.program.start = compiler.start();
    compiler.program
}

/// Patterns have less than 2³² of anything.
fn count<T>(things: &[T]) -> u32 {
    u32::try_from(things.len()).unwrap_or(u32::MAX)
}

impl Compiler {
    fn here(&self) -> u32 {
        count(&self.program.code)
    }

    fn push(&mut self, instruction: Instruction) -> usize {
        self.program.code.push(instruction);
        self.program.code.len() - 1
    }

    fn set(&mut self, index: usize, instruction: Instruction) {
        if let Some(place) = self.program.code.get_mut(index) {
            *place = instruction;
        }
    }

    fn registers(&mut self, count: u32) -> u32 {
        let first = self.program.registers;
        self.program.registers += count;
        first
    }

    fn class(&mut self, class: CharacterClass) -> u32 {
        self.program.classes.push(class);
        count(&self.program.classes) - 1
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Empty => {}
            Node::Character(character) => {
                self.push(Instruction::Character(*character));
            }
            Node::Class(class) => {
                let class = self.class((**class).clone());
                self.push(Instruction::Class(class));
            }
            Node::Sequence(nodes) => nodes.iter().for_each(|node| self.node(node)),
            Node::Alternatives(nodes) => self.alternatives(nodes),
            Node::Group(group, node) => {
                let begin = self.registers(1);
                self.push(Instruction::Store(begin));
                self.node(node);
                self.push(Instruction::EndGroup(*group, begin));
            }
            Node::Repeat {
                node,
                min,
                max,
                greed,
            } => self.repeat(node, *min, *max, *greed),
            Node::Atomic(node) => {
                let mark = self.registers(2);
                self.push(Instruction::Mark(mark));
                self.node(node);
                self.push(Instruction::Cut(mark));
            }
            Node::Look {
                node,
                behind,
                negative,
            } => self.look(node, *behind, *negative),
            Node::Assertion(assertion) => {
                self.push(Instruction::Assert(*assertion));
            }
            Node::BackReference(group, case) => {
                self.has_back_references = true;
                self.push(Instruction::BackReference(*group, *case));
            }
        }
    }

    fn alternatives(&mut self, nodes: &[Node]) {
        let mut ends = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            if index + 1 == nodes.len() {
                self.node(node);
                break;
            }
            let split = self.push(Instruction::Jump(0));
            self.node(node);
            ends.push(self.push(Instruction::Jump(0)));
            let next = self.here();
            self.set(split, Instruction::Split(next_of(split), next));
        }
        let end = self.here();
        for jump in ends {
            self.set(jump, Instruction::Jump(end));
        }
    }

    fn look(&mut self, node: &Node, behind: Option<(u32, u32)>, negative: bool) {
        let mark = self.registers(2);
        self.push(Instruction::Mark(mark));
        let split = negative.then(|| self.push(Instruction::Jump(0)));
        if let Some((min, max)) = behind {
            self.push(Instruction::StepBack(min, max));
        }
        self.node(node);
        if behind.is_some() {
            self.push(Instruction::IsAt(mark + 1));
        }
        match split {
            None => {
                self.push(Instruction::CutAndReturn(mark));
            }
            Some(split) => {
                self.push(Instruction::Refute(mark));
                let end = self.here();
                self.set(split, Instruction::Split(next_of(split), end));
            }
        }
    }

    fn repeat(&mut self, node: &Node, min: u32, max: u32, greed: Greed) {
        let class = match node {
            Node::Character(character) => {
                Some(CharacterClass::new(Set::one(*character, Case::Sensitive)))
            }
            Node::Class(class) => Some((**class).clone()),
            _ => None,
        };
        if let Some(class) = class {
            let class = self.class(class);
            self.push(Instruction::Run {
                class,
                min,
                max,
                greed,
            });
            return;
        }
        if greed == Greed::Possessive {
            let mark = self.registers(2);
            self.push(Instruction::Mark(mark));
            self.repeat(node, min, max, Greed::Greedy);
            self.push(Instruction::Cut(mark));
            return;
        }
        let reluctant = greed == Greed::Reluctant;
        let never_empty = node.width().0 > 0;
        match (min, max) {
            (0, 0) => {}
            (1, 1) => self.node(node),
            (0, 1) => {
                let split = self.push(Instruction::Jump(0));
                self.node(node);
                let end = self.here();
                self.set(split, either(next_of(split), end, reluctant));
            }
            (0, UNLIMITED) if never_empty => {
                let split = self.push(Instruction::Jump(0));
                self.node(node);
                self.push(Instruction::Jump(count_of(split)));
                let end = self.here();
                self.set(split, either(next_of(split), end, reluctant));
            }
            (1, UNLIMITED) if never_empty => {
                let again = self.here();
                self.node(node);
                let end = self.here() + 1;
                self.push(either(again, end, reluctant));
            }
            _ => self.counted(node, min, max, reluctant),
        }
    }

    fn counted(&mut self, node: &Node, min: u32, max: u32, reluctant: bool) {
        let register = self.registers(2);
        let number = count(&self.program.loops);
        self.program.loops.push(Loop {
            register,
            min,
            max,
            reluctant,
            exit: 0,
        });
        self.push(Instruction::BeginLoop(number));
        let again = self.push(Instruction::Loop(number));
        self.push(Instruction::Round(number));
        self.node(node);
        self.push(Instruction::Jump(count_of(again)));
        let exit = self.here();
        if let Some(place) = self.program.loops.get_mut(number as usize) {
            place.exit = exit;
        }
    }

    /// Reads off the code where matches begin.
    fn start(&self) -> Start {
        let mut literal = String::new();
        for instruction in &self.program.code {
            match instruction {
                Instruction::Character(character) => {
                    literal.push(*character);
                    continue;
                }
                _ if !literal.is_empty() => {}
                Instruction::Store(_) => continue,
                Instruction::Assert(Assertion::Begin) => return Start::Begin,
                Instruction::Class(class) => return Start::Class(*class),
                Instruction::Run {
                    class,
                    min: min @ (0 | 1),
                    max: UNLIMITED,
                    greed: Greed::Greedy | Greed::Reluctant,
                } if !self.has_back_references => return Start::Run(*class, *min),
                Instruction::Run {
                    class, min: 1.., ..
                } => return Start::Class(*class),
                _ => {}
            }
            break;
        }
        if literal.is_empty() {
            Start::Anywhere
        } else {
            Start::Literal(literal)
        }
    }
}

fn count_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn next_of(index: usize) -> u32 {
    count_of(index + 1)
}

const fn either(body: u32, end: u32, reluctant: bool) -> Instruction {
    if reluctant {
        Instruction::Split(end, body)
    } else {
        Instruction::Split(body, end)
    }
}
