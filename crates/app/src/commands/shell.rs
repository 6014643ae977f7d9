//! Commands that people are told to type: what goes into them survives a shell.

/// A word for a shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_to_type_survives_a_shell() {
        assert_eq!(quoted("Mobile"), "Mobile");
        assert_eq!(quoted("My Project"), "'My Project'");
        assert_eq!(quoted("it's; rm -rf"), "'it'\\''s; rm -rf'");
    }
}
