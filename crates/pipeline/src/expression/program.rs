//! A tree made ready to be evaluated many times: functions found, arguments counted, what is read numbered. Evaluating
//! takes no more than a stated amount of work. It must not know what is read, nor what the answer is for.

use super::value::{Value, lower, upper, version};
use super::{Expression, Kind, function, wrong_count};
use crate::diagnostic::quotable;
use crate::words;
use std::borrow::Cow;
use std::cmp::Ordering;

/// What a function does with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    And,
    Or,
    Not,
    Xor,
    Eq,
    Ne,
    In,
    NotIn,
    Gt,
    Ge,
    Lt,
    Le,
    Contains,
    StartsWith,
    EndsWith,
    Coalesce,
    Iif,
    Lower,
    Upper,
    Trim,
    Length,
}

/// A function that may be called: its name, what it does, and the least and most arguments.
pub(crate) type Callable = (&'static str, Operation, usize, Option<usize>);

/// What may stand in an expression.
pub(crate) struct Language {
    /// The functions that may be called.
    pub(crate) functions: &'static [Callable],
    /// The one that reads a fact, named by text in single quotes.
    pub(crate) reader: &'static str,
    /// Most parts that an expression may have.
    pub(crate) max_parts: usize,
}

/// Why an expression is none of the language.
#[derive(Debug)]
pub(crate) struct Misuse {
    pub(crate) message: String,
    /// Byte offset.
    pub(crate) offset: usize,
    pub(crate) hint: Option<String>,
}

/// An expression, ready.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    root: Node,
    facts: Vec<String>,
}

#[derive(Clone, Debug)]
enum Node {
    Value(Value<'static>),
    /// A fact, by its number.
    Fact(usize),
    Call(Operation, Vec<Node>),
}

/// Evaluating would take more work than was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted;

impl Program {
    /// Makes a tree ready.
    pub(crate) fn compile(tree: &Expression, language: &Language) -> Result<Self, Misuse> {
        let mut compiler = Compiler {
            language,
            parts: 0,
            facts: Vec::new(),
        };
        let root = compiler.node(tree)?;
        Ok(Self {
            root,
            facts: compiler.facts,
        })
    }

    /// The names of what is read, each once, as first written.
    pub(crate) fn facts(&self) -> &[String] {
        &self.facts
    }

    /// Whether it is true of these facts, in the order of [`Program::facts`]. A part costs one, and each byte that is
    /// looked at.
    pub(crate) fn is_true(&self, facts: &[Option<&str>], work: usize) -> Result<bool, Exhausted> {
        let mut meter = Meter(work);
        Ok(meter.evaluate(&self.root, facts)?.is_true())
    }
}

struct Compiler<'a> {
    language: &'a Language,
    parts: usize,
    facts: Vec<String>,
}

impl Compiler<'_> {
    fn node(&mut self, tree: &Expression) -> Result<Node, Misuse> {
        self.parts += 1;
        if self.parts > self.language.max_parts {
            return Err(Misuse {
                message: format!("there are more than {} parts", self.language.max_parts),
                offset: tree.span.start,
                hint: None,
            });
        }
        let value = match &tree.kind {
            Kind::Null => Value::Null,
            Kind::Boolean(value) => Value::Boolean(*value),
            Kind::Number(value) => Value::Number(*value),
            Kind::Version(text) => match version(text) {
                Some(parts) => Value::Version(parts),
                None => {
                    return Err(self.misuse(tree, "this version has a number that is too large"));
                }
            },
            Kind::Text(text) => Value::Text(Cow::Owned(text.clone())),
            Kind::Call { name, arguments } => return self.call(tree, name, arguments),
            Kind::Name(name) => {
                let message = format!(
                    "`{}` is no value here: text stands in single quotes, and only {}('name') reads something",
                    quotable(name),
                    self.language.reader
                );
                return Err(self.misuse(tree, message));
            }
            Kind::Index { .. } | Kind::All { .. } => {
                let message = format!(
                    "there is nothing to look into here: only {}('name') reads something",
                    self.language.reader
                );
                return Err(self.misuse(tree, message));
            }
        };
        Ok(Node::Value(value))
    }

    fn misuse(&self, tree: &Expression, message: impl Into<String>) -> Misuse {
        Misuse {
            message: message.into(),
            offset: tree.span.start,
            hint: None,
        }
    }

    fn call(
        &mut self,
        tree: &Expression,
        name: &str,
        arguments: &[Expression],
    ) -> Result<Node, Misuse> {
        if name.eq_ignore_ascii_case(self.language.reader) {
            return self.read(tree, arguments);
        }
        let known = self.language.functions.iter();
        let Some((known, operation, least, most)) = known
            .clone()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name))
        else {
            let shown = quotable(name);
            return Err(if function(name).is_some() {
                let message = format!("the function `{shown}` of pipelines means nothing here");
                self.misuse(tree, message)
            } else {
                let mut names: Vec<&str> = known.map(|(name, ..)| *name).collect();
                names.push(self.language.reader);
                Misuse {
                    hint: words::nearest(name, names).map(|near| format!("did you mean `{near}`?")),
                    ..self.misuse(tree, format!("there is no function `{shown}`"))
                }
            });
        };
        if let Some(message) = wrong_count(known, *least, *most, arguments.len()) {
            return Err(self.misuse(tree, message));
        }
        let arguments = arguments
            .iter()
            .map(|argument| self.node(argument))
            .collect::<Result<_, _>>()?;
        Ok(Node::Call(*operation, arguments))
    }

    fn read(&mut self, tree: &Expression, arguments: &[Expression]) -> Result<Node, Misuse> {
        self.parts += arguments.len();
        let [
            Expression {
                kind: Kind::Text(name),
                ..
            },
        ] = arguments
        else {
            let message = format!("`{}` takes one name in single quotes", self.language.reader);
            return Err(self.misuse(tree, message));
        };
        let found = self.facts.iter().position(|known| words::same(known, name));
        Ok(Node::Fact(found.unwrap_or_else(|| {
            self.facts.push(name.clone());
            self.facts.len() - 1
        })))
    }
}

