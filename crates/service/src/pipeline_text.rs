//! What a pipeline is stored with: its name, its YAML and the files beside it, and whether they are fit. It must not judge
//! the YAML: a pipeline may be stored before it is right.

use crate::error::{Error, Result};
use coffer_model::name;
use coffer_pipeline::{MAX_FILE_BYTES, MAX_TEMPLATE_FILES, from_root};
use coffer_store::{PipelineFile, files_digest};
use std::collections::BTreeSet;

/// Most bytes of a pipeline's YAML and the files beside it, together.
const MAX_TOGETHER: usize = 10 << 20;
/// Longest path, bytes.
const MAX_PATH: usize = 260;
/// What a pipeline's own file is called when nothing else is said.
const DEFAULT_PATH: &str = "azure-pipelines.yml";
/// Longest part of a path that a message repeats, characters.
const MAX_SHOWN: usize = 100;

/// Name, YAML and files of a pipeline.
#[derive(Clone, Debug)]
pub struct PipelineText {
    /// Its name.
    pub name: String,
    /// Its folder; `\` is the root.
    pub folder: String,
    /// The path shown in errors; those of templates lead from its folder.
    pub path: String,
    /// The YAML.
    pub yaml: String,
    /// The files beside it: path from the root, and text.
    pub files: Vec<(String, String)>,
}

impl PipelineText {
    /// What is stored, if all parts are fit.
    pub(crate) fn checked(self) -> Result<coffer_store::PipelineText> {
        if !name::is_fit(&self.name) {
            return Err(Error::invalid(
                "A pipeline's name is visible text of at most 255 bytes, without slashes.",
            ));
        }
        if self.yaml.len() > MAX_FILE_BYTES {
            return Err(Error::invalid(format!(
                "A pipeline's YAML is at most {MAX_FILE_BYTES} bytes."
            )));
        }
        if self.path.len() > MAX_PATH || self.path.chars().any(char::is_control) {
            return Err(Error::invalid(
                "A pipeline's path is visible text of at most 260 bytes.",
            ));
        }
        let folder = match self.folder.trim_end_matches('\\') {
            "" => "\\".to_owned(),
            folder => folder.to_owned(),
        };
        if folder.len() > 400 || !folder.starts_with('\\') || folder.chars().any(char::is_control) {
            return Err(Error::invalid(
                "A pipeline's folder begins with '\\' and is at most 400 bytes.",
            ));
        }
        let path = if self.path.is_empty() {
            DEFAULT_PATH.into()
        } else {
            self.path
        };
        Ok(coffer_store::PipelineText {
            files: files(&path, self.yaml.len(), self.files)?,
            name: self.name,
            folder,
            path,
            yaml: self.yaml,
        })
    }
}

/// What the event of a stored text says of it.
pub(crate) fn details(text: &coffer_store::PipelineText) -> [(&'static str, String); 3] {
    let digest = files_digest(&text.path, &text.yaml, &text.files);
    [
        ("name", text.name.clone()),
        ("files", text.files.len().to_string()),
        ("filesSha256", digest),
    ]
}

/// The files beside a text, if they are fit, ordered by path.
fn files(root: &str, own: usize, files: Vec<(String, String)>) -> Result<Vec<PipelineFile>> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    if files.len() > MAX_TEMPLATE_FILES {
        return Err(refused(format!(
            "A pipeline has at most {MAX_TEMPLATE_FILES} files beside its YAML, and these are {}.",
            files.len()
        )));
    }
    let root = from_root(root);
    if let Some(why) = unfit(&root) {
        return Err(refused(format!(
            "With files beside it, a pipeline's own path leads from the root of their folder, such as 'ci/build.yml': '{}' {why}.",
            shown(&root)
        )));
    }
    let mut known = BTreeSet::from([root]);
    let mut together = own;
    let mut kept = Vec::with_capacity(files.len());
    for (path, content) in files {
        if let Some(why) = unfit(&path) {
            return Err(refused(format!(
                "The path of a file leads from the root of the folder, such as 'templates/build.yml': '{}' {why}.",
                shown(&path)
            )));
        }
        if content.len() > MAX_FILE_BYTES {
            return Err(refused(format!(
                "A file is at most {MAX_FILE_BYTES} bytes, and '{}' has {}.",
                shown(&path),
                content.len()
            )));
        }
        together += content.len();
        if together > MAX_TOGETHER {
            return Err(refused(format!(
                "A pipeline's YAML and its files are at most {MAX_TOGETHER} bytes together, and these are more."
            )));
        }
        if !known.insert(path.clone()) {
            return Err(refused(format!(
                "There are two files called '{}', or the pipeline's own is called so. Send each once.",
                shown(&path)
            )));
        }
        kept.push(PipelineFile { path, content });
    }
    kept.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(kept)
}

