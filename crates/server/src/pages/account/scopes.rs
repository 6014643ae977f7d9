//! What each scope of a token lets it do, in words for who makes one. It must not know tokens.

/// Scopes about one thing.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) scopes: &'static [Scope],
}

/// A scope.
pub(crate) struct Scope {
    /// Its word.
    pub(crate) word: &'static str,
    /// What a token with it may do.
    pub(crate) what: &'static str,
    /// The same in a list, with what it is about.
    short: &'static str,
}

const fn scope(word: &'static str, what: &'static str, short: &'static str) -> Scope {
    Scope { word, what, short }
}

/// The scope that is everything. It stands apart.
pub(crate) const FULL: &str = "app_token";

/// All but [`FULL`].
pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "Secure files",
        scopes: &[
            scope(
                "vso.securefiles_read",
                "See secure files, never their content",
                "see secure files",
            ),
            scope(
                "vso.securefiles_write",
                "See and upload them",
                "upload secure files",
            ),
            scope(
                "vso.securefiles_manage",
                "See, upload, change and delete them",
                "manage secure files",
            ),
        ],
    },
    Group {
        name: "Pipelines and runs",
        scopes: &[
            scope(
                "vso.build",
                "See pipelines, runs, logs and pipeline permissions",
                "see pipelines and runs",
            ),
            scope(
                "vso.build_execute",
                "Also change pipelines, start and cancel runs",
                "change and run pipelines",
            ),
            scope(
                "vso.pipelineresources_use",
                "See pipelines, and act on approvals and checks",
                "act on checks",
            ),
            scope(
                "vso.pipelineresources_manage",
                "Also permit pipelines to use secure files, and take that back",
                "change pipeline permissions",
            ),
        ],
    },
    Group {
        name: "Projects, people and rights",
        scopes: &[
            scope("vso.project", "See projects", "see projects"),
            scope(
                "vso.project_manage",
                "See, create and change projects",
                "manage projects",
            ),
            scope(
                "vso.graph",
                "See people and groups",
                "see people and groups",
            ),
            scope(
                "vso.graph_manage",
                "See and change people and groups",
                "manage people and groups",
            ),
            scope(
                "vso.security_manage",
                "See and change roles and access control lists",
                "manage roles",
            ),
            scope(
                "vso.tokens",
                "Make and revoke tokens, none good for more than itself",
                "make and revoke tokens",
            ),
        ],
    },
    Group {
        name: "Agents, the audit log and metrics",
        scopes: &[
            scope("vso.agentpools", "See agents", "see agents"),
            scope(
                "vso.agentpools_manage",
                "See, register and remove agents",
                "manage agents",
            ),
            scope("vso.auditlog", "Read the audit log", "read the audit log"),
            scope(
                "vso.auditstreams_manage",
                "Read the audit log and change where it is sent",
                "manage audit streams",
            ),
            scope(
                "coffer.metrics",
                "Read metrics, of who may look at keys",
                "read metrics",
            ),
        ],
    },
];

/// What a list of scopes lets a token do, for a list of tokens.
pub(crate) fn told(words: &str) -> Vec<String> {
    let short = |word: &str| {
        let mut all = GROUPS.iter().flat_map(|group| group.scopes);
        let known = all.find(|scope| scope.word == word);
        match known {
            Some(scope) => scope.short.to_owned(),
            None if word == FULL => "everything".to_owned(),
            None => word.to_owned(),
        }
    };
    words.split_whitespace().map(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_model::scope::SCOPES;

    #[test]
    fn every_scope_is_offered_once() {
        let mut offered: Vec<_> = GROUPS
            .iter()
            .flat_map(|group| group.scopes)
            .map(|scope| scope.word)
            .collect();
        offered.push(FULL);
        offered.sort_unstable();
        let mut there: Vec<_> = SCOPES.iter().map(|(word, _)| *word).collect();
        there.sort_unstable();
        assert_eq!(offered, there);
    }

    #[test]
    fn what_a_token_is_good_for_is_told_in_words() {
        assert_eq!(
            told("vso.securefiles_read app_token vso.new"),
            ["see secure files", "everything", "vso.new"]
        );
    }
}
