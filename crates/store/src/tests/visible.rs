//! What a list shows is what the gate decides, for random groups, entries, denies and inheritance.

use super::home::{Home, entropy};
use super::world::{World, person};
use crate::sql::{Statement, args};
use crate::{Counted, FilePageQuery, FileQuery, FileSort, NewIdentity, PageFrom, ReadTx};
use coffer_model::access::{Entry, LIBRARY, Scope, effective, file_token, library, library_token};
use coffer_model::act::{CreateProject, Demand, Requirement, UseFile};
use coffer_model::library::IdentityKind;
use coffer_model::policy::{Facts, decide};
use coffer_model::{
    AgentId, Authentication, Caller, CredentialId, FileId, IdentityId, JobId, PipelineId,
    ProjectId, RunId, TokenScopes,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::collections::BTreeSet;

/// Identities of a random world: the caller, four groups, and one that the caller has nothing to do with.
const IDENTITIES: usize = 6;
const FILES: usize = 3;

const ENTRY: Statement = Statement {
    name: "entry",
    sqlite: "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits)
        values ($1, $2, $3, $4, $5) on conflict do nothing",
    postgres: "insert into access_entry (namespace_id, token, identity_id, allow_bits, deny_bits)
        values ($1, $2, $3, $4, $5) on conflict do nothing",
};
const LIST: Statement = Statement {
    name: "list",
    sqlite: "insert into access_list (namespace_id, token, inherits) values ($1, $2, $3)",
    postgres: "insert into access_list (namespace_id, token, inherits) values ($1, $2, $3)",
};
const FILE: Statement = Statement {
    name: "file",
    sqlite: "insert into secure_file (id, project_id, name, name_key, access_token, size, preamble, sealed, sealed_length,
            sealed_sha256, created_by, created_at, modified_by, modified_at)
        values ($1, $2, $3, $4, $5, 1, $6, $6, 1, $6, $7, 1, $7, 1)",
    postgres: "insert into secure_file (id, project_id, name, name_key, access_token, size, preamble, sealed, sealed_length,
            sealed_sha256, created_by, created_at, modified_by, modified_at)
        values ($1, $2, $3, $4, $5, 1, $6, $6, 1, $6, $7, 1, $7, 1)",
};
const DISABLE: Statement = Statement {
    name: "disable",
    sqlite: "update identity set disabled_at = 1 where id = $1",
    postgres: "update identity set disabled_at = 1 where id = $1",
};

#[derive(Clone, Debug)]
struct Random {
    /// (member, group), also groups in groups and in circles.
    memberships: Vec<(usize, usize)>,
    /// (place: 0 is the library, else a file; identity; allow; deny)
    entries: Vec<(usize, usize, i64, i64)>,
    /// What each file's list says of inheritance, if it has one.
    inherits: Vec<Option<bool>>,
    disabled: bool,
    authentication: u8,
}

fn bits() -> impl Strategy<Value = i64> {
    prop::collection::vec(
        prop::sample::select(vec![library::VIEW, library::USE, library::ADMINISTER]),
        0..3,
    )
    .prop_map(|bits| bits.into_iter().fold(0, |all, bit| all | bit))
}

fn random() -> impl Strategy<Value = Random> {
    (
        prop::collection::vec((0..5_usize, 1..5_usize), 0..7),
        prop::collection::vec(
            (
                0..=FILES,
                0..IDENTITIES,
                bits(),
                prop_oneof![3 => Just(0), 1 => bits()],
            ),
            0..12,
        ),
        prop::collection::vec(prop::option::of(any::<bool>()), FILES),
        prop::bool::weighted(0.05),
        prop_oneof![8 => Just(0), 2 => Just(1), 1 => 2..5_u8],
    )
        .prop_map(
            |(memberships, mut entries, inherits, disabled, authentication)| {
                // One entry for each place and identity.
                let mut taken = BTreeSet::new();
                entries.retain(|(place, identity, ..)| taken.insert((*place, *identity)));
                Random {
                    memberships,
                    entries,
                    inherits,
                    disabled,
                    authentication,
                }
            },
        )
}

