//! Where a run's YAML comes from, and whether a permit covers it. Pure; it must not know repositories or how a
//! source is found out.
//!
//! A source is what Coffer itself knows, never what a request says. Whatever is not known is a stranger.

use crate::refs::AllowedRefs;

/// Where a ref stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Origin {
    /// In the pipeline's own repository. A pull request from there runs on its merge ref.
    Repository,
    /// In a fork of it.
    Fork,
    /// Nobody can say.
    Unknown,
}

/// Where a run's YAML and commit come from.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum RunSource {
    /// The text that is stored with the definition. It has no ref.
    #[default]
    Stored,
    /// A ref of a repository.
    Ref {
        /// Where the ref stands.
        origin: Origin,
        /// The repository, as the pipeline names it.
        repository: String,
        /// The full ref, such as `refs/heads/main` or `refs/pull/7/merge`.
        name: String,
        /// The commit.
        commit: String,
    },
}

/// What a protected resource's permissions say of a run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Permit {
    /// Nothing permits its pipeline.
    #[default]
    None,
    /// Its pipeline is permitted, for other refs.
    OtherRef,
    /// It may use the resource.
    Given,
}

impl RunSource {
    /// The word in the store.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Ref { origin, .. } => match origin {
                Origin::Repository => "repository",
                Origin::Fork => "fork",
                Origin::Unknown => "unknown",
            },
        }
    }

    /// From what the store holds. A word that is not known is an origin that is not known.
    pub fn from_parts(
        word: &str,
        repository: Option<String>,
        name: Option<String>,
        commit: Option<String>,
    ) -> Self {
        let origin = match word {
            "stored" => return Self::Stored,
            "repository" => Origin::Repository,
            "fork" => Origin::Fork,
            _ => Origin::Unknown,
        };
        Self::Ref {
            origin,
            repository: repository.unwrap_or_default(),
            name: name.unwrap_or_default(),
            commit: commit.unwrap_or_default(),
        }
    }

    /// Whether the run may be given anything protected at all. Forks and refs of unknown origin may not.
    pub fn trusted(&self) -> bool {
        match self {
            Self::Stored => true,
            Self::Ref { origin, .. } => *origin == Origin::Repository,
        }
    }

    /// The full ref; none for stored text.
    pub fn reference(&self) -> Option<&str> {
        match self {
            Self::Stored => None,
            Self::Ref { name, .. } => Some(name),
        }
    }

    /// What open access (`open`) and the pipeline's own permit say of the run: none, one for every ref, or one for some.
    ///
    /// A permit that names refs covers no run of stored text: that text is of no ref.
    pub fn permit(&self, open: bool, own: Option<Option<&AllowedRefs>>) -> Permit {
        match own {
            _ if open => Permit::Given,
            None => Permit::None,
            Some(None) => Permit::Given,
            Some(Some(refs)) => match self.reference() {
                Some(name) if refs.cover(name) => Permit::Given,
                _ => Permit::OtherRef,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: Origin, name: &str) -> RunSource {
        RunSource::Ref {
            origin,
            repository: "app".into(),
            name: name.into(),
            commit: "c0ffee".into(),
        }
    }

    #[test]
    fn forks_and_the_unknown_are_strangers() {
        assert!(RunSource::Stored.trusted());
        assert!(from(Origin::Repository, "refs/pull/7/merge").trusted());
        assert!(!from(Origin::Fork, "refs/heads/main").trusted());
        assert!(!from(Origin::Unknown, "refs/heads/main").trusted());
        let odd = RunSource::from_parts("trusted", None, None, None);
        assert!(!odd.trusted(), "a word from the future is no proof");
    }

    #[test]
    fn a_source_is_read_as_it_was_written() {
        for origin in [Origin::Repository, Origin::Fork, Origin::Unknown] {
            let source = from(origin, "refs/heads/main");
            let again = RunSource::from_parts(
                source.word(),
                Some("app".into()),
                source.reference().map(Into::into),
                Some("c0ffee".into()),
            );
            assert_eq!(again, source);
        }
        let stored = RunSource::from_parts(RunSource::Stored.word(), None, None, None);
        assert_eq!(stored, RunSource::Stored);
    }

    #[test]
    fn a_permit_for_refs_covers_these_only_and_open_access_all() {
        let refs = AllowedRefs::parse(["refs/heads/main"]).unwrap();
        let main = from(Origin::Repository, "refs/heads/main");
        let other = from(Origin::Repository, "refs/heads/other");
        assert_eq!(main.permit(false, None), Permit::None);
        assert_eq!(main.permit(false, Some(None)), Permit::Given);
        assert_eq!(main.permit(false, Some(Some(&refs))), Permit::Given);
        assert_eq!(other.permit(false, Some(Some(&refs))), Permit::OtherRef);
        assert_eq!(other.permit(true, Some(Some(&refs))), Permit::Given);
        assert_eq!(other.permit(true, None), Permit::Given);
        let stored = RunSource::Stored;
        assert_eq!(stored.permit(false, Some(Some(&refs))), Permit::OtherRef);
        assert_eq!(stored.permit(false, Some(None)), Permit::Given);
    }
}
