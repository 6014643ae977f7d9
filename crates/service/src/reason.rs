//! Reasons that people give: one line, for others and the audit log.

use crate::error::{Error, Kind, Result};

/// The longest, bytes.
const MOST: usize = 1000;

/// A reason as it is kept. `what` needs it, as a sentence begins: `A freeze`.
pub(crate) fn reason(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > MOST || text.chars().any(char::is_control) {
        return Err(Error::new(
            Kind::Invalid,
            "argument.invalid",
            format!("{what} needs a reason: one line of at most {MOST} bytes."),
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_says_something() {
        let given = |text: &str| reason("A test", text);
        assert_eq!(given(" incident 7 ").unwrap(), "incident 7");
        assert!(given("").is_err() && given("a\nb").is_err());
        assert!(given(&"a".repeat(MOST + 1)).is_err());
    }
}
