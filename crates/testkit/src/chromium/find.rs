//! What a person looks for on a page: by its role and name, its label, its text. What has no name is found by nobody who
//! does not see, so a story should not look by [`css`] where it can help it.

use serde_json::{Value, json};

/// A place on a page. Text alone is what is written there.
#[derive(Clone, Debug)]
pub struct Find(Vec<Value>);

impl Find {
    /// Inside this one.
    pub fn find(mut self, inner: impl Into<Find>) -> Self {
        self.0.extend(inner.into().0);
        self
    }

    /// Only what has this text in it.
    pub fn with(mut self, text: &str) -> Self {
        self.0.push(json!({"has": text}));
        self
    }

    /// Only what has not.
    pub fn without(mut self, text: &str) -> Self {
        self.0.push(json!({"lacks": text}));
        self
    }

    /// Of several the one with this number, from 0.
    pub fn number(mut self, number: usize) -> Self {
        self.0.push(json!({"nth": number}));
        self
    }

    pub(crate) fn into_json(self) -> Value {
        Value::Array(self.0)
    }
}

impl From<&str> for Find {
    fn from(wanted: &str) -> Self {
        text(wanted)
    }
}

impl From<&String> for Find {
    fn from(wanted: &String) -> Self {
        text(wanted)
    }
}

fn role(role: &str, name: &str) -> Find {
    Find(vec![json!({"role": role, "name": name, "exact": true})])
}

/// What holds this text, whatever it is.
pub fn text(text: &str) -> Find {
    Find(vec![json!({"text": text, "exact": false})])
}

/// By a selector of CSS.
pub fn css(selector: &str) -> Find {
    Find(vec![json!({"css": selector})])
}

/// A field of a form, by its label.
pub fn field(label: &str) -> Find {
    Find(vec![json!({"label": label, "exact": false})])
}

/// A row of a table that holds this text.
pub fn row(text: &str) -> Find {
    Find(vec![json!({"role": "row", "has": text})])
}

/// An entry of a list that holds this text.
pub fn item(text: &str) -> Find {
    Find(vec![json!({"role": "listitem", "has": text})])
}

/// The dialog that is open.
pub fn sheet() -> Find {
    css("dialog[open]")
}

/// What is said in a status or an alert, and holds this text.
pub fn status(text: &str) -> Find {
    Find(vec![
        json!({"css": "[role=status], [role=alert]", "has": text}),
    ])
}

macro_rules! roles {
    ($($(#[$about:meta])* $function:ident is $role:literal;)*) => {$(
        $(#[$about])*
        pub fn $function(name: &str) -> Find {
            role($role, name)
        }
    )*};
}

roles! {
    /// A button with this name.
    button is "button";
    /// A link with this name.
    link is "link";
    /// A heading of this text.
    heading is "heading";
    /// A dialog with this name.
    dialog is "dialog";
    /// A part of the page with this name.
    region is "region";
    /// A tab with this name.
    tab is "tab";
    /// A check box with this name.
    checkbox is "checkbox";
    /// A radio button with this name.
    radio is "radio";
    /// An entry of a menu with this name.
    menu_item is "menuitem";
}
