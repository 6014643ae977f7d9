//! `$(name)`: replaced just before a step runs, and in a few places when the plan is made. Pure text; where the values
//! come from is the caller's affair.

/// No variable has a longer name; longer ones are never looked up.
const MAX_NAME: usize = 400;
/// How deep variables may refer to each other.
const MAX_DEPTH: usize = 50;
/// Bytes of values that one nested expansion may read or write.
const MAX_WORK: usize = 4 << 20;

/// Replaces every `$(name)` that `lookup` knows, in one pass: what a value brings in is not looked at again. Unknown
/// names stay as they are, so `$($(x))` becomes `$(value)`.
pub fn expand(text: &str, mut lookup: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    // The last `)` found; while it lies ahead, nothing is searched again.
    let mut known_close = 0;
    while let Some(open) = text[at..].find("$(").map(|found| at + found) {
        let from = open + 2;
        if known_close < from {
            match text[from..].find(')') {
                Some(found) => known_close = from + found,
                None => break,
            }
        }
        let name = &text[from..known_close];
        let value = if name.is_empty() || name.len() > MAX_NAME {
            None
        } else {
            lookup(name)
        };
        let (end, next) = if value.is_some() {
            (open, known_close + 1)
        } else {
            (from, from)
        };
        out.push_str(&text[at..end]);
        out.push_str(value.as_deref().unwrap_or_default());
        at = next;
    }
    out.push_str(&text[at..]);
    out
}

/// What [`expand_nested`] made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// Something was left as it was, because variables refer to each other in a circle or too deeply, or because the
    /// text grew too large.
    pub cut: bool,
}

/// Like [`expand`], with the values expanded too: at most 50 deep, circles left as they are, and never more than a few
/// megabytes of work.
pub fn expand_nested(text: &str, lookup: impl FnMut(&str) -> Option<String>) -> Expanded {
    expand_nested_within(text, MAX_WORK, lookup)
}

/// The same with another bound for the bytes of values read and written.
pub(crate) fn expand_nested_within(
    text: &str,
    work: usize,
    mut lookup: impl FnMut(&str) -> Option<String>,
) -> Expanded {
    let mut state = Nested {
        names: Vec::new(),
        work,
        cut: false,
    };
    let text = state.expand(text, &mut lookup);
    Expanded {
        text,
        cut: state.cut,
    }
}

struct Nested {
    names: Vec<String>,
    work: usize,
    cut: bool,
}

impl Nested {
    fn expand(&mut self, text: &str, lookup: &mut dyn FnMut(&str) -> Option<String>) -> String {
        expand(text, |name| {
            let value = lookup(name)?;
            let name = crate::words::fold(name);
            let cost = value.len() + 1;
            if self.names.len() >= MAX_DEPTH || cost > self.work || self.names.contains(&name) {
                self.cut = true;
                return None;
            }
            self.work -= cost;
            self.names.push(name);
            let inner = self.expand(&value, lookup);
            self.names.pop();
            if inner.len() > self.work {
                self.cut = true;
                return None;
            }
            self.work -= inner.len();
            Some(inner)
        })
    }
}

/// The environment name of an input or variable: upper case, `.` and space become `_`, nothing else changes.
#[must_use]
pub fn environment_name(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '.' | ' ' => '_',
            _ => {
                let mut upper = c.to_uppercase();
                match (upper.next(), upper.next()) {
                    (Some(one), None) => one,
                    _ => c,
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<String> {
        match name {
            "x" | "X" => Some("1".to_owned()),
            "step.out" => Some("/tmp/a b".to_owned()),
            "again" => Some("$(x)".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn one_pass_and_unknown_names_stay() {
        for (text, expected) in [
            ("", ""),
            ("$(x)", "1"),
            ("a$(x)b$(X)c", "a1b1c"),
            ("$(step.out)", "/tmp/a b"),
            ("$(again)", "$(x)"),
            ("[$(empty)]", "[]"),
            ("$(nope)", "$(nope)"),
            ("$()", "$()"),
            ("$(x", "$(x"),
            ("$($(x))", "$(1)"),
            ("$(nope $(x))", "$(nope 1)"),
            ("$$(x)", "$1"),
            ("$(date) and $(x)", "$(date) and 1"),
            ("ключ $(x) 钥", "ключ 1 钥"),
            ("$[x] ${x} ${{ x }}", "$[x] ${x} ${{ x }}"),
        ] {
            assert_eq!(expand(text, known), expected, "{text:?}");
        }
    }

    #[test]
    fn a_megabyte_of_open_macros_is_read_once() {
        let mut looked_up = 0_u32;
        let text = format!("{})", "$(".repeat(500_000));
        let out = expand(&text, |_| {
            looked_up += 1;
            None
        });
        assert_eq!(out, text);
        assert!(
            looked_up <= 201,
            "only names of a possible length are looked up, not {looked_up}"
        );
    }

    #[test]
    fn nested_values_are_expanded_and_circles_end() {
        let vars = |name: &str| match name {
            "a" => Some("<$(b)>".to_owned()),
            "b" => Some("$(c)$(c)".to_owned()),
            "c" => Some("c".to_owned()),
            "loop" => Some("$(pool)".to_owned()),
            "pool" => Some("$(LOOP)".to_owned()),
            "self" | "SELF" => Some("$(SELF)x".to_owned()),
            "LOOP" => Some("$(pool)".to_owned()),
            _ => None,
        };
        assert_eq!(
            expand_nested("$(a)", vars),
            Expanded {
                text: "<cc>".to_owned(),
                cut: false
            }
        );
        assert_eq!(
            expand_nested("$(self)", vars),
            Expanded {
                text: "$(SELF)x".to_owned(),
                cut: true
            }
        );
        assert_eq!(
            expand_nested("$(loop)", vars),
            Expanded {
                text: "$(LOOP)".to_owned(),
                cut: true
            }
        );
    }

    #[test]
    fn doubling_variables_cost_a_bounded_amount() {
        let mut calls = 0_usize;
        let out = expand_nested("$(v0)", |name| {
            calls += 1;
            let n: u32 = name.strip_prefix('v')?.parse().ok()?;
            (n < 45).then(|| format!("$(v{0})$(v{0})", n + 1))
        });
        assert!(out.cut);
        assert!(calls < 2_000_000, "{calls}");
    }

    #[test]
    fn environment_names() {
        assert_eq!(
            environment_name("caCertificate.secureFilePath"),
            "CACERTIFICATE_SECUREFILEPATH"
        );
        assert_eq!(environment_name("my var-1"), "MY_VAR-1");
        assert_eq!(environment_name("straße"), "STRAßE");
    }
}
