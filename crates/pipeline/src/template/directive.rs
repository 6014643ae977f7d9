//! Keys that are instructions: `${{ if c }}`, `${{ elseif c }}`, `${{ else }}`, `${{ each x in c }}`, `${{ insert }}`. Text to
//! an instruction, nothing more.

/// A key that is an instruction. Offsets are bytes of the key's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Directive<'t> {
    If {
        condition: &'t str,
        offset: usize,
    },
    ElseIf {
        condition: &'t str,
        offset: usize,
    },
    Else,
    Each {
        name: &'t str,
        collection: &'t str,
        offset: usize,
    },
    Insert,
    /// Begins like one, and is none.
    Broken {
        message: &'static str,
        hint: &'static str,
        offset: usize,
    },
}

const WORDS: &[&str] = &["if", "elseif", "else", "each", "insert"];
const EACH: &str = "write `${{ each item in parameters.list }}:`";

/// The instruction of a key; none for a key that is a name, or an expression that gives a name.
pub(super) fn directive(key: &str) -> Option<Directive<'_>> {
    let inner = key.strip_prefix("${{")?.strip_suffix("}}")?;
    let start = "${{".len() + inner.len() - inner.trim_start().len();
    let inner = inner.trim();
    let (word, rest) = inner.split_at(
        inner
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(inner.len()),
    );
    let offset = start + word.len() + rest.len() - rest.trim_start().len();
    let rest = rest.trim();
    let found = match word {
        "if" | "elseif" if rest.is_empty() => Directive::Broken {
            message: "this condition is empty",
            hint: "write `${{ if eq(parameters.name, 'value') }}:`",
            offset,
        },
        "if" => Directive::If {
            condition: rest,
            offset,
        },
        "elseif" => Directive::ElseIf {
            condition: rest,
            offset,
        },
        "else" if rest.starts_with("if ") || rest.starts_with("if(") => Directive::Broken {
            message: "`else if` is one word here",
            hint: "write `${{ elseif … }}:`",
            offset,
        },
        "else" if rest.is_empty() => Directive::Else,
        "else" => Directive::Broken {
            message: "`else` takes no condition",
            hint: "write `${{ else }}:`, or `${{ elseif … }}:` with a condition",
            offset,
        },
        "insert" if rest.is_empty() => Directive::Insert,
        "each" => each(rest, offset),
        "for" | "foreach" if !rest.is_empty() => Directive::Broken {
            message: "there is no such directive",
            hint: EACH,
            offset: start,
        },
        "elif" | "elsif" if !rest.is_empty() => Directive::Broken {
            message: "there is no such directive",
            hint: "write `${{ elseif … }}:`",
            offset: start,
        },
        "unless" if !rest.is_empty() => Directive::Broken {
            message: "there is no such directive",
            hint: "write `${{ if not(…) }}:`",
            offset: start,
        },
        _ if WORDS.iter().any(|known| known.eq_ignore_ascii_case(word)) => Directive::Broken {
            message: "directives are written in small letters",
            hint: "write `if`, `elseif`, `else`, `each`, `insert`",
            offset: start,
        },
        _ => return None,
    };
    Some(found)
}

fn each(rest: &str, offset: usize) -> Directive<'_> {
    let broken = |message| Directive::Broken {
        message,
        hint: EACH,
        offset,
    };
    let Some((name, tail)) = rest.split_once(char::is_whitespace) else {
        return broken("`each` wants a name and a collection");
    };
    let Some(collection) = tail
        .trim_start()
        .strip_prefix("in")
        .filter(|collection| collection.starts_with(|c: char| !c.is_ascii_alphanumeric()))
    else {
        return broken("`in` is missing between the name and the collection");
    };
    if !crate::words::is_name(name) {
        return broken("what `each` counts with must be a name");
    }
    let collection = collection.trim();
    if collection.is_empty() {
        return broken("the collection is missing");
    }
    Directive::Each {
        name,
        collection,
        offset: offset + rest.len() - collection.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_the_place_of_what_follows() {
        let at = |key: &'static str| match directive(key) {
            Some(Directive::If { condition, offset } | Directive::ElseIf { condition, offset }) => {
                assert_eq!(&key[offset..offset + condition.len()], condition);
                condition
            }
            Some(Directive::Each {
                collection, offset, ..
            }) => {
                assert_eq!(&key[offset..offset + collection.len()], collection);
                collection
            }
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(at("${{ if eq(1, 2) }}"), "eq(1, 2)");
        assert_eq!(at("${{if(true)}}"), "(true)");
        assert_eq!(at("${{   elseif   not(false)   }}"), "not(false)");
        assert_eq!(at("${{ each x in parameters.list }}"), "parameters.list");
        assert_eq!(at("${{ each  x  in  in }}"), "in");
        assert_eq!(directive("${{ else }}"), Some(Directive::Else));
        assert_eq!(directive("${{insert}}"), Some(Directive::Insert));
        for name in [
            "steps",
            "${{ parameters.name }}",
            "a ${{ if x }}",
            "${{ iff }}",
            "${{ insert }} x",
            "${{ for }}",
        ] {
            assert_eq!(directive(name), None, "{name}");
        }
        for broken in [
            "${{ if }}",
            "${{ else if true }}",
            "${{ else true }}",
            "${{ each }}",
            "${{ each x }}",
            "${{ each x of y }}",
            "${{ each x in }}",
            "${{ each 1 in y }}",
            "${{ for x in y }}",
            "${{ IF true }}",
            "${{ Insert }}",
        ] {
            assert!(
                matches!(directive(broken), Some(Directive::Broken { .. })),
                "{broken}"
            );
        }
    }
}
