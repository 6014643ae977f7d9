//! What a pipeline is stored with: its file, and the templates that it and they name, from the same folder. Whatever
//! conditions say: a later run may take the other branch. It must not leave the folder, nor send what is no YAML by itself.

use super::validate::{Folder, Unread, located};
use crate::error::{CommandError, Exit, Result};
use clap::Args;
use coffer_pipeline::{
    Location, MAX_TEMPLATE_FILES, PlanInputs, Source, TemplateFile, planned, templates_named,
};
use coffer_wire::enums::ConfigurationType;
use coffer_wire::pipelines::{Configuration, PipelineFile, PipelineRequest};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

/// What standard input is called.
const UNNAMED: &str = "azure-pipelines.yml";

/// The file of a pipeline, and what is stored with it.
#[derive(Args)]
pub(crate) struct BundleArgs {
    /// The YAML file; `-` is standard input, which has no files beside it
    pub(super) file: PathBuf,
    /// Folder that `/path` of templates begins at [default: the nearest folder with `.git`, else that of the file]
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Store this file as well, or the .yml and .yaml files of this folder; may be repeated. For paths with `${{ }}`
    #[arg(long = "include", value_name = "PATH")]
    includes: Vec<PathBuf>,
}

/// A pipeline's file and what goes with it.
pub(super) struct Bundle {
    configuration: Configuration,
    /// What is named and not stored, a sentence each.
    pub(super) left: Vec<String>,
}

impl Bundle {
    /// A request that stores it under a name.
    pub(super) fn request(&self, name: &str, folder: Option<&str>) -> PipelineRequest {
        PipelineRequest {
            name: name.to_owned(),
            folder: folder.map(str::to_owned),
            configuration: self.configuration.clone(),
        }
    }

    /// The files beside the pipeline's own.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        let files = self.configuration.files.iter();
        files.map(|file| file.path.as_str())
    }
}

/// Reads a pipeline's file and everything that goes with it.
pub(super) fn collect(args: &BundleArgs) -> Result<Bundle> {
    let (source, root) = located(&args.file, args.root.as_deref())?;
    if args.file == Path::new("-") {
        if !args.includes.is_empty() {
            return Err(CommandError::usage("standard input has no files beside it")
                .hint("name the pipeline's file instead of `-`"));
        }
        return Ok(Bundle {
            configuration: configuration(UNNAMED.to_owned(), source.text, BTreeMap::new()),
            left: Vec::new(),
        });
    }
    let folder = Folder::new(root.clone(), BTreeMap::new());
    // What this cannot do without values is told by the server.
    let _ = planned(&source, &PlanInputs::default(), &folder);
    let used = folder.seen.take().templates;
    let mut found = Found {
        folder: &folder,
        own: &source.path,
        computed: args.includes.is_empty(),
        files: BTreeMap::new(),
        looked: BTreeSet::new(),
        wanted: VecDeque::new(),
        left: Vec::new(),
    };
    for path in included(&root, &args.includes)? {
        found.want(path, None, true);
    }
    found.named_in(&source);
    for path in used {
        found.want(path, None, false);
    }
    found.read()?;
    let (files, left) = (found.files, found.left);
    Ok(Bundle {
        configuration: configuration(source.path, source.text, files),
        left,
    })
}

fn configuration(path: String, yaml: String, files: BTreeMap<String, String>) -> Configuration {
    Configuration {
        kind: ConfigurationType::Yaml,
        path,
        yaml: Some(yaml),
        files: files
            .into_iter()
            .map(|(path, content)| PipelineFile { path, content })
            .collect(),
        repository: None,
    }
}

/// A file to read.
struct Wanted {
    path: String,
    /// Where it is named, if a text names it.
    at: Option<Location>,
    /// Somebody asked for this very file.
    asked: bool,
}

struct Found<'a> {
    folder: &'a Folder,
    own: &'a str,
    /// Whether to tell of paths that depend on the run.
    computed: bool,
    files: BTreeMap<String, String>,
    looked: BTreeSet<String>,
    wanted: VecDeque<Wanted>,
    left: Vec<String>,
}

impl Found<'_> {
    fn want(&mut self, path: String, at: Option<Location>, asked: bool) {
        if path != self.own && self.looked.insert(path.clone()) {
            self.wanted.push_back(Wanted { path, at, asked });
        }
    }

    fn named_in(&mut self, source: &Source) {
        for named in templates_named(source) {
            let at = named.at;
            match named.file {
                TemplateFile::Own(path) => self.want(path, Some(at), false),
                TemplateFile::Elsewhere(written) => self.left.push(format!(
                    "{written}, named at {at}: files of other repositories cannot be stored yet"
                )),
                TemplateFile::Computed(written) if self.computed => self.left.push(format!(
                    "{written}, named at {at}, depends on the run: store the files it may name with --include"
                )),
                TemplateFile::Computed(_) => {}
            }
        }
    }

    fn read(&mut self) -> Result {
        while let Some(Wanted { path, at, asked }) = self.wanted.pop_front() {
            let named = at.map_or_else(String::new, |at| format!(", named at {at}"));
            if !asked && !is_yaml(Path::new(&path)) {
                // A text that somebody else wrote must not choose any file at all.
                self.left.push(format!(
                    "{path}{named}, is not called .yml or .yaml: if it is a template, store it with --include"
                ));
                continue;
            }
            let why = match self.folder.text(&path) {
                Ok(content) => {
                    let source = Source {
                        path: path.clone(),
                        text: content,
                    };
                    self.named_in(&source);
                    self.files.insert(path, source.text);
                    if self.files.len() > MAX_TEMPLATE_FILES {
                        return Err(CommandError::new(
                            Exit::Invalid,
                            format!(
                                "a pipeline has at most {MAX_TEMPLATE_FILES} files beside its own, and this one names more"
                            ),
                        ));
                    }
                    continue;
                }
                Err(Unread::Missing) => "there is no such file; case counts",
                Err(Unread::Outside) => "it leads out of the folder",
                Err(Unread::NotText) => "it is not UTF-8 text",
                Err(Unread::TooLarge) => {
                    return Err(CommandError::new(
                        Exit::Invalid,
                        format!("{path} is too large for a template"),
                    )
                    .hint("a file has at most 1 MiB: move long scripts into files of their own"));
                }
            };
            self.left.push(format!("{path}{named}: {why}"));
        }
        Ok(())
    }
}

fn is_yaml(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| matches!(&*ending.to_lowercase(), "yml" | "yaml"))
}

/// The files that were asked for by name, from the root.
fn included(root: &Path, includes: &[PathBuf]) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for include in includes {
        let whole = include
            .canonicalize()
            .map_err(|error| CommandError::file("cannot read", include, &error))?;
        if !whole.starts_with(root) {
            return Err(CommandError::usage(format!(
                "{} is not below {}",
                include.display(),
                root.display()
            ))
            .hint("give the folder of the repository with --root"));
        }
        if whole.is_dir() {
            walk(&whole, &mut files)
                .map_err(|error| CommandError::file("cannot read", include, &error))?;
        } else {
            files.push(whole);
        }
    }
    Ok(files
        .iter()
        .filter_map(|file| file.strip_prefix(root).ok())
        .map(|path| path.to_string_lossy().replace('\\', "/"))
        .collect())
}

/// The YAML files below a folder. Links and what begins with a point are left out.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            walk(&path, files)?;
        } else if kind.is_file() && is_yaml(&path) {
            files.push(path);
        }
    }
    Ok(())
}
