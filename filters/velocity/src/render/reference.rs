//! Values of references, what they print, and assignments to them.

use std::sync::Arc;

use attache_values::{Number, Value};

use super::variables::Variable;
use super::{Outcome, Render};
use crate::methods::{self, Refusal};
use crate::syntax::{Form, Reference, Step};
use crate::template::Dialect;

impl<'t> Render<'t> {
    /// The value of a reference; null, or the empty string, when it has none.
    pub(super) fn resolve(&mut self, reference: &'t Reference) -> Outcome<Value> {
        match reference.form {
            Form::None => return Ok(self.missing()),
            Form::Runt => return Ok(Value::Null),
            Form::Name | Form::Other => {}
        }
        let (value, steps) = match self.get(reference.root)? {
            Variable::Value(value) => (value, &*reference.steps),
            Variable::Block(block) => self.block_value(block, &reference.steps)?,
        };
        self.follow(value, steps, reference)
    }

    /// The value of a block of `#define`, and the steps that are left: it has no other method than
    /// `toString`, and no properties.
    fn block_value(&mut self, block: u32, steps: &'t [Step]) -> Outcome<(Value, &'t [Step])> {
        let steps = match steps {
            [] => steps,
            [Step::Method(method), rest @ ..]
                if &*method.name == "toString" && method.arguments.is_empty() =>
            {
                rest
            }
            _ => return Ok((Value::Null, steps)),
        };
        let text = self.text_of_block(block)?;
        Ok((text.map_or(Value::Null, Value::string), steps))
    }

    /// Goes from a value through steps to another.
    fn follow(
        &mut self,
        mut value: Value,
        steps: &'t [Step],
        reference: &'t Reference,
    ) -> Outcome<Value> {
        for step in steps {
            if matches!(value, Value::Null) {
                break;
            }
            self.position = reference.position;
            value = self.take_step(&value, step)?;
        }
        Ok(match value {
            Value::Null => self.missing(),
            value => value,
        })
    }

    /// What stands for a value that is not there.
    fn missing(&self) -> Value {
        match self.dialect {
            Dialect::ApiGateway => self.empty.clone(),
            Dialect::Apache => Value::Null,
        }
    }

    fn take_step(&mut self, value: &Value, step: &'t Step) -> Outcome<Value> {
        self.step()?;
        match step {
            Step::Property(name) => Ok(methods::property(value, name).unwrap_or(Value::Null)),
            Step::Method(method) => {
                let position = self.position;
                let arguments = self.nested(|render| {
                    let mut arguments = Vec::with_capacity(method.arguments.len());
                    for argument in &method.arguments {
                        arguments.push(render.value(argument)?);
                    }
                    Ok(arguments)
                })?;
                self.position = position;
                let pattern = method.pattern.as_ref();
                let answer =
                    methods::call(value, &method.name, &arguments, pattern, &mut self.budget);
                self.answered(answer, &method.name)
            }
            Step::Index(index) => {
                let index = self.nested(|render| render.value(index))?;
                let index = self.counted_from_end(index, value)?;
                let key = match (value, &index) {
                    (Value::List(list), Value::Number(Number::Integer(position))) => {
                        let item = usize::try_from(*position)
                            .ok()
                            .and_then(|position| list.get(position));
                        return match item {
                            Some(item) => Ok(item),
                            None => self.refuse("the list has no such index"),
                        };
                    }
                    (Value::Map(_) | Value::Object(_), Value::String(key)) => key.clone(),
                    (Value::Map(_) | Value::Object(_), index) => self.text_of(index)?,
                    _ => return Ok(Value::Null),
                };
                let item = match value {
                    Value::Map(map) => map.get(&key),
                    Value::Object(object) => object.property(&key),
                    _ => None,
                };
                Ok(item.unwrap_or(Value::Null))
            }
        }
    }

    /// A negative index counts from the end.
    fn counted_from_end(&self, index: Value, value: &Value) -> Outcome<Value> {
        let Value::Number(Number::Integer(position @ i64::MIN..0)) = index else {
            return Ok(index);
        };
        let size = match value {
            Value::List(list) => list.len(),
            Value::Map(map) => map.len(),
            _ => return self.refuse("only a list has a negative index"),
        };
        Ok(Value::integer((size as i64).saturating_add(position)))
    }

    /// What a method answered; null when there is no such method.
    pub(super) fn answered(
        &mut self,
        answer: Option<Result<Value, Refusal>>,
        name: &str,
    ) -> Outcome<Value> {
        match answer {
            None => Ok(Value::Null),
            Some(Ok(value)) => Ok(value),
            Some(Err(refusal)) => self.refused(refusal, Some(name)),
        }
    }

