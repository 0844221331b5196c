//! Values of expressions, and whether they hold.

use attache_values::{Map, Number, Value};

use super::{Outcome, Render};
use crate::arithmetic::{self, Arithmetic};
use crate::comparison;
use crate::syntax::{Chain, Expression, Operand, Operator, StringTemplate};

/// The integers from one to another, both included.
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.from.abs_diff(self.to))
            .map_or(usize::MAX, |span| span.saturating_add(1))
    }

    /// The integer at a position.
    pub(super) fn get(&self, position: usize) -> i64 {
        let position = position as i64;
        match self.from < self.to {
            true => self.from + position,
            false => self.from - position,
        }
    }
}

impl<'t> Render<'t> {
    /// The value of an expression, null when it has none.
    pub(super) fn value(&mut self, expression: &'t Expression) -> Outcome<Value> {
        self.step()?;
        match expression {
            Expression::Boolean(boolean) => Ok(Value::Boolean(*boolean)),
            Expression::Integer(integer) => Ok(Value::integer(*integer)),
            Expression::Double(double) => Ok(Value::double(*double)),
            Expression::Big(text) => Ok(Value::Number(Number::Big(text.clone()))),
            Expression::String(text) => Ok(Value::String(text.clone())),
            Expression::Reference(reference) => match self.resolve(reference)? {
                Value::Null => Ok(Value::Null),
                value => Ok(value),
            },
            Expression::Template(template) => self.nested(|render| render.string(template)),
            Expression::List(items) => self.nested(|render| {
                let spent = render.budget.items(items.len());
                render.spent(spent)?;
                let mut values = Vec::with_capacity(items.len());
                for item in items {
                    values.push(render.value(item)?);
                }
                Ok(Value::list(values))
            }),
            Expression::Map(entries) => self.nested(|render| {
                let spent = render.budget.items(entries.len());
                render.spent(spent)?;
                let map = Map::new();
                for (key, value) in entries {
                    let key = render.value(key)?;
                    let key = render.text_of(&key)?;
                    map.insert(key, render.value(value)?);
                }
                Ok(Value::Map(map))
            }),
            Expression::Range(ends) => match self.range(&ends.0, &ends.1)? {
                None => Ok(Value::Null),
                Some(span) => {
                    let spent = self.budget.items(span.len());
                    self.spent(spent)?;
                    let items = (0..span.len()).map(|place| Value::integer(span.get(place)));
                    Ok(Value::list(items.collect()))
                }
            },
            Expression::Not(operand) => {
                let holds = self.nested(|render| render.test(operand))?;
                Ok(Value::Boolean(!holds))
            }
            Expression::Chain(chain) => self.nested(|render| render.chain(chain)),
        }
    }

    /// Whether a condition holds. Numbers, strings and lists that stand there themselves do not,
    /// as in Velocity.
    pub(super) fn test(&mut self, condition: &'t Expression) -> Outcome<bool> {
        match condition {
            Expression::Boolean(boolean) => Ok(*boolean),
            Expression::Reference(reference) => Ok(match self.resolve(reference)? {
                Value::Null => false,
                Value::Boolean(boolean) => boolean,
                _ => true,
            }),
            Expression::Not(operand) => Ok(!self.nested(|render| render.test(operand))?),
            Expression::Chain(chain) => {
                let first = chain.rest.first().map(|operand| operand.operator);
                if first.is_some_and(is_arithmetic) {
                    return Ok(false);
                }
                let value = self.nested(|render| render.chain(chain))?;
                Ok(matches!(value, Value::Boolean(true)))
            }
            _ => Ok(false),
        }
    }

    /// Both ends of a range; None when one of them is no number.
    pub(super) fn range(
        &mut self,
        from: &'t Expression,
        to: &'t Expression,
    ) -> Outcome<Option<Span>> {
        let from = self.value(from)?;
        let to = self.value(to)?;
        let (Value::Number(from), Value::Number(to)) = (from, to) else {
            return Ok(None);
        };
        Ok(Some(Span {
            from: arithmetic::to_int(&from),
            to: arithmetic::to_int(&to),
        }))
    }

