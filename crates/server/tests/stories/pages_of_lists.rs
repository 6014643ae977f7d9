//! What pages are made of, asked of the use cases: pages of files, pipelines, runs, projects and people, what used a file and
//! what happened to it, and what somebody may do. The gate's answers, and nothing on record.

use crate::roles::project_id;
use crate::{Cast, yaml};
use coffer_model::descriptor;
use coffer_model::library::{Identity, IdentityKind};
use coffer_model::{
    Authentication, Caller, CredentialId, FileId, PipelineId, ProjectId, RunId, TokenScopes,
};
use coffer_service::{
    Error, FileMay, FilePageQuery, FileSort, Kind, LibraryMay, PageFrom, PipelineMay,
};
use coffer_testkit::{TestServer, both, group};
use coffer_wire::pipelines::Pipeline;
use coffer_wire::secure_files::SecureFile;
use serde_json::json;
use uuid::Uuid;

async fn project(server: &TestServer) -> ProjectId {
    ProjectId(Uuid::parse_str(&project_id(server).await).unwrap())
}

fn id(file: &SecureFile) -> FileId {
    FileId(Uuid::parse_str(&file.id).unwrap())
}

fn of(pipeline: &Pipeline) -> PipelineId {
    PipelineId(pipeline.id)
}

fn by_name(search: Option<&str>, skip: u64, top: u32) -> FilePageQuery {
    FilePageQuery {
        search: search.map(str::to_owned),
        sort: FileSort::Name,
        descending: false,
        from: PageFrom::Start(skip),
        top,
    }
}

fn kind<T: std::fmt::Debug>(answer: Result<T, Error>) -> Kind {
    answer.unwrap_err().kind
}

fn names(found: &[Identity]) -> Vec<&str> {
    found
        .iter()
        .map(|found| found.display_name.as_str())
        .collect()
}

/// Denies somebody the rights of pipelines that `bits` are, at one of them.
async fn deny(server: &TestServer, who: &Caller, at: &str, bits: i64) {
    let path = "_apis/accesscontrolentries/33344d9c-fc72-4d6f-aba5-fa317101a7e9";
    let who = descriptor::identity(IdentityKind::User, who.identity, "");
    let body = json!({"token": at, "merge": false, "accessControlEntries": [
        {"descriptor": who, "allow": 0, "deny": bits, "extendedInfo": {}},
    ]});
    let administrator = server.administrator();
    let answer = administrator.call("POST", path).json(&body).send().await;
    answer.ok();
}

/// Records about files, pipelines and rights.
async fn records(server: &TestServer) -> i64 {
    let sql = "select count(*) from audit_event where action like 'SecureFile.%' or action like 'Pipelines.%' \
        or action like 'Security.%' or action like 'Library.%'";
    server.database().number(sql).await
}

fn nobody_else(may: FileMay) -> FileMay {
    FileMay {
        see_roles: true,
        see_permits: true,
        ..may
    }
}

