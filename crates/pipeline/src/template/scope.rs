//! What `${{ }}` sees at one point: the parameters of the file, the names that loops count with, and the variables written
//! so far. It must not know how a tree is expanded.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, btree_map::Entry},
    rc::Rc,
};

use super::value;
use crate::{
    diagnostic::{Frame, Place},
    expression::Value,
    words,
    yaml::Node,
};

/// One use of one file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) frame: Frame,
    pub(super) parameters: Vec<(String, Bound)>,
    /// It takes whatever parameters it is given, and others are empty.
    pub(super) open: bool,
    /// 0 for the pipeline's own file.
    pub(super) depth: usize,
}

/// What a name stands for: a node of some file, with its places, or a computed value, or both.
#[derive(Clone, Debug)]
pub(super) struct Bound(Rc<(Option<Node>, OnceCell<Value>)>);

impl Bound {
    pub(super) fn node(node: Node) -> Self {
        Self(Rc::new((Some(node), OnceCell::new())))
    }

    pub(super) fn value(value: Value) -> Self {
        Self(Rc::new((None, OnceCell::from(value))))
    }

    /// A node whose value is not what it reads: a boolean, a number.
    pub(super) fn typed(node: Node, value: Value) -> Self {
        Self(Rc::new((Some(node), OnceCell::from(value))))
    }

    pub(super) fn get(&self) -> Value {
        self.0
            .1
            .get_or_init(|| self.0.0.as_ref().map_or(Value::Null, value::of_node))
            .clone()
    }

    pub(super) fn as_node(&self) -> Option<&Node> {
        self.0.0.as_ref()
    }
}

/// What is seen at one point. Cheap to copy; an inner scope never changes an outer one.
#[derive(Clone, Debug)]
pub(super) struct Scope(Rc<Layer>);

#[derive(Debug)]
struct Layer {
    outer: Option<Scope>,
    file: Rc<File>,
    holds: Holds,
    size: usize,
    /// All variables seen here, made when asked for.
    all: OnceCell<Value>,
}

#[derive(Debug)]
enum Holds {
    Nothing,
    Loop(String, Bound),
    Variables(Rc<[(String, String)]>),
}

impl Scope {
    /// The outermost scope of a pipeline.
    pub(super) fn root(file: Rc<File>, known: Vec<(String, String)>) -> Self {
        Self::new(None, file, Holds::Variables(known.into()))
    }

    /// That of a template: it sees the variables of its user, and neither parameters nor loops.
    pub(super) fn enter(&self, file: Rc<File>) -> Self {
        Self::new(Some(self.clone()), file, Holds::Nothing)
    }

    pub(super) fn with_loop(&self, name: &str, item: Bound) -> Self {
        let file = Rc::clone(&self.0.file);
        Self::new(Some(self.clone()), file, Holds::Loop(name.to_owned(), item))
    }

    pub(super) fn with_variables(&self, variables: impl Into<Rc<[(String, String)]>>) -> Self {
        let variables = variables.into();
        if variables.is_empty() {
            return self.clone();
        }
        let file = Rc::clone(&self.0.file);
        Self::new(Some(self.clone()), file, Holds::Variables(variables))
    }

    fn new(outer: Option<Self>, file: Rc<File>, holds: Holds) -> Self {
        let own = match &holds {
            Holds::Variables(list) => 1 + list.len(),
            Holds::Nothing | Holds::Loop(..) => 1,
        };
        let size = own + outer.as_ref().map_or(0, Self::size);
        Self(Rc::new(Layer {
            outer,
            file,
            holds,
            size,
            all: OnceCell::new(),
        }))
    }

    pub(super) fn file(&self) -> &File {
        &self.0.file
    }

    /// A place of this scope's file, seen by the way it was reached.
    pub(super) fn place(&self, place: Place) -> Place {
        Place {
            frame: self.0.file.frame,
            ..place
        }
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        std::iter::successors(Some(&*self.0), |layer| {
            layer.outer.as_ref().map(|outer| &*outer.0)
        })
    }

    /// What a loop in this file counts with.
    pub(super) fn counted(&self, wanted: &str) -> Option<&Bound> {
        self.layers()
            .take_while(|layer| Rc::ptr_eq(&layer.file, &self.0.file))
            .find_map(|layer| match &layer.holds {
                Holds::Loop(name, item) if words::same(name, wanted) => Some(item),
                _ => None,
            })
    }

    /// The names that loops in this file count with, innermost first.
    pub(super) fn counters(&self) -> impl Iterator<Item = &str> {
        self.layers()
            .take_while(|layer| Rc::ptr_eq(&layer.file, &self.0.file))
            .filter_map(|layer| match &layer.holds {
                Holds::Loop(name, _) => Some(name.as_str()),
                _ => None,
            })
    }

    pub(super) fn parameter(&self, wanted: &str) -> Option<&Bound> {
        self.file()
            .parameters
            .iter()
            .find(|(name, _)| words::same(name, wanted))
            .map(|(_, bound)| bound)
    }

    pub(super) fn parameters(&self) -> Value {
        value::object(
            self.file()
                .parameters
                .iter()
                .map(|(name, bound)| (name.clone(), bound.get())),
        )
    }

    /// The text of a variable written so far; inner ones win.
    pub(super) fn variable(&self, wanted: &str) -> Option<&str> {
        self.layers().find_map(|layer| match &layer.holds {
            Holds::Variables(list) => list
                .iter()
                .rev()
                .find(|(name, _)| words::same(name, wanted))
                .map(|(_, value)| value.as_str()),
            _ => None,
        })
    }

    /// All variables, each once.
    pub(super) fn variables(&self) -> Value {
        // Layers without variables of their own share what is outside of them.
        let layer = self
            .layers()
            .find(|layer| matches!(layer.holds, Holds::Variables(_)));
        let Some(layer) = layer else {
            return value::object([]);
        };
        layer.all.get_or_init(|| layer.merged()).clone()
    }

    /// How much there is to look through.
    pub(super) fn size(&self) -> usize {
        self.0.size
    }
}

impl Drop for Layer {
    /// One after the other: each variable may have a layer of its own, and the stack is short.
    fn drop(&mut self) {
        let mut outer = self.outer.take();
        while let Some(Scope(layer)) = outer {
            outer = Rc::into_inner(layer).and_then(|mut layer| layer.outer.take());
        }
    }
}

impl Layer {
    fn merged(&self) -> Value {
        let chain: Vec<&Self> = std::iter::successors(Some(self), |layer| {
            layer.outer.as_ref().map(|outer| &*outer.0)
        })
        .collect();
        let mut all: Vec<(&str, &str)> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for layer in chain.into_iter().rev() {
            let Holds::Variables(own) = &layer.holds else {
                continue;
            };
            for (name, text) in own.iter() {
                match places.entry(words::fold(name)) {
                    Entry::Occupied(at) => all[*at.get()].1 = text,
                    Entry::Vacant(free) => {
                        free.insert(all.len());
                        all.push((name, text));
                    }
                }
            }
        }
        value::object(
            all.into_iter()
                .map(|(name, text)| (name.to_owned(), value::text(text))),
        )
    }
}
