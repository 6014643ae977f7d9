//! `convertToJson`: a value as JSON, over several lines, as Azure Pipelines writes it. It must not know where values come
//! from.

use super::Value;
use super::budget::{Budget, Fault};
use super::value::number_text;

/// Deepest nesting that is written.
const MAX_NESTING: usize = 100;

/// The text.
pub(super) fn convert(value: &Value, budget: &mut Budget) -> Result<Value, Fault> {
    let mut writer = Writer {
        out: String::new(),
        budget,
    };
    writer.value(value, 0)?;
    Ok(writer.out.into())
}

struct Writer<'a> {
    out: String,
    budget: &'a mut Budget,
}

impl Writer<'_> {
    fn put(&mut self, text: &str) -> Result<(), Fault> {
        self.budget.make(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn line(&mut self, depth: usize) -> Result<(), Fault> {
        self.put("\n")?;
        self.put(&"  ".repeat(depth))
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        // Escapes make a text longer: what is read is paid first, what is written after.
        self.budget.look(text.len())?;
        let quoted = serde_json::Value::from(text).to_string();
        self.put(&quoted)
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Fault> {
        if depth > MAX_NESTING {
            return Err(Fault::new(format!(
                "`convertToJson` writes {MAX_NESTING} levels, and this value is deeper"
            )));
        }
        self.budget.look(1)?;
        match value {
            Value::Null => self.put("null"),
            Value::Boolean(true) => self.put("true"),
            Value::Boolean(false) => self.put("false"),
            Value::Number(number) => self.put(&number_text(*number)),
            Value::Text(text) => self.text(text),
            Value::Version(parts) => self.text(&parts.to_string()),
            Value::Time(time) => self.text(&time.to_string()),
            Value::Array(items) if items.is_empty() => self.put("[]"),
            Value::Object(object) if object.is_empty() => self.put("{}"),
            Value::Array(items) => {
                self.put("[")?;
                for (at, item) in items.iter().enumerate() {
                    self.put(if at == 0 { "" } else { "," })?;
                    self.line(depth + 1)?;
                    self.value(item, depth + 1)?;
                }
                self.line(depth)?;
                self.put("]")
            }
            Value::Object(object) => {
                self.put("{")?;
                for (at, (key, item)) in object.iter().enumerate() {
                    self.put(if at == 0 { "" } else { "," })?;
                    self.line(depth + 1)?;
                    self.text(key)?;
                    self.put(": ")?;
                    self.value(item, depth + 1)?;
                }
                self.line(depth)?;
                self.put("}")
            }
        }
    }
}