    /// Ends the template, for what a method or an operator says.
    pub(super) fn refused<T>(&self, refusal: Refusal, method: Option<&str>) -> Outcome<T> {
        match (refusal, method) {
            (Refusal::Limit(limit), _) => self.exhausted(limit.0),
            (Refusal::Method(message), None) => self.refuse(&message),
            (Refusal::Method(message), Some(name)) => {
                self.refuse(&["`", name, "`: ", &message].concat())
            }
        }
    }

    /// Prints a reference.
    pub(super) fn print_reference(&mut self, reference: &'t Reference) -> Outcome<()> {
        match (reference.form, self.dialect) {
            // It is a name that no variable has.
            (Form::None, Dialect::ApiGateway) => return Ok(()),
            (Form::None, Dialect::Apache) | (Form::Runt, _) => {
                return self.write(&reference.literal);
            }
            _ => {}
        }
        let root = self.get(reference.root)?;
        let value = match root {
            Variable::Value(value) => self.follow(value, &reference.steps, reference)?,
            Variable::Block(block) if reference.steps.is_empty() => {
                return self.print_defined(reference, block);
            }
            Variable::Block(block) => {
                let (value, steps) = self.block_value(block, &reference.steps)?;
                self.follow(value, steps, reference)?
            }
        };
        if reference.prefix.is_none() && !matches!(value, Value::Null) {
            return self.print(&value);
        }
        self.print_with_prefix(reference, &value)
    }

    fn print_defined(&mut self, reference: &'t Reference, block: u32) -> Outcome<()> {
        if let Some(prefix) = &reference.prefix
            && prefix.escaped
        {
            self.write(&prefix.escapes)?;
            return self.print_literal(reference);
        }
        if self.print_block(block)? {
            return Ok(());
        }
        self.print_with_prefix(reference, &Value::Null)
    }

    /// Prints a reference that has backslashes or text before it, or no value.
    fn print_with_prefix(&mut self, reference: &'t Reference, value: &Value) -> Outcome<()> {
        let null = matches!(value, Value::Null);
        if let Some(prefix) = &reference.prefix {
            self.write(&prefix.escapes)?;
            if prefix.escaped {
                if null {
                    self.write("\\")?;
                }
                return self.print_literal(reference);
            }
            if null {
                // Velocity writes them twice.
                self.write(&prefix.escapes)?;
            }
            self.write(&prefix.text)?;
        }
        if null {
            self.print_literal(reference)
        } else {
            self.print(value)
        }
    }

    /// Prints a reference as it is written; in a macro, as its caller wrote it.
    fn print_literal(&mut self, reference: &'t Reference) -> Outcome<()> {
        let given = match reference.form {
            Form::Name => self.argument_literal(reference.root),
            _ => None,
        };
        self.write(given.unwrap_or(&reference.literal))
    }

    /// Assigns to a reference. Nothing happens when there is nothing to assign to.
    pub(super) fn assign(&mut self, target: &'t Reference, value: Variable) -> Outcome<()> {
        let Some((last, steps)) = target.steps.split_last() else {
            self.put(target.root, &value);
            return Ok(());
        };
        let value = match value {
            Variable::Value(value) => value,
            Variable::Block(block) => self.block_value(block, &[])?.0,
        };
        let mut holder = match self.get(target.root)? {
            Variable::Value(holder) => holder,
            Variable::Block(_) => return Ok(()),
        };
        for step in steps {
            if matches!(holder, Value::Null) {
                return Ok(());
            }
            self.position = target.position;
            holder = self.take_step(&holder, step)?;
        }
        let (index, key): (Option<Value>, Option<Arc<str>>) = match last {
            Step::Property(name) => (None, Some(name.clone())),
            Step::Method(method) => (None, Some((&*method.name).into())),
            Step::Index(index) => {
                let index = self.nested(|render| render.value(index))?;
                (Some(self.counted_from_end(index, &holder)?), None)
            }
        };
        self.position = target.position;
        let key = match (key, &index) {
            (Some(key), _) => key,
            (None, Some(index)) => {
                if let (Value::List(list), Value::Number(Number::Integer(position))) =
                    (&holder, index)
                {
                    let replaced = usize::try_from(*position)
                        .ok()
                        .and_then(|position| list.set(position, value));
                    return match replaced {
                        Some(_) => Ok(()),
                        None => self.refuse("the list has no such index"),
                    };
                }
                self.text_of(index)?
            }
            (None, None) => return Ok(()),
        };
        match holder {
            Value::Map(map) => {
                let spent = self.budget.items(1);
                self.spent(spent)?;
                map.insert(key, value);
            }
            Value::Object(object) => {
                object.set_property(&key, &value);
            }
            _ => {}
        }
        Ok(())
    }
}
