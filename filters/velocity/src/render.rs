//! Renders a compiled template.

mod expression;
mod foreach;
mod reference;
mod variables;

use std::rc::Rc;
use std::sync::Arc;

use attache_values::Value;
use attache_values::json::Style;

use crate::context::Context;
use crate::error::{Position, RenderError, RenderErrorKind};
use crate::limits::{Budget, Exhausted, Limits};
use crate::syntax::{Argument, Block, Call, Expression, Node, Program};
use crate::template::Dialect;

use foreach::Loop;
use variables::{Frame, Variable};

/// How deep blocks and expressions may be worked through within each other, macros included. A
/// filter's stack is small.
const MAX_NESTING: u32 = 200;

/// How often a block of `#define` may be within itself, as in Velocity.
const MAX_DEFINED: u32 = 2;

const TOO_LARGE: &str = "the output becomes too large";

/// What ends a block before its end.
enum Interrupt {
    Error(Box<RenderError>),
    /// `#break`: ends what is nearest.
    Break,
    /// `#break($scope)`: ends that loop, by its position among the loops that run.
    Leave(usize),
    /// `#stop`.
    Stop,
}

type Outcome<T> = Result<T, Interrupt>;

/// Renders behind what is in `out`.
pub(crate) fn render(
    program: &Program,
    dialect: Dialect,
    context: &Context,
    limits: &Limits,
    out: &mut String,
) -> Result<(), RenderError> {
    let find = |name: &Arc<str>| context.get(name).cloned().unwrap_or(Value::Null);
    let start = out.len();
    let mut render = Render {
        program,
        dialect,
        limits: *limits,
        budget: Budget::new(limits),
        largest: start.saturating_add(limits.output),
        position: Position { line: 1, column: 1 },
        empty: Value::string(""),
        slots: program
            .variables
            .iter()
            .map(|name| Variable::Value(find(name)))
            .collect(),
        frames: Vec::new(),
        frame: None,
        calls: 0,
        nesting: 0,
        defined: Vec::new(),
        loops: Vec::new(),
        out: std::mem::take(out),
    };
    let outcome = render.block(&program.body);
    *out = std::mem::take(&mut render.out);
    match outcome {
        Ok(()) | Err(Interrupt::Break | Interrupt::Stop | Interrupt::Leave(_)) => Ok(()),
        Err(Interrupt::Error(error)) => Err(*error),
    }
}

/// One render.
struct Render<'t> {
    program: &'t Program,
    dialect: Dialect,
    limits: Limits,
    budget: Budget,
    /// How long `out` may become.
    largest: usize,
    /// Where the template is, for errors.
    position: Position,
    empty: Value,
    /// The template's variables.
    slots: Vec<Variable>,
    /// The calls of macros that run, and loops over null.
    frames: Vec<Frame<'t>>,
    /// The frame whose variables are seen; None for the template's own.
    frame: Option<usize>,
    /// How many calls of macros run.
    calls: u32,
    nesting: u32,
    /// How often each block of `#define` runs.
    defined: Vec<u32>,
    /// The loops that run, when the template can name them.
    loops: Vec<Rc<Loop>>,
    out: String,
}

impl<'t> Render<'t> {
    fn block(&mut self, block: &'t Block) -> Outcome<()> {
        self.nested(|render| {
            for node in block {
                render.node(node)?;
            }
            Ok(())
        })
    }

    fn node(&mut self, node: &'t Node) -> Outcome<()> {
        self.step()?;
        match node {
            Node::Text(text) => self.write(text),
            Node::Reference(reference) => self.print_reference(reference),
            Node::Set(set) => {
                self.position = set.target.position;
                let value = self.assigned(&set.value)?;
                if !matches!(value, Variable::Value(Value::Null)) {
                    self.assign(&set.target, value)?;
                }
                Ok(())
            }
            Node::If(branches) => {
                for (condition, block) in &branches.branches {
                    if self.test(condition)? {
                        return self.block(block);
                    }
                }
                self.block(&branches.otherwise)
            }
            Node::Foreach(foreach) => self.foreach(foreach),
            Node::Define { slot, block } => {
                self.put(*slot, &Variable::Block(*block));
                Ok(())
            }
            Node::Call(call) => self.call(call),
            Node::Break(None) => Err(Interrupt::Break),
            Node::Break(Some(argument)) => self.leave(argument),
            Node::Stop => Err(Interrupt::Stop),
        }
    }