both! {
    async fn a_page_of_files_is_a_part_of_the_list_with_what_may_be_done(server) {
        let (engineer, developer) = (server.release_engineer().await, server.developer().await);
        let project = project(&server).await;
        for name in ["b.p12", "a.p12", "100%.p12", "C.P12"] {
            engineer.upload(name, b"x").await;
        }
        let own = developer.upload("mine.p12", b"x").await;
        let files = server.service().files();
        let caller = server.caller(&developer).await;
        let page = files.page(&caller, project, by_name(None, 1, 2)).await.unwrap();
        let shown: Vec<&str> = page.items.iter().map(|row| row.file.name.as_str()).collect();
        assert_eq!(shown, ["a.p12", "b.p12"]);
        assert_eq!((page.total.count, page.before, page.is_after, page.is_before), (5, Some(1), true, true));
        let found = files.page(&caller, project, by_name(Some("%"), 0, 50)).await.unwrap();
        assert_eq!((found.items.len(), found.total.count), (1, 1));
        let every = files.page(&caller, project, by_name(Some("P12"), 0, 5000)).await.unwrap();
        let list = developer.file_names().await;
        let shown: Vec<String> = every.items.iter().map(|row| row.file.name.clone()).collect();
        assert_eq!(shown, list);
        for row in &every.items {
            let is_own = row.file.id == id(&own);
            assert_eq!((row.may.manage, row.may.delete, row.may.permit), (is_own, is_own, is_own), "{}", row.file.name);
            let alone = server.service().may_file(&caller, project, row.file.id).await.unwrap();
            assert_eq!(row.may, alone, "{}", row.file.name);
        }
        let stranger = server.person("eve", &[]).await;
        let stranger = server.caller(&stranger).await;
        let nothing = files.page(&stranger, project, by_name(None, 0, 50)).await.unwrap();
        assert!(nothing.items.is_empty() && nothing.total.count == 0);
    }

    async fn what_somebody_may_do_is_what_the_gate_would_say(server) {
        let cast = Cast::of(&server).await;
        let (project, file) = (project(&server).await, id(&cast.file));
        let service = server.service();
        let reader = server.person("reader", &[group::READERS]).await;
        let stranger = server.person("eve", &[]).await;
        let before = records(&server).await;
        let everything = FileMay {
            manage: true, delete: true, see_roles: true, administer: true, see_permits: true, permit: true, open: true,
            use_it: true, freeze: true, explain: true, see_history: true,
        };
        for (who, wanted) in [
            (&cast.engineer, everything),
            (&cast.developer, nobody_else(FileMay::default())),
            (&reader, nobody_else(FileMay::default())),
        ] {
            let caller = server.caller(who).await;
            assert_eq!(service.may_file(&caller, project, file).await.unwrap(), wanted, "{}", who.name);
        }
        for (who, create, administer) in [(&cast.engineer, true, true), (&cast.developer, true, false), (&reader, false, false)] {
            let caller = server.caller(who).await;
            let may = service.may_library(&caller, project).await.unwrap();
            assert_eq!(may, LibraryMay { view: true, create, create_open: create, see_roles: true, administer }, "{}", who.name);
        }
        for (who, queue) in [(&cast.developer, true), (&reader, false)] {
            let caller = server.caller(who).await;
            let may = service.may_pipeline(&caller, project, of(&cast.pipeline)).await.unwrap();
            let wanted = PipelineMay { view: true, edit: queue, queue, see_runs: true, cancel: queue };
            assert_eq!(may, wanted, "{}", who.name);
            assert_eq!(service.may_pipelines(&caller, project).await.unwrap().create, queue);
        }
        let caller = server.caller(&stranger).await;
        assert_eq!(kind(service.may_file(&caller, project, file).await), Kind::NotFound);
        assert_eq!(kind(service.may_pipeline(&caller, project, of(&cast.pipeline)).await), Kind::NotFound);
        assert_eq!(service.may_library(&caller, project).await.unwrap(), LibraryMay::default());
        let absent = FileId(Uuid::from_u128(7));
        let engineer = server.caller(&cast.engineer).await;
        assert_eq!(kind(service.may_file(&engineer, project, absent).await), Kind::NotFound);
        assert_eq!(records(&server).await, before, "who asks for a page leaves no record");
    }

    async fn the_uses_of_a_file_are_told_as_far_as_its_runs_are_seen(server) {
        let cast = Cast::permitted(&server).await;
        let (project, file) = (project(&server).await, id(&cast.file));
        let files = server.service().files();
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        for _ in 0..2 {
            assert_eq!(job.download_own(&server).await.body, cast.content);
        }
        agent.finish(&job, "succeeded").await.unwrap();
        let later = cast.developer.run(&cast.pipeline).await;
        let other = cast.developer.pipeline("other", &yaml(&[])).await;
        cast.developer.run(&other).await;

        let engineer = server.caller(&cast.engineer).await;
        let all = files.usage(&engineer, project, file, None, 50).await.unwrap();
        let runs: Vec<i64> = all.items.iter().map(|used| used.run.0).collect();
        assert_eq!((runs, all.next), (vec![later.id, run.id], None), "newest first, and none that does not use it");
        let used = &all.items[1];
        assert_eq!((used.pipeline_name.as_str(), used.requested_by.display_name.as_str()), ("build", "dev"));
        assert_eq!((used.jobs.len(), used.jobs[0].downloads), (1, 2));
        assert!(used.jobs[0].last_download.is_some() && used.jobs[0].finished_at.is_some());
        assert_eq!(all.items[0].jobs[0].downloads, 0);
        let first = files.usage(&engineer, project, file, None, 1).await.unwrap();
        assert_eq!((first.items.len(), first.items[0].run.0), (1, later.id));
        let rest = files.usage(&engineer, project, file, first.next, 1).await.unwrap();
        assert_eq!((rest.items[0].run.0, rest.next), (run.id, None));

        let would = files.pipelines_using(&engineer, project, file).await.unwrap();
        assert_eq!((would.pipelines.len(), would.hidden, would.open), (1, 0, false));
        let miss = &would.pipelines[0];
        assert!(miss.permitted && miss.in_newest_run);
        assert_eq!((miss.runs_in_30_days, miss.runs_in_90_days), (2, 2));
        assert_eq!(miss.last_run.as_ref().unwrap().0, RunId(later.id));

        // A token that is good for files alone is told of no run and of no pipeline.
        let narrow = Caller {
            authentication: Authentication::Token {
                credential: CredentialId(Uuid::from_u128(9)),
                scopes: TokenScopes::SECURE_FILES_READ,
            },
            ..engineer.clone()
        };
        assert!(files.usage(&narrow, project, file, None, 50).await.unwrap().items.is_empty());
        let would = files.pipelines_using(&narrow, project, file).await.unwrap();
        assert_eq!((would.pipelines.len(), would.hidden), (0, 0));

        // Who may not see the pipeline is told of none of its runs; who may delete the file hears that there is one.
        let token = format!("{project}/{}", cast.pipeline.id);
        deny(&server, &engineer, &token, 1).await;
        assert!(files.usage(&engineer, project, file, None, 50).await.unwrap().items.is_empty());
        let would = files.pipelines_using(&engineer, project, file).await.unwrap();
        assert_eq!(would.pipelines[0].last_run, None);
        deny(&server, &engineer, &token, 1 | 1024).await;
        let would = files.pipelines_using(&engineer, project, file).await.unwrap();
        assert_eq!((would.pipelines.len(), would.hidden), (0, 1));
        let developer = server.caller(&cast.developer).await;
        deny(&server, &developer, &token, 1 | 1024).await;
        let would = files.pipelines_using(&developer, project, file).await.unwrap();
        assert_eq!((would.pipelines.len(), would.hidden), (0, 0), "a reader of the file hears of no number");

        let stranger = server.person("eve", &[]).await;
        let stranger = server.caller(&stranger).await;
        for (caller, file) in [(&stranger, file), (&engineer, FileId(Uuid::from_u128(7)))] {
            assert_eq!(kind(files.usage(caller, project, file, None, 50).await), Kind::NotFound);
            assert_eq!(kind(files.pipelines_using(caller, project, file).await), Kind::NotFound);
        }
    }

    async fn a_pipeline_that_used_a_file_long_ago_would_not_miss_it(server) {
        let mut server = server;
        let cast = Cast::of(&server).await;
        let (project, file) = (project(&server).await, id(&cast.file));
        let engineer = server.caller(&cast.engineer).await;
        cast.developer.run(&cast.pipeline).await;
        let would = server.service().files().pipelines_using(&engineer, project, file).await.unwrap();
        assert!(would.pipelines[0].in_newest_run && !would.pipelines[0].permitted);
        // A newer run, of another plan.
        let pipelines = cast.developer.client.pipelines(coffer_testkit::PROJECT);
        pipelines.update(cast.pipeline.id, "build", "azure-pipelines.yml", &yaml(&[])).await.unwrap();
        cast.developer.run(&cast.pipeline).await;
        let permitted = cast.developer.pipeline("permitted", &yaml(&[])).await;
        cast.engineer.permit(&cast.file, &permitted, true).await.unwrap();
        let would = server.service().files().pipelines_using(&engineer, project, file).await.unwrap();
        let told: Vec<(i64, bool, bool, u64)> = would
            .pipelines
            .iter()
            .map(|one| (one.id.0, one.permitted, one.in_newest_run, one.runs_in_30_days))
            .collect();
        assert_eq!(told, [(cast.pipeline.id, false, false, 1), (permitted.id, true, false, 0)]);
        server.advance_clock(40 * 24 * 3600);
        let would = server.service().files().pipelines_using(&engineer, project, file).await.unwrap();
        assert_eq!((would.pipelines[0].runs_in_30_days, would.pipelines[0].runs_in_90_days), (0, 1));
        server.advance_clock(60 * 24 * 3600);
        let would = server.service().files().pipelines_using(&engineer, project, file).await.unwrap();
        let left: Vec<i64> = would.pipelines.iter().map(|one| one.id.0).collect();
        assert_eq!(left, [permitted.id]);
    }

    async fn the_history_of_a_file_is_for_who_administers_it_and_of_nothing_else(server) {
        let cast = Cast::permitted(&server).await;
        let (project, file) = (project(&server).await, id(&cast.file));
        let other = cast.engineer.upload("other.p12", b"x").await;
        let agent = server.agent("hand").await;
        let (run, job) = cast.job(&agent).await;
        job.download_own(&server).await.ok();
        cast.developer.call("DELETE", &cast.developer.file_path(&cast.file.id, "")).send().await.refused(403);
        let files = server.service().files();
        let engineer = server.caller(&cast.engineer).await;
        let audit = coffer_service::AuditQuery {
            filter: coffer_service::AuditFilter::default(), after: 0, before: i64::MAX, top: 10, newest_first: true,
        };
        assert_eq!(kind(server.service().audit().page(&engineer, audit).await), Kind::Forbidden, "no right on the log itself");
        let before = records(&server).await;
        let history = files.history(&engineer, project, file, None, 50).await.unwrap();
        assert_eq!(records(&server).await, before, "looking is not on record");
        let told: Vec<(&str, bool)> = history.items.iter().map(|event| (event.action.as_str(), event.allowed)).collect();
        assert_eq!(told, [
            ("SecureFile.Deleted", false),
            ("SecureFile.Downloaded", true),
            ("SecureFile.TicketIssued", true),
            ("Pipelines.ResourceAuthorizedForPipeline", true),
            ("SecureFile.Created", true),
        ]);
        assert_eq!(history.items[0].details["reason"], "role_missing");
        assert_eq!((history.items[1].run, history.items[1].job.is_some()), (Some(RunId(run.id)), true));
        assert_eq!(history.items[3].details["pipeline"], cast.pipeline.id.to_string());
        for event in &history.items {
            for hidden in ["session", "credential", "userAgent", "activity", "change", "changes"] {
                assert!(!event.details.contains_key(hidden), "{event:?}");
            }
            let text = format!("{event:?}");
            assert!(!text.contains(&other.id) && !text.contains("127.0.0.1"), "{text}");
        }
        let first = files.history(&engineer, project, file, None, 2).await.unwrap();
        let rest = files.history(&engineer, project, file, first.next, 50).await.unwrap();
        assert_eq!((first.items.len(), rest.items.len(), rest.next), (2, 3, None));
        assert_eq!(rest.items[0].action, "SecureFile.TicketIssued");

        let developer = server.caller(&cast.developer).await;
        assert_eq!(kind(files.history(&developer, project, file, None, 50).await), Kind::Forbidden);
        let stranger = server.person("eve", &[]).await;
        let stranger = server.caller(&stranger).await;
        assert_eq!(kind(files.history(&stranger, project, file, None, 50).await), Kind::NotFound);
        let foreign = ProjectId(Uuid::from_u128(7));
        assert_eq!(kind(files.history(&engineer, foreign, file, None, 50).await), Kind::NotFound);
    }

    async fn pickers_find_what_somebody_may_see(server) {
        let cast = Cast::of(&server).await;
        let project = project(&server).await;
        let developer = server.caller(&cast.developer).await;
        let service = server.service();
        for name in ["Alpha", "alphabet", "beta"] {
            cast.developer.pipeline(name, &yaml(&[])).await;
        }
        let waits = cast.developer.run(&cast.pipeline).await;
        let page = service.pipelines().page(&developer, project, "ALPHA", 0, 1).await.unwrap();
        assert_eq!((page.items[0].pipeline.name.as_str(), page.total.count, page.is_before), ("Alpha", 2, true));
        assert!(page.items[0].last_run.is_none());
        let page = service.pipelines().page(&developer, project, "", 0, 50).await.unwrap();
        let names_of: Vec<&str> = page.items.iter().map(|line| line.pipeline.name.as_str()).collect();
        assert_eq!(names_of, ["Alpha", "alphabet", "beta", "build"]);
        let last = page.items[3].last_run.as_ref().unwrap();
        assert_eq!((last.run.id.0, last.waits), (waits.id, true));
        assert!(service.pipelines().page(&developer, project, "_", 0, 50).await.unwrap().items.is_empty());

        let beta = cast.developer.client.pipelines(coffer_testkit::PROJECT).list().await.unwrap();
        let beta = beta.iter().find(|pipeline| pipeline.name == "beta").unwrap().clone();
        let quick = cast.developer.run(&beta).await;
        let runs = service.runs().page(&developer, project, None, None, 1).await.unwrap();
        assert_eq!((runs.items[0].run.id.0, runs.items[0].waits), (quick.id, false));
        assert_eq!(runs.items[0].run.pipeline.name, "beta");
        let older = service.runs().page(&developer, project, None, runs.next, 1).await.unwrap();
        assert_eq!((older.items[0].run.id.0, older.items[0].waits, older.next), (waits.id, true, None));
        let of_one = service.runs().page(&developer, project, Some(of(&beta)), None, 50).await.unwrap();
        assert_eq!(of_one.items.len(), 1);
        let shown = service.runs().show(&developer, project, RunId(waits.id)).await.unwrap();
        assert_eq!(shown.run.waiting_for.len(), 1);
        assert!(shown.may.cancel && !shown.run.waiting_for[0].you_may_permit);
        assert_eq!(shown.run.waiting_for[0].who_may_permit[0], "rel");
        assert!(shown.timeline.records.iter().any(|record| record.name == "Permission needed"));
        let engineer = server.caller(&cast.engineer).await;
        let shown = service.runs().show(&engineer, project, RunId(waits.id)).await.unwrap();
        assert!(shown.run.waiting_for[0].you_may_permit);

        // The developer is no administrator, and finds colleagues.
        let directory = service.directory();
        assert_eq!(names(&directory.suggest(&developer, Some(project), "RE", 3).await.unwrap()), ["Readers", "rel", "Release Administrators"]);
        let found = directory.suggest(&developer, Some(project), "build service", 10).await.unwrap();
        assert!(found.iter().all(|found| found.kind == IdentityKind::Service && found.project.is_some()) && found.len() == 1);
        let projects = service.projects().page(&developer, "DESK", 0, 10).await.unwrap();
        assert_eq!((projects.items.len(), projects.total.count), (1, 1));
        assert!(service.projects().page(&developer, "%", 0, 10).await.unwrap().items.is_empty());

        let stranger = server.person("eve", &[]).await;
        let stranger = server.caller(&stranger).await;
        assert_eq!(kind(service.pipelines().page(&stranger, project, "", 0, 50).await), Kind::NotFound);
        assert_eq!(kind(service.runs().page(&stranger, project, None, None, 50).await), Kind::NotFound);
        assert_eq!(kind(service.runs().show(&stranger, project, RunId(waits.id)).await), Kind::NotFound);
        assert!(service.projects().page(&stranger, "", 0, 10).await.unwrap().items.is_empty());
    }

    async fn a_jobs_own_project_is_the_only_one_it_knows(server) {
        let cast = Cast::permitted(&server).await;
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let caller = server.caller(&job.user(&server)).await;
        let service = server.service();
        let page = service.projects().page(&caller, "", 0, 10).await.unwrap();
        assert_eq!((page.items.len(), page.total.count), (1, 1));
        let found = service.directory().suggest(&caller, None, "dev", 10).await.unwrap();
        assert!(found.is_empty(), "what a pipeline runs learns nobody's name");
    }
}
