//! Compiled templates.
//!
//! What a render needs is decided here once: names are numbers of slots, texts are joined, strings
//! with references in them are compiled. Nothing here refers to a request, so that it can be
//! shared between threads.

use std::sync::Arc;

use attache_java_regex::Pattern;

use crate::error::Position;

/// The number of a variable.
pub(crate) type Slot = u32;

/// What stands between a directive and its `#end`.
pub(crate) type Block = Box<[Node]>;

/// A compiled template.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) body: Block,
    /// The names of the variables, by slot.
    pub(crate) variables: Vec<Arc<str>>,
    /// By the number that a [`Call`] names them with; None for what is called but not defined.
    pub(crate) macros: Vec<Option<Macro>>,
    /// What `#define` names, and what is given to macros in `#@name() … #end`.
    pub(crate) blocks: Vec<Block>,
    /// `$foreach`, where the template mentions it.
    pub(crate) foreach: Option<Slot>,
    /// `$velocityCount`, where the template mentions it.
    pub(crate) count: Option<Slot>,
    /// `$velocityHasNext`, where the template mentions it.
    pub(crate) has_next: Option<Slot>,
    /// `$bodyContent`, where the template mentions it.
    pub(crate) body_content: Option<Slot>,
}

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Node {
    Text(Box<str>),
    Reference(Box<Reference>),
    Set(Box<Set>),
    If(Box<If>),
    Foreach(Box<Foreach>),
    /// `#define($name) … #end`.
    Define {
        slot: Slot,
        block: u32,
    },
    Call(Box<Call>),
    /// `#break`, `#break($foreach.parent)`.
    Break(Option<Box<Argument>>),
    /// `#stop`.
    Stop,
}

/// `#set(target = value)`.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) target: Reference,
    pub(crate) value: Expression,
}

/// `#if … #elseif … #else … #end`.
#[derive(Debug)]
pub(crate) struct If {
    pub(crate) branches: Box<[(Expression, Block)]>,
    pub(crate) otherwise: Block,
}

/// `#foreach($slot in items) … #end`.
#[derive(Debug)]
pub(crate) struct Foreach {
    pub(crate) slot: Slot,
    pub(crate) items: Expression,
    pub(crate) block: Block,
    pub(crate) position: Position,
}

/// `#macro(name $parameter …) … #end`.
#[derive(Debug)]
pub(crate) struct Macro {
    pub(crate) parameters: Box<[Slot]>,
    pub(crate) block: Block,
}

/// `#name(argument …)`, or something that looks like it.
#[derive(Debug)]
pub(crate) struct Call {
    /// The number of the macro.
    pub(crate) name: u32,
    pub(crate) arguments: Box<[Argument]>,
    /// The block of `#@name() … #end`.
    pub(crate) body: Option<u32>,
    /// What is printed when there is no such macro.
    pub(crate) literal: Box<str>,
    /// There is a bare word among the arguments, which no macro takes.
    pub(crate) bare_word: bool,
    pub(crate) position: Position,
}

/// What a macro or a directive is given.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) value: Expression,
    /// The text that it was written as.
    pub(crate) literal: Box<str>,
}

/// `$root.property.method(argument)[index]`.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) root: Slot,
    pub(crate) steps: Box<[Step]>,
    pub(crate) form: Form,
    /// What is printed when there is no value.
    pub(crate) literal: Box<str>,
    /// What stands before it, and whether it is escaped; None for nearly all references.
    pub(crate) prefix: Option<Box<Prefix>>,
    pub(crate) position: Position,
}

/// How a reference is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// `$name` without steps: in a macro the argument's own text may be printed in its place.
    Name,
    /// `$name.step`, `${name}`, `$!name`.
    Other,
    /// `$\!name`: has no value.
    None,
    /// The `{x}` of `${{x}`: prints its first character.
    Runt,
}

/// What was joined to a reference from the left.
#[derive(Debug)]
pub(crate) struct Prefix {
    /// Half of the backslashes.
    pub(crate) escapes: Box<str>,
    /// Text such as the first `$` of `$$name`.
    pub(crate) text: Box<str>,
    /// The number of backslashes is odd.
    pub(crate) escaped: bool,
}

/// One step from a value to another.
#[derive(Debug)]
pub(crate) enum Step {
    Property(Arc<str>),
    Method(Box<Method>),
    Index(Expression),
}

/// `.name(argument, …)`.
#[derive(Debug)]
pub(crate) struct Method {
    pub(crate) name: Box<str>,
    pub(crate) arguments: Box<[Expression]>,
    /// The first argument, when it is a regular expression.
    pub(crate) pattern: Option<Pattern>,
}

/// Something with a value.
#[derive(Debug)]
pub(crate) enum Expression {
    Boolean(bool),
    Integer(i64),
    Double(f64),
    /// An integer that 64 bits do not hold.
    Big(Arc<str>),
    String(Arc<str>),
    /// A string with references or directives in it.
    Template(Box<StringTemplate>),
    List(Box<[Expression]>),
    Map(Box<[(Expression, Expression)]>),
    Range(Box<(Expression, Expression)>),
    Reference(Box<Reference>),
    Not(Box<Expression>),
    Chain(Box<Chain>),
}

/// A string that is a template of its own.
#[derive(Debug)]
pub(crate) struct StringTemplate {
    pub(crate) block: Block,
    /// The last character was added before the string was compiled, to be taken off again.
    pub(crate) padded: bool,
}

/// Operators of one precedence: `first + second - third`. A list and not a tree, so that a long
/// one needs no deep stack.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) first: Expression,
    pub(crate) rest: Box<[Operand]>,
}

/// An operator and what stands right of it.
#[derive(Debug)]
pub(crate) struct Operand {
    pub(crate) operator: Operator,
    pub(crate) value: Expression,
    /// What is added to a string when the operand has no value: its text.
    pub(crate) literal: Box<str>,
    /// What a string is added to when the result so far has no value: the text of its last operand.
    pub(crate) scope: Box<str>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}