    /// What `#set` assigns. A block of `#define` stays one under its new name.
    fn assigned(&mut self, expression: &'t Expression) -> Outcome<Variable> {
        if let Expression::Reference(reference) = expression
            && reference.steps.is_empty()
            && let variable @ Variable::Block(_) = self.get(reference.root)?
        {
            return Ok(variable);
        }
        Ok(Variable::Value(self.value(expression)?))
    }

    /// A macro, or the text of something that looks like a call of one.
    fn call(&mut self, call: &'t Call) -> Outcome<()> {
        let program = self.program;
        let defined = program.macros.get(call.name as usize);
        let Some(definition) = defined.and_then(Option::as_ref) else {
            return self.write(&call.literal);
        };
        self.position = call.position;
        if call.bare_word {
            return self.refuse("a macro does not take a bare word");
        }
        if self.calls >= self.limits.calls {
            return self.exhausted("macros call each other too deeply");
        }
        let mut locals = Vec::new();
        let mut arguments = Vec::new();
        for (slot, argument) in definition.parameters.iter().zip(&call.arguments) {
            if is_constant(&argument.value) {
                locals.push((*slot, Variable::Value(self.value(&argument.value)?)));
            } else {
                arguments.push((*slot, argument));
            }
        }
        if let (Some(slot), Some(body)) = (program.body_content, call.body) {
            locals.push((slot, Variable::Block(body)));
        }
        let outer = self.frame;
        self.frames.push(Frame::Call {
            outer,
            arguments,
            locals,
        });
        self.frame = Some(self.frames.len() - 1);
        self.calls += 1;
        let outcome = self.block(&definition.block);
        self.calls -= 1;
        self.frames.pop();
        self.frame = outer;
        match outcome {
            Err(Interrupt::Break) => Ok(()),
            outcome => outcome,
        }
    }

    /// `#break($foreach.parent)`.
    fn leave(&mut self, argument: &'t Argument) -> Outcome<()> {
        let value = self.value(&argument.value)?;
        let Value::Object(object) = &value else {
            return self.refuse("`#break` takes a loop, such as `$foreach.parent`");
        };
        let address = Rc::as_ptr(object).cast::<()>();
        let mut loops = self.loops.iter();
        match loops.position(|other| Rc::as_ptr(other).cast::<()>() == address) {
            Some(position) => Err(Interrupt::Leave(position)),
            None => self.refuse("`#break` takes a loop, such as `$foreach.parent`"),
        }
    }

    /// Renders a block of `#define`; false when it is within itself too often, and nothing is
    /// printed.
    fn print_block(&mut self, block: u32) -> Outcome<bool> {
        let place = block as usize;
        let program = self.program;
        let Some(content) = program.blocks.get(place) else {
            return Ok(false);
        };
        if self.defined.len() <= place {
            self.defined.resize(place + 1, 0);
        }
        let depth = self.defined.get(place).copied().unwrap_or(0);
        let is_body = self.is_body(block);
        let most = if is_body {
            self.limits.calls
        } else {
            MAX_DEFINED
        };
        if depth >= most {
            return Ok(false);
        }
        self.set_defined(place, depth + 1);
        let outcome = self.block(content);
        self.set_defined(place, depth);
        match outcome {
            Ok(()) | Err(Interrupt::Break) => Ok(true),
            Err(interrupt) => Err(interrupt),
        }
    }

    fn set_defined(&mut self, place: usize, depth: u32) {
        if let Some(defined) = self.defined.get_mut(place) {
            *defined = depth;
        }
    }

