//! The YAML that uses a secure file, ready to copy. It must not know the file's content.

use coffer_model::FileId;
use uuid::Uuid;

/// A step that downloads the file, and one that uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Consuming {
    pub(crate) text: String,
    /// Whether it names the file by its id, because a pipeline would not read its name as one name.
    pub(crate) by_id: bool,
}

/// What a pipeline writes to use the file of this name, whatever the name holds.
pub(crate) fn consuming(name: &str, file: &FileId) -> Consuming {
    let by_id = !is_read_as_itself(name);
    let reference = match by_id {
        true => file.to_string(),
        false => quoted(name),
    };
    Consuming {
        text: format!(
            "steps:\n\
             - task: DownloadSecureFile@1\n\
             \x20 name: secureFile\n\
             \x20 inputs:\n\
             \x20   secureFile: {reference}\n\
             - script: |\n\
             \x20   echo \"The file is at $(secureFile.secureFilePath)\"\n"
        ),
        by_id,
    }
}

/// Whether a value of the input `secureFile` that is this name means the file of this name: commas part files, `$( )` is
/// a variable, `${{ }}` an expression, and a GUID is an id (docs/yaml.md).
fn is_read_as_itself(name: &str) -> bool {
    !name.contains(',')
        && !name.contains("$(")
        && !name.contains("${{")
        && Uuid::parse_str(name).is_err()
}

/// In single quotes, in which YAML leaves everything as it is but a quote.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Consuming {
        consuming(name, &FileId(Uuid::from_u128(7)))
    }

    #[test]
    fn a_name_stands_in_quotes() {
        for (name, written) in [
            ("ca.pem", "'ca.pem'"),
            ("Ann's key #1: - {x}", "'Ann''s key #1: - {x}'"),
            ("true", "'true'"),
            ("'''", "''''''''"),
            (
                "\u{5de}\u{5e4}\u{5ea}\u{5d7}.p12",
                "'\u{5de}\u{5e4}\u{5ea}\u{5d7}.p12'",
            ),
        ] {
            let yaml = of(name);
            let line = format!("    secureFile: {written}\n");
            assert!(yaml.text.contains(&line) && !yaml.by_id, "{}", yaml.text);
        }
    }

    #[test]
    fn what_a_pipeline_would_read_as_something_else_is_named_by_its_id() {
        let id = Uuid::from_u128(7).to_string();
        for name in [
            "a,b.txt",
            "$(System.AccessToken)",
            "${{ x }}",
            "5b0f3a52-0e94-4a0d-9a1f-3c6f3ab1c9d0",
            "{5b0f3a52-0e94-4a0d-9a1f-3c6f3ab1c9d0}",
        ] {
            let yaml = of(name);
            assert!(yaml.by_id && yaml.text.contains(&id), "{}", yaml.text);
            assert!(!yaml.text.contains(name), "{}", yaml.text);
        }
    }
}
