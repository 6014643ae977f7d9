//! What a personal access token is good for. The names are those of Azure DevOps, so that lists of scopes in scripts
//! and documents carry over. It must not know how tokens are stored.
//!
//! A scope only narrows what its owner may do. It never gives a right.

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct TokenScopes(u64);

macro_rules! scopes {
    ($($(#[$doc:meta])* $constant:ident = $word:literal, $bits:expr;)*) => {
        impl TokenScopes {
            $($(#[$doc])* pub const $constant: Self = Self($bits);)*
        }

        /// Every scope that can be asked for, with its word.
        pub const SCOPES: &[(&str, TokenScopes)] = &[$(($word, TokenScopes::$constant)),*];
    };
}

const fn bit(n: u32) -> u64 {
    1 << n
}

scopes! {
    /// Everything the owner may do.
    FULL = "app_token", u64::MAX;
    /// See secure files.
    SECURE_FILES_READ = "vso.securefiles_read", bit(0);
    /// See and create secure files.
    SECURE_FILES_WRITE = "vso.securefiles_write", bit(0) | bit(1);
    /// See, create, change and delete secure files.
    SECURE_FILES_MANAGE = "vso.securefiles_manage", bit(0) | bit(1) | bit(2);
    /// See pipelines, runs, logs and pipeline permissions.
    BUILD = "vso.build", bit(3);
    /// See and change pipelines, queue and cancel runs.
    BUILD_EXECUTE = "vso.build_execute", bit(3) | bit(4);
    /// Act on approvals and checks.
    PIPELINE_RESOURCES_USE = "vso.pipelineresources_use", bit(3) | bit(5);
    /// Change pipeline permissions and checks.
    PIPELINE_RESOURCES_MANAGE = "vso.pipelineresources_manage", bit(3) | bit(5) | bit(6);
    /// See projects.
    PROJECT = "vso.project", bit(7);
    /// See, create and change projects.
    PROJECT_MANAGE = "vso.project_manage", bit(7) | bit(8);
    /// See people and groups.
    GRAPH = "vso.graph", bit(9);
    /// See and change people and groups.
    GRAPH_MANAGE = "vso.graph_manage", bit(9) | bit(10);
    /// See and change roles and access control lists.
    SECURITY_MANAGE = "vso.security_manage", bit(11);
    /// See agent pools.
    AGENT_POOLS = "vso.agentpools", bit(12);
    /// See and change agent pools, register agents.
    AGENT_POOLS_MANAGE = "vso.agentpools_manage", bit(12) | bit(13);
    /// Make and revoke tokens.
    TOKENS = "vso.tokens", bit(14);
    /// Read the audit log.
    AUDIT_LOG = "vso.auditlog", bit(15);
    /// Change audit streams.
    AUDIT_STREAMS_MANAGE = "vso.auditstreams_manage", bit(15) | bit(16);
    /// Read metrics. Ours: the original has none.
    METRICS = "coffer.metrics", bit(17);
}

impl TokenScopes {
    /// No scope at all: for acts that no personal access token does, or that need none.
    pub const NONE: Self = Self(0);

    /// The set that a list of words names. None if a word is not known.
    pub fn parse(words: &str) -> Option<Self> {
        words
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .try_fold(Self::NONE, |all, word| {
                let (_, found) = SCOPES
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(word))?;
                Some(Self(all.0 | found.0))
            })
    }

    /// The words that name this set, shortest list first found: those of its parts that no other part covers.
    pub fn words(self) -> String {
        if self == Self::FULL {
            return "app_token".to_owned();
        }
        let parts: Vec<_> = SCOPES
            .iter()
            .filter(|(_, part)| self.cover(*part))
            .collect();
        let alone = parts.iter().filter(|(_, part)| {
            let wider = |other: &Self| other != part && other.cover(*part);
            !parts.iter().any(|(_, other)| wider(other))
        });
        alone.map(|(word, _)| *word).collect::<Vec<_>>().join(" ")
    }

    /// Whether a token with this set may be used where `needed` is.
    pub fn cover(self, needed: Self) -> bool {
        self.0 & needed.0 == needed.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wider_scope_covers_the_narrower_and_not_the_other_way_round() {
        let manage = TokenScopes::SECURE_FILES_MANAGE;
        assert!(manage.cover(TokenScopes::SECURE_FILES_READ));
        assert!(!TokenScopes::SECURE_FILES_READ.cover(manage));
        assert!(
            SCOPES
                .iter()
                .all(|(_, scope)| TokenScopes::FULL.cover(*scope))
        );
    }

    #[test]
    fn words_are_read_in_any_case_and_unknown_ones_are_refused() {
        let read = TokenScopes::parse("VSO.Build vso.securefiles_read");
        assert!(read.unwrap().cover(TokenScopes::BUILD));
        assert!(!read.unwrap().cover(TokenScopes::GRAPH));
        assert_eq!(TokenScopes::parse("vso.build,vso.unheard_of"), None);
        assert_eq!(TokenScopes::parse(""), Some(TokenScopes::NONE));
    }

    #[test]
    fn a_set_names_itself_and_is_read_back() {
        for (word, set) in SCOPES {
            assert_eq!(set.words(), *word);
        }
        let two =
            TokenScopes::parse("vso.build vso.securefiles_manage vso.securefiles_read").unwrap();
        assert_eq!(two.words(), "vso.securefiles_manage vso.build");
        assert_eq!(TokenScopes::parse(&two.words()), Some(two));
        assert_eq!(TokenScopes::NONE.words(), "");
    }

    #[test]
    fn every_word_and_every_set_is_there_once() {
        for (i, (word, set)) in SCOPES.iter().enumerate() {
            assert!(SCOPES[..i].iter().all(|(w, s)| w != word && s != set));
        }
    }
}