impl Random {
    /// The caller and all groups the caller is in.
    fn circle(&self) -> BTreeSet<usize> {
        let mut circle = BTreeSet::from([0]);
        loop {
            let reached = self
                .memberships
                .iter()
                .filter(|(member, _)| circle.contains(member))
                .map(|(_, group)| *group);
            let grown: BTreeSet<usize> = circle.iter().copied().chain(reached).collect();
            if grown == circle {
                return circle;
            }
            circle = grown;
        }
    }

    fn caller(&self, world: &World, project: ProjectId, identity: IdentityId) -> Caller {
        let credential = CredentialId::random(&*entropy());
        let authentication = match self.authentication {
            0 => Authentication::Token {
                credential,
                scopes: TokenScopes::FULL,
            },
            1 => Authentication::Job {
                credential,
                job: JobId::random(&*entropy()),
                run: RunId(1),
                pipeline: PipelineId(1),
                project,
            },
            2 => Authentication::Agent {
                agent: AgentId::random(&*entropy()),
            },
            3 => Authentication::AgentRegistration { credential },
            _ => Authentication::System { duty: "test" },
        };
        Caller {
            authentication,
            ..person(world.organization, identity, "somebody")
        }
    }

    /// What the pure decision says of a file and a bit.
    fn decides(
        &self,
        caller: &Caller,
        ids: &[IdentityId],
        scope: Scope,
        file: usize,
        bit: i64,
    ) -> bool {
        let circle = self.circle();
        let entries: Vec<Entry> = self
            .entries
            .iter()
            .filter(|(place, identity, ..)| {
                circle.contains(identity) && (*place == 0 || *place == file + 1)
            })
            .map(|(place, identity, allow, deny)| Entry {
                own: *place != 0,
                identity: ids[*identity],
                allow: *allow,
                deny: *deny,
            })
            .collect();
        let facts = Facts {
            exists: true,
            bits: effective(&entries, self.inherits[file].unwrap_or(true)),
            active: !self.disabled,
            fresh: false,
            ..Facts::default()
        };
        let demand = Demand {
            requirement: Requirement::Right {
                scope,
                bit,
                view: library::VIEW,
            },
            scopes: TokenScopes::SECURE_FILES_READ,
            fresh: false,
            shown: false,
        };
        decide(caller, &demand, &facts).is_ok()
    }

    async fn check(&self, world: &World) -> Result<(), TestCaseError> {
        let project = ProjectId::random(&*entropy());
        let ids: Vec<IdentityId> = (0..IDENTITIES)
            .map(|_| IdentityId::random(&*entropy()))
            .collect();
        let files: Vec<FileId> = (0..FILES).map(|_| FileId::random(&*entropy())).collect();
        self.build(world, project, ids.clone(), files.clone()).await;
        let caller = self.caller(world, project, ids[0]);
        let mut read = world.store.read().await.unwrap();
        for bits in [
            library::VIEW,
            library::USE,
            library::ADMINISTER,
            library::VIEW | library::USE | library::ADMINISTER,
        ] {
            let expected: BTreeSet<FileId> = (0..FILES)
                .filter(|file| {
                    let scope = Scope::File(project, files[*file]);
                    [library::VIEW, library::USE, library::ADMINISTER]
                        .into_iter()
                        .filter(|bit| bits & bit != 0)
                        .all(|bit| self.decides(&caller, &ids, scope, *file, bit))
                })
                .map(|file| files[file])
                .collect();
            let all = read
                .files_visible(&caller, project, bits, &FileQuery::All)
                .await
                .unwrap();
            prop_assert_eq!(
                all.iter().map(|file| file.id).collect::<BTreeSet<_>>(),
                expected.clone(),
                "all, {}",
                bits
            );
            if bits == library::VIEW {
                self.check_pages(&mut read, &caller, project, &files, &expected)
                    .await?;
            }
            for (n, file) in files.iter().enumerate() {
                let one = expected.contains(file);
                for query in [
                    FileQuery::id(*file),
                    FileQuery::Names(vec![format!("FILE{n}.P12"), "absent".into()]),
                ] {
                    let found = read
                        .files_visible(&caller, project, bits, &query)
                        .await
                        .unwrap();
                    let found: Vec<FileId> = found.into_iter().map(|file| file.id).collect();
                    prop_assert_eq!(
                        found,
                        if one { vec![*file] } else { Vec::new() },
                        "{:?}, {}",
                        query,
                        bits
                    );
                }
                let elsewhere = read
                    .files_visible(&caller, world.other, bits, &FileQuery::id(*file))
                    .await
                    .unwrap();
                prop_assert!(elsewhere.is_empty());
            }
        }
        for (n, file) in files.iter().enumerate() {
            let may = read
                .may(
                    &caller,
                    &UseFile {
                        project,
                        file: *file,
                    },
                )
                .await
                .unwrap();
            let scope = Scope::File(project, *file);
            prop_assert_eq!(
                may,
                self.decides(&caller, &ids, scope, n, library::USE),
                "the gate, file {}",
                n
            );
        }
        Ok(())
    }