    /// Whether a block is what a macro was given as `$bodyContent`.
    fn is_body(&self, block: u32) -> bool {
        self.frames.iter().any(|frame| match frame {
            Frame::Call { locals, .. } => locals.iter().any(|(slot, variable)| {
                Some(*slot) == self.program.body_content
                    && matches!(variable, Variable::Block(body) if *body == block)
            }),
            Frame::Hidden { .. } => false,
        })
    }

    /// What a block of `#define` prints, as text.
    fn text_of_block(&mut self, block: u32) -> Outcome<Option<Arc<str>>> {
        let (printed, text) = self.captured(|render| render.print_block(block))?;
        Ok(printed.then_some(text))
    }

    /// Runs something whose output is kept and not printed. It is collected behind what has been
    /// printed so far.
    fn captured<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Outcome<T>,
    ) -> Outcome<(T, Arc<str>)> {
        let start = self.out.len();
        let largest = start.saturating_add(self.limits.output);
        let largest = std::mem::replace(&mut self.largest, largest);
        let outcome = inner(self);
        self.largest = largest;
        let text = self.out.get(start..).unwrap_or_default().into();
        self.out.truncate(start);
        Ok((outcome?, text))
    }

    fn write(&mut self, text: &str) -> Outcome<()> {
        if self.out.len().saturating_add(text.len()) > self.largest {
            return self.exhausted(TOO_LARGE);
        }
        if let Err(Exhausted(message)) = self.budget.text(text.len()) {
            return self.exhausted(message);
        }
        self.out.push_str(text);
        Ok(())
    }

    /// Writes what a value prints.
    fn print(&mut self, value: &Value) -> Outcome<()> {
        match value {
            Value::String(text) => self.write(text),
            Value::Boolean(true) => self.write("true"),
            Value::Boolean(false) => self.write("false"),
            Value::Null => self.write("null"),
            Value::Number(number) => {
                number.print(&mut self.out);
                self.write("")
            }
            Value::List(_) | Value::Map(_) | Value::Object(_) => {
                let before = self.out.len();
                let fits = value.write_within(Style::Java, &mut self.out, self.largest);
                let spent = self.budget.text(self.out.len() - before);
                self.spent(spent)?;
                if !fits {
                    return self.exhausted(TOO_LARGE);
                }
                Ok(())
            }
        }
    }

    /// What a value prints, as text.
    fn text_of(&mut self, value: &Value) -> Outcome<Arc<str>> {
        if let Value::String(text) = value {
            return Ok(text.clone());
        }
        let text = self.budget.print(value);
        Ok(self.spent(text)?.into())
    }

    fn step(&mut self) -> Outcome<()> {
        let spent = self.budget.step();
        self.spent(spent)
    }

    fn spent<T>(&self, outcome: Result<T, Exhausted>) -> Outcome<T> {
        outcome.or_else(|Exhausted(message)| self.exhausted(message))
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.nesting >= MAX_NESTING {
            return self.exhausted("the template is nested too deeply");
        }
        self.nesting += 1;
        let outcome = inner(self);
        self.nesting -= 1;
        outcome
    }

    #[cold]
    fn exhausted<T>(&self, message: &str) -> Outcome<T> {
        self.error(RenderErrorKind::Limit, message)
    }

    #[cold]
    fn refuse<T>(&self, message: &str) -> Outcome<T> {
        self.error(RenderErrorKind::Method, message)
    }

    #[cold]
    fn error<T>(&self, kind: RenderErrorKind, message: &str) -> Outcome<T> {
        let Position { line, column } = self.position;
        Err(Interrupt::Error(Box::new(RenderError {
            line,
            column,
            kind,
            message: message.into(),
        })))
    }
}

/// Whether a macro's argument is evaluated once, when the macro is called. All others are
/// evaluated each time that the macro mentions them.
fn is_constant(argument: &Expression) -> bool {
    matches!(
        argument,
        Expression::Boolean(_)
            | Expression::Integer(_)
            | Expression::Double(_)
            | Expression::Big(_)
    )
}
