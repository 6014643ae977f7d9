//! A mapping of values: in order, with keys that ignore case.

use super::Value;
use crate::words;
use std::collections::HashMap;
use std::sync::Arc;

/// Up to this many keys are looked through, and more are found by a table.
const FEW: usize = 8;

/// A mapping. Of two keys that are the same but for case the last one's value counts, at the place of the first.
#[derive(Clone, Debug, Default)]
pub struct Object {
    entries: Vec<(Arc<str>, Value)>,
    places: Option<HashMap<String, usize>>,
}

impl Object {
    /// Sets a key.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: Value) {
        let key = key.into();
        if let Some(at) = self.place(&key) {
            self.entries[at].1 = value;
            return;
        }
        if let Some(places) = &mut self.places {
            places.insert(words::fold(&key), self.entries.len());
        }
        self.entries.push((key, value));
        if self.places.is_none() && self.entries.len() > FEW {
            let keys = self.entries.iter().enumerate();
            self.places = Some(keys.map(|(at, (key, _))| (words::fold(key), at)).collect());
        }
    }

    /// The value of a key, ignoring case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.place(key).map(|at| &self.entries[at].1)
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn place(&self, key: &str) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(&words::fold(key)).copied(),
            None => self
                .entries
                .iter()
                .position(|(known, _)| words::same(known, key)),
        }
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl<K: Into<Arc<str>>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut object = Self::default();
        for (key, value) in entries {
            object.insert(key, value.into());
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_and_keep_their_order() {
        for count in [3_usize, 30] {
            let mut object: Object = (0..count).map(|n| (format!("Key{n}"), n as f64)).collect();
            object.insert("KEY1", Value::from("new"));
            assert_eq!(object.len(), count);
            assert_eq!(object.get("kEy1"), Some(&Value::from("new")));
            assert_eq!(object.get("key"), None);
            let keys: Vec<&str> = object.iter().map(|(key, _)| key).collect();
            assert_eq!(keys[..3], ["Key0", "Key1", "Key2"]);
        }
    }
}