    /// Pages show the same files, in every order and from both ends, count them, and say what may be done with each.
    async fn check_pages(
        &self,
        read: &mut ReadTx,
        caller: &Caller,
        project: ProjectId,
        files: &[FileId],
        expected: &BTreeSet<FileId>,
    ) -> Result<(), TestCaseError> {
        let all: Vec<FileId> = files
            .iter()
            .copied()
            .filter(|file| expected.contains(file))
            .collect();
        for (sort, descending, top) in [
            (FileSort::Name, false, 50),
            (FileSort::Name, true, 1),
            (FileSort::ModifiedOn, true, 2),
            (FileSort::ModifiedOn, false, 1),
            (FileSort::CreatedOn, false, 2),
            (FileSort::CreatedOn, true, 3),
        ] {
            let mut order = all.clone();
            if descending {
                order.reverse();
            }
            let mut query = FilePageQuery {
                search: Some("FILE".into()),
                sort,
                descending,
                from: PageFrom::Start(0),
                top,
            };
            let mut shown = Vec::new();
            loop {
                query.from = PageFrom::Start(shown.len() as u64);
                let page = read.files_page(caller, project, &query).await.unwrap();
                prop_assert_eq!(page.total, exactly(all.len()), "{:?}", query);
                prop_assert_eq!(page.is_after, !shown.is_empty());
                for (file, standing) in &page.items {
                    let act = UseFile {
                        project,
                        file: file.id,
                    };
                    let may = read.may(caller, &act).await.unwrap();
                    prop_assert_eq!(standing.may(&act), may, "what may be done");
                    shown.push(file.id);
                }
                if !page.is_before {
                    break;
                }
            }
            prop_assert_eq!(&shown, &order, "{:?}", query);
            query.from = PageFrom::End(0);
            let page = read.files_page(caller, project, &query).await.unwrap();
            let last: Vec<FileId> = page.items.iter().map(|(file, _)| file.id).collect();
            let begins = order.len().saturating_sub(top as usize);
            prop_assert_eq!(&last[..], &order[begins..], "the end, {:?}", query);
            prop_assert_eq!(page.before, Some(begins as u64));
            prop_assert_eq!((page.is_after, page.is_before), (begins > 0, false));
        }
        for (n, file) in files.iter().enumerate() {
            let query = FilePageQuery {
                search: Some(format!(" E{n}.P ")),
                sort: FileSort::Name,
                descending: false,
                from: PageFrom::Start(0),
                top: 5,
            };
            let page = read.files_page(caller, project, &query).await.unwrap();
            let found: Vec<FileId> = page.items.iter().map(|(file, _)| file.id).collect();
            let one = expected.contains(file);
            prop_assert_eq!(found, if one { vec![*file] } else { Vec::new() }, "{}", n);
            let elsewhere = read.files_page(caller, ProjectId(uuid::Uuid::nil()), &query);
            prop_assert!(elsewhere.await.unwrap().items.is_empty());
        }
        Ok(())
    }