struct Meter(usize);

impl Meter {
    fn spend(&mut self, work: usize) -> Result<(), Exhausted> {
        self.0 = self.0.checked_sub(work).ok_or(Exhausted)?;
        Ok(())
    }

    fn evaluate<'a>(
        &mut self,
        node: &'a Node,
        facts: &[Option<&'a str>],
    ) -> Result<Value<'a>, Exhausted> {
        self.spend(1)?;
        match node {
            Node::Value(Value::Text(text)) => Ok(Value::Text(Cow::Borrowed(text))),
            Node::Value(value) => Ok(value.clone()),
            Node::Fact(number) => Ok(Value::known(facts.get(*number).copied().flatten())),
            Node::Call(operation, arguments) => self.call(*operation, arguments, facts),
        }
    }

    /// Arguments are evaluated from the left, and no more of them than the answer needs.
    fn call<'a>(
        &mut self,
        operation: Operation,
        arguments: &'a [Node],
        facts: &[Option<&'a str>],
    ) -> Result<Value<'a>, Exhausted> {
        use Operation as Op;
        let Some((first, rest)) = arguments.split_first() else {
            return Ok(Value::Null);
        };
        let left = self.evaluate(first, facts)?;
        let truth = match operation {
            Op::And | Op::Or => {
                let ends = operation == Op::Or;
                let mut truth = left.is_true();
                for argument in rest {
                    if truth == ends {
                        break;
                    }
                    truth = self.evaluate(argument, facts)?.is_true();
                }
                truth
            }
            Op::Not => !left.is_true(),
            Op::In | Op::NotIn => {
                let mut found = false;
                for argument in rest {
                    let right = self.evaluate(argument, facts)?;
                    self.look(&left, &right)?;
                    found = left.equals(&right);
                    if found {
                        break;
                    }
                }
                found == (operation == Op::In)
            }
            Op::Coalesce => {
                let mut value = left;
                for argument in rest {
                    if !value.is_nothing() {
                        break;
                    }
                    value = self.evaluate(argument, facts)?;
                }
                return Ok(if value.is_nothing() {
                    Value::Null
                } else {
                    value
                });
            }
            Op::Iif => {
                let chosen = rest.get(usize::from(!left.is_true()));
                return chosen.map_or(Ok(Value::Null), |node| self.evaluate(node, facts));
            }
            Op::Lower | Op::Upper | Op::Trim | Op::Length => {
                self.spend(left.size())?;
                let text = left.text();
                return Ok(match operation {
                    Op::Lower => Value::Text(Cow::Owned(lower(&text).collect())),
                    Op::Upper => Value::Text(Cow::Owned(upper(&text).collect())),
                    Op::Trim => Value::Text(Cow::Owned(text.trim().to_owned())),
                    // Never more than a property or a text of the expression holds.
                    _ => Value::Number(text.chars().count() as f64),
                });
            }
            _ => {
                let right = match rest.first() {
                    Some(node) => self.evaluate(node, facts)?,
                    None => Value::Null,
                };
                self.look(&left, &right)?;
                two(operation, &left, &right)
            }
        };
        Ok(Value::Boolean(truth))
    }

    fn look(&mut self, left: &Value<'_>, right: &Value<'_>) -> Result<(), Exhausted> {
        self.spend(left.size() + right.size())
    }
}

/// The functions of two arguments that answer yes or no.
fn two(operation: Operation, left: &Value<'_>, right: &Value<'_>) -> bool {
    use Operation as Op;
    let order = |fits: fn(Ordering) -> bool| left.compare(right).is_some_and(fits);
    let texts = || -> (String, String) {
        (
            upper(&left.text()).collect(),
            upper(&right.text()).collect(),
        )
    };
    match operation {
        Op::Eq => left.equals(right),
        Op::Ne => !left.equals(right),
        Op::Gt => order(Ordering::is_gt),
        Op::Ge => order(Ordering::is_ge),
        Op::Lt => order(Ordering::is_lt),
        Op::Le => order(Ordering::is_le),
        Op::Xor => left.is_true() != right.is_true(),
        Op::Contains => {
            let (text, part) = texts();
            text.contains(&part)
        }
        Op::StartsWith => {
            let (text, part) = texts();
            text.starts_with(&part)
        }
        Op::EndsWith => {
            let (text, part) = texts();
            text.ends_with(&part)
        }
        _ => false,
    }
}