    /// A string with references in it.
    fn string(&mut self, template: &'t StringTemplate) -> Outcome<Value> {
        let padded = template.padded;
        let ((), text) = self.captured(|render| {
            let start = render.out.len();
            render.block(&template.block)?;
            if padded && render.out.len() > start {
                render.out.pop();
            }
            Ok(())
        })?;
        Ok(Value::String(text))
    }

    /// Operators of one precedence, from left to right.
    fn chain(&mut self, chain: &'t Chain) -> Outcome<Value> {
        let Some(first) = chain.rest.first() else {
            return self.value(&chain.first);
        };
        match first.operator {
            Operator::Or | Operator::And => {
                let decisive = first.operator == Operator::Or;
                if self.test(&chain.first)? == decisive {
                    return Ok(Value::Boolean(decisive));
                }
                for operand in &chain.rest {
                    if self.test(&operand.value)? == decisive {
                        return Ok(Value::Boolean(decisive));
                    }
                }
                Ok(Value::Boolean(!decisive))
            }
            _ => {
                let mut left = self.value(&chain.first)?;
                for operand in &chain.rest {
                    let right = self.value(&operand.value)?;
                    left = self.operate(left, operand, right)?;
                }
                Ok(left)
            }
        }
    }

    fn operate(&mut self, left: Value, operand: &'t Operand, right: Value) -> Outcome<Value> {
        let ordering = |render: &mut Self, holds: fn(i32) -> bool| {
            let (Value::Number(left), Value::Number(right)) = (&left, &right) else {
                return Ok(Value::Boolean(false));
            };
            render.step()?;
            Ok(Value::Boolean(holds(arithmetic::compare(left, right))))
        };
        let arithmetic = match operand.operator {
            Operator::Equal | Operator::NotEqual => {
                let equal = comparison::equal(&left, &right, &mut self.budget);
                let equal = self.spent(equal)?;
                return Ok(Value::Boolean(
                    equal == (operand.operator == Operator::Equal),
                ));
            }
            Operator::Less => return ordering(self, |order| order < 0),
            Operator::LessOrEqual => return ordering(self, |order| order <= 0),
            Operator::Greater => return ordering(self, |order| order > 0),
            Operator::GreaterOrEqual => return ordering(self, |order| order >= 0),
            Operator::Add => {
                if matches!(left, Value::String(_)) || matches!(right, Value::String(_)) {
                    return self.concatenate(&left, operand, &right);
                }
                Arithmetic::Add
            }
            Operator::Subtract => Arithmetic::Subtract,
            Operator::Multiply => Arithmetic::Multiply,
            Operator::Divide => Arithmetic::Divide,
            Operator::Modulo => Arithmetic::Modulo,
            Operator::Or | Operator::And => return Ok(Value::Null),
        };
        let (Value::Number(left), Value::Number(right)) = (&left, &right) else {
            return Ok(Value::Null);
        };
        match arithmetic::compute(arithmetic, left, right) {
            Ok(number) => Ok(number.map_or(Value::Null, Value::Number)),
            Err(refusal) => self.refused(refusal, None),
        }
    }

    /// Adds to a string: what has no value is added as it is written.
    fn concatenate(&mut self, left: &Value, operand: &'t Operand, right: &Value) -> Outcome<Value> {
        let left = match left {
            Value::Null => operand.scope.as_ref().into(),
            left => self.text_of(left)?,
        };
        let right = match right {
            Value::Null => operand.literal.as_ref().into(),
            right => self.text_of(right)?,
        };
        let spent = self.budget.string(left.len().saturating_add(right.len()));
        self.spent(spent)?;
        let mut text = String::with_capacity(left.len() + right.len());
        text.push_str(&left);
        text.push_str(&right);
        Ok(Value::string(text))
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Modulo
    )
}