    async fn build(
        &self,
        world: &World,
        project: ProjectId,
        ids: Vec<IdentityId>,
        files: Vec<FileId>,
    ) {
        let (random, admin, organization) = (self.clone(), world.admin.clone(), world.organization);
        unit!(world.store, (random, admin, ids, files), |tx| {
            let grant = tx
                .authorize(
                    &admin,
                    CreateProject {
                        organization,
                        project,
                    },
                )
                .await?;
            tx.project_insert(grant, &admin, &project.to_string())
                .await?;
            for (n, id) in ids.iter().enumerate() {
                let kind = if n == 0 {
                    IdentityKind::User
                } else {
                    IdentityKind::Group
                };
                let unique_name = id.to_string();
                tx.identity_insert(&NewIdentity {
                    id: *id,
                    kind,
                    project: None,
                    display_name: unique_name.clone(),
                    unique_name,
                })
                .await?;
            }
            for (member, group) in &random.memberships {
                tx.membership_insert(ids[*group], ids[*member]).await?;
            }
            for (n, file) in files.iter().enumerate() {
                let (name, token) = (format!("file{n}.p12"), file_token(project, *file));
                let values = args![
                    file.0,
                    project.0,
                    &name,
                    &name,
                    &token,
                    vec![0_u8; 32],
                    ids[0].0
                ];
                tx.run_one(&FILE, values).await?;
                if let Some(inherits) = random.inherits[n] {
                    tx.run_one(&LIST, args![LIBRARY.0, &token, i64::from(inherits)])
                        .await?;
                }
            }
            for (place, identity, allow, deny) in &random.entries {
                let token = match place {
                    0 => library_token(project),
                    file => file_token(project, files[*file - 1]),
                };
                tx.run_one(
                    &ENTRY,
                    args![LIBRARY.0, token, ids[*identity].0, *allow, *deny],
                )
                .await?;
            }
            if random.disabled {
                tx.run_one(&DISABLE, args![ids[0].0]).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    }
}

fn exactly(count: usize) -> Counted {
    Counted {
        count: count as u64,
        or_more: false,
    }
}

/// As many random worlds as `cases`, each a project of one database.
fn worlds(cases: u32, home: Home) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(home.tell(|home| async move {
        let world = World::new(&home).await;
        let handle = tokio::runtime::Handle::current();
        let config = Config {
            cases,
            failure_persistence: None,
            max_shrink_iters: 200,
            ..Config::default()
        };
        tokio::task::block_in_place(|| {
            let mut runner = TestRunner::new(config);
            let result = runner.run(&random(), |random| handle.block_on(random.check(&world)));
            if let Err(error) = result {
                panic!("{error}");
            }
        });
    }));
}

#[test]
fn lists_and_the_gate_agree_on_sqlite() {
    worlds(48, Home::sqlite());
}

#[test]
fn lists_and_the_gate_agree_on_postgres() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let name = concat!(module_path!(), "::lists_and_the_gate_agree_on_postgres");
    if let Some(home) = runtime.block_on(Home::postgres(name)) {
        worlds(12, home);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_finds_entries_by_their_key() {
    // By identity it would look at every file's entries of a person, for every file.
    let home = Home::sqlite();
    home.open().await.close().await;
    let statements = || {
        let pages = crate::file_pages::ALL.iter();
        let standing = crate::standing::ALL.iter();
        crate::file_lists::ALL.iter().chain(pages).chain(standing)
    };
    for statement in statements() {
        let plan = home.plan(statement.sqlite).await;
        let has = |text: &str| plan.iter().any(|step| step.contains(text));
        assert!(!has("SCAN e") && !has("SCAN f"), "{plan:#?}");
        if statement.name.contains("INHERITED") || statement.name.contains("VISIBLE_BY") {
            assert!(has("SEARCH e USING"), "{plan:#?}");
            assert!(!has("access_entry_library"), "{plan:#?}");
        }
        if statement.sqlite.contains("k.key") {
            // What is asked for by name is looked up, however much else there is.
            assert!(
                has("(access_token=?)") || has("(project_id=? AND name_key=?)"),
                "{}: {plan:#?}",
                statement.name
            );
        }
        if ["::OWN_", "_OWN"]
            .iter()
            .any(|own| statement.name.contains(own) && !statement.name.ends_with("_DOWN"))
        {
            assert!(
                has("access_entry_library (identity_id=? AND namespace_id=? AND <expr>=?)"),
                "{plan:#?}"
            );
            assert!(has("SEARCH f USING INDEX"), "{plan:#?}");
        }
    }
}