fn refused(message: String) -> Error {
    let mut error = Error::invalid(message);
    error.code = "pipeline.files";
    error.hint("Nothing was stored.")
}

/// Why a path is none that a template could name.
fn unfit(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        Some("is empty")
    } else if path.len() > MAX_PATH {
        Some("is longer than 260 bytes")
    } else if path.chars().any(char::is_control) {
        Some("holds a control character")
    } else if path.contains('\\') {
        Some("holds a '\\': folders are divided by '/'")
    } else if path.contains('@') {
        Some("holds an '@', which divides a file from its repository")
    } else if path.starts_with('/') {
        Some("begins with '/'")
    } else if path.trim() != path {
        Some("begins or ends with a space")
    } else if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some("has an empty part, '.' or '..'")
    } else {
        None
    }
}

/// A path as far as a message repeats it.
fn shown(path: &str) -> String {
    path.chars()
        .take(MAX_SHOWN)
        .flat_map(|c| {
            let hidden = c.is_control();
            let escaped = hidden.then(|| c.escape_unicode()).into_iter().flatten();
            escaped.chain((!hidden).then_some(c))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, files: &[(&str, usize)]) -> Result<coffer_store::PipelineText> {
        PipelineText {
            name: "build".into(),
            folder: "\\".into(),
            path: path.into(),
            yaml: "steps: []".into(),
            files: files
                .iter()
                .map(|(path, length)| ((*path).to_owned(), "x".repeat(*length)))
                .collect(),
        }
        .checked()
    }

    fn says(path: &str, files: &[(&str, usize)]) -> String {
        let error = text(path, files).unwrap_err();
        assert_eq!(error.code, "pipeline.files");
        error.message
    }

    #[test]
    fn files_are_kept_in_the_order_of_their_paths_and_case_counts() {
        let kept = text(
            "/ci/a.yml",
            &[("t/b.yml", 1), ("T/b.yml", 2), ("é/ü.yml", 0)],
        )
        .unwrap();
        assert_eq!(kept.path, "/ci/a.yml", "as it was sent");
        let paths: Vec<&str> = kept.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["T/b.yml", "t/b.yml", "é/ü.yml"]);
        assert!(text("", &[("t.yml", 1)]).is_ok());
    }

    #[test]
    fn a_path_that_no_template_could_name_is_told() {
        for (path, why) in [
            ("", "is empty"),
            ("/a.yml", "begins with '/'"),
            ("../a.yml", "'..'"),
            ("a/../b.yml", "'..'"),
            ("a//b.yml", "empty part"),
            ("./a.yml", "'.'"),
            ("a/", "empty part"),
            ("a\\b.yml", "divided by '/'"),
            ("C:\\a.yml", "divided by '/'"),
            ("a\u{7}.yml", "control character"),
            ("a\nb.yml", "control character"),
            ("a.yml@self", "repository"),
            (" a.yml", "space"),
            (&"a".repeat(261), "260 bytes"),
        ] {
            let told = says("a-p.yml", &[(path, 1)]);
            assert!(told.contains(why), "{path}: {told}");
            assert!(!told.contains(['\u{7}', '\n']), "{told:?}");
        }
        assert!(says("../a.yml", &[("t.yml", 1)]).contains("own path"));
        assert!(
            text("../a.yml", &[]).is_ok(),
            "alone it is a name for errors"
        );
    }

    #[test]
    fn each_path_is_there_once_and_not_the_pipelines_own() {
        assert!(says("a.yml", &[("t.yml", 1), ("t.yml", 1)]).contains("'t.yml'"));
        for own in ["a.yml", "/a.yml", "./a.yml"] {
            assert!(says(own, &[("a.yml", 1)]).contains("own"), "{own}");
        }
        assert!(says("", &[(DEFAULT_PATH, 1)]).contains("own"));
    }

    #[test]
    fn too_many_too_long_and_too_much_are_told_with_numbers() {
        let named: Vec<String> = (0..=MAX_TEMPLATE_FILES)
            .map(|n| format!("{n}.yml"))
            .collect();
        let many: Vec<(&str, usize)> = named.iter().map(|path| (path.as_str(), 1)).collect();
        assert!(says("a.yml", &many).contains("101"));
        assert!(text("a.yml", &many[1..]).is_ok());
        assert!(says("a.yml", &[("t.yml", MAX_FILE_BYTES + 1)]).contains("1048577"));
        let large: Vec<(&str, usize)> = many[..10]
            .iter()
            .map(|(path, _)| (*path, MAX_FILE_BYTES))
            .collect();
        assert!(
            says("a.yml", &large).contains("10485760"),
            "its own text counts"
        );
        assert!(text("a.yml", &large[1..]).is_ok());
    }
}
