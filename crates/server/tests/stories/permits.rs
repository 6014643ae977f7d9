//! Which runs may use a file: refs on permits, forks and the unknown, what a new pipeline is given, the older routes, who
//! can use a file and why, and how long a run waits.

use crate::{Cast, newest, reason, yaml};
use coffer_model::source::{Origin, RunSource};
use coffer_testkit::{PROJECT, TestServer, User, both, group};
use coffer_wire::paths::{self, fill};
use coffer_wire::pipelines::{Pipeline, Run};
use coffer_wire::secure_files::SecureFile;
use serde_json::{Value, json};

/// A run from a ref of a repository.
fn from(origin: Origin, name: &str) -> Option<RunSource> {
    Some(RunSource::Ref {
        origin,
        repository: "app".into(),
        name: name.into(),
        commit: "1b2c3d".into(),
    })
}

/// Permits for these refs.
async fn permit_refs(user: &User, file: &SecureFile, pipeline: &Pipeline, refs: &[&str]) {
    let refs = refs.iter().map(|text| (*text).to_owned()).collect();
    let permissions = user.client.permissions(PROJECT);
    let state = permissions
        .permit("securefile", &file.id, pipeline.id, Some(refs))
        .await;
    state.unwrap();
}

fn why(run: &Run) -> Vec<&str> {
    run.waiting_for
        .iter()
        .map(|waiting| waiting.why.as_str())
        .collect()
}

/// A request to one of the first project's routes.
async fn patch(user: &User, template: &str, rest: &[&str], body: Value) -> coffer_testkit::Answer {
    let mut values = vec![PROJECT];
    values.extend(rest);
    user.call("PATCH", &fill(template, &values))
        .json(&body)
        .send()
        .await
}

fn item(file: &SecureFile, authorized: bool) -> Value {
    json!({"type": "securefile", "id": file.id, "authorized": authorized})
}

async fn is_open(user: &User, file: &SecureFile) -> bool {
    let permissions = user.client.permissions(PROJECT);
    let state = permissions.get("securefile", &file.id).await.unwrap();
    state.all_pipelines.is_some()
}

both! {
    async fn a_fork_and_a_ref_of_unknown_origin_are_given_nothing(server) {
        let cast = Cast::permitted(&server).await;
        for origin in [Origin::Fork, Origin::Unknown] {
            server.pretend_source(from(origin, "refs/heads/main"));
            let agent = server.agent("hand").await;
            let (run, job) = cast.job(&agent).await;
            assert!(run.waiting_for.is_empty(), "there is nothing to wait for");
            assert!(job.job.resources.secure_files.is_empty(), "no ticket comes with the job");
            let user = job.user(&server);
            let path = user.file_path(&cast.file.id, "?includeDownloadTicket=true");
            let asked = user.get(&path).await.ok().json();
            assert!(asked.get("ticket").is_none_or(Value::is_null), "and none when it asks");
            let events = server.administrator().audit().await;
            let refused = newest(&events, "SecureFile.TicketIssued");
            assert_eq!((reason(refused), refused.run), ("source_not_trusted", Some(run.id)));
            let answer = job.download(&server, &cast.file.id, "A".repeat(43).as_str()).await;
            cast.assert_no_content(&answer);
            answer.refused(400);
            agent.finish(&job, "succeeded").await.unwrap();

            let run = cast.developer.run(&cast.pipeline).await;
            server.run_agent("real").await;
            let ended = cast.developer.run_now(&run).await;
            assert_eq!(ended.state, "completed");
            let builds = cast.developer.client.builds(PROJECT);
            let records = builds.timeline(run.id).await.unwrap().records;
            let result = |name: &str| {
                let record = records.iter().find(|record| record.name.ends_with(name)).unwrap();
                (record.result.unwrap(), record.issues.clone())
            };
            let (skipped, issues) = result("Download 0");
            assert_eq!(skipped, "skipped");
            assert!(issues[0].message.contains("origin is not known"), "{issues:?}");
            assert_eq!(result("Say it").0, "succeeded", "the rest of the job goes on");
        }
        server.pretend_source(from(Origin::Repository, "refs/pull/7/merge"));
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.body, cast.content, "a pull request of the same repository is ordinary");
    }

    async fn open_access_opens_nothing_to_forks(server) {
        let cast = Cast::of(&server).await;
        let permissions = cast.engineer.client.permissions(PROJECT);
        permissions.set_all_pipelines("securefile", &cast.file.id, true).await.unwrap();
        server.pretend_source(from(Origin::Fork, "refs/heads/main"));
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert!(job.job.resources.secure_files.is_empty());
    }

    async fn a_permit_for_refs_is_for_runs_of_these_refs(server) {
        let cast = Cast::of(&server).await;
        permit_refs(&cast.engineer, &cast.file, &cast.pipeline, &["refs/heads/main", "refs/heads/release/*"]).await;
        let permissions = cast.engineer.client.permissions(PROJECT);
        let state = permissions.get("securefile", &cast.file.id).await.unwrap();
        let refs = state.pipelines[0].refs.as_ref().unwrap();
        assert_eq!(refs, &["refs/heads/main", "refs/heads/release/*"]);
        let events = server.administrator().audit().await;
        let permitted = newest(&events, "Pipelines.ResourceAuthorizedForPipeline");
        assert_eq!(permitted.details["refs"], "refs/heads/main refs/heads/release/*");

        server.pretend_source(from(Origin::Repository, "refs/heads/release/1.2"));
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        assert_eq!(job.download_own(&server).await.body, cast.content);

        server.pretend_source(from(Origin::Repository, "refs/heads/topic"));
        let topic = cast.developer.run(&cast.pipeline).await;
        assert_eq!(why(&topic), ["otherRef"]);
        assert!(agent.lease().await.is_none());

        // The permit turns to other refs: the running job's next download is refused, and the waiting run goes on.
        permit_refs(&cast.engineer, &cast.file, &cast.pipeline, &["refs/heads/topic"]).await;
        let late = job.download_own(&server).await;
        cast.assert_no_content(&late);
        late.refused(403);
        let events = server.administrator().audit().await;
        assert_eq!(reason(newest(&events, "SecureFile.Downloaded")), "ref_not_allowed");
        let other = agent.job().await;
        assert_eq!(other.job.run_id, topic.id);
        assert_eq!(other.download_own(&server).await.status, 200);

        // The compatible change knows no refs: it means all.
        cast.engineer.permit(&cast.file, &cast.pipeline, true).await.unwrap();
        let state = permissions.get("securefile", &cast.file.id).await.unwrap();
        assert_eq!(state.pipelines[0].refs, None);
        assert_eq!(job.download_own(&server).await.status, 200);
    }

    async fn what_a_request_says_of_its_ref_proves_nothing(server) {
        let cast = Cast::of(&server).await;
        permit_refs(&cast.engineer, &cast.file, &cast.pipeline, &["refs/heads/*"]).await;
        let path = fill(paths::pipelines::RUNS, &[PROJECT, &cast.pipeline.id.to_string()]);
        let body = json!({
            "resources": {"repositories": {"self": {"refName": "refs/heads/main", "version": "1b2c3d"}}},
            "sourceBranch": "refs/heads/main",
        });
        let run = cast.developer.call("POST", &path).json(&body).send().await.ok().json();
        assert_eq!(run["waitingFor"][0]["why"], "otherRef", "{run}");
        let events = server.administrator().audit().await;
        let queued = newest(&events, "Pipelines.RunQueued");
        assert_eq!((queued.details["source"].as_str(), queued.details["claimedRef"].as_str()), ("stored", "refs/heads/main"));
        cast.engineer.permit(&cast.file, &cast.pipeline, true).await.unwrap();
        let agent = server.agent("hand").await;
        assert_eq!(agent.job().await.download_own(&server).await.status, 200, "a permit for all refs covers stored text");
    }

    async fn refs_that_are_none_are_refused(server) {
        let cast = Cast::of(&server).await;
        let many: Vec<String> = (0..21).map(|n| format!("refs/heads/{n}")).collect();
        for bad in [json!([]), json!(["main"]), json!(["refs/heads/a b"]), json!(many)] {
            let body = json!({"pipelines": [{"id": cast.pipeline.id, "authorized": true, "refs": bad}]});
            let answer = patch(&cast.engineer, paths::permissions::ITEM, &["securefile", &cast.file.id], body).await;
            assert_eq!(answer.code(400), "argument.invalid", "{bad}");
        }
        let run = cast.developer.run(&cast.pipeline).await;
        assert_eq!(why(&run), ["notPermitted"]);
    }

    async fn a_new_pipeline_is_permitted_what_its_creator_may_use(server) {
        let cast = Cast::of(&server).await;
        let own = cast.developer.upload("own.pem", b"own").await;
        let pipeline = cast.developer.pipeline("both", &yaml(&["own.pem", "ca.pem"])).await;
        let authorization = pipeline.authorization.as_ref().unwrap();
        let permitted: Vec<_> = authorization.permitted.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(permitted, [own.id.as_str()]);
        assert_eq!(authorization.waiting[0].resource.id, cast.file.id);
        assert!(!authorization.waiting[0].who_may_permit.is_empty());
        assert!(!authorization.waiting[0].you_may_permit);
        let run = cast.developer.run(&pipeline).await;
        let waits: Vec<_> = run.waiting_for.iter().map(|one| one.resource.id.as_str()).collect();
        assert_eq!(waits, [cast.file.id.as_str()]);

        let events = server.administrator().audit().await;
        let given = newest(&events, "Pipelines.ResourceAuthorizedForPipeline");
        assert_eq!((given.actor.name.as_str(), given.resource_id.as_deref()), ("dev", Some(own.id.as_str())));
        assert_eq!(given.details["pipeline"], pipeline.id.to_string());
        assert_eq!(given.details["because"], "pipeline created");
        assert!(events.iter().all(|event| reason(event).is_empty()), "what is not given is not a denial");

        // Later edits give nothing.
        let more = cast.developer.upload("more.pem", b"more").await;
        let pipelines = cast.developer.client.pipelines(PROJECT);
        let yaml = yaml(&["own.pem", "more.pem"]);
        let edited = pipelines.update(pipeline.id, "both", "azure-pipelines.yml", &yaml).await.unwrap();
        assert!(edited.authorization.is_none());
        let run = cast.developer.run(&edited).await;
        let waits: Vec<_> = run.waiting_for.iter().map(|one| one.resource.id.as_str()).collect();
        assert_eq!(waits, [more.id.as_str()]);
    }

    async fn a_pipeline_that_cannot_run_is_permitted_nothing(server) {
        let cast = Cast::of(&server).await;
        cast.developer.upload("own.pem", b"own").await;
        let pipeline = cast.developer.pipeline("half", &yaml(&["own.pem", "gone.pem"])).await;
        assert!(pipeline.authorization.is_none());
        let events = server.administrator().audit().await;
        assert!(events.iter().all(|event| event.action != "Pipelines.ResourceAuthorizedForPipeline"));
    }

    async fn several_permissions_change_together_or_not_at_all(server) {
        let cast = Cast::of(&server).await;
        let own = cast.developer.upload("own.pem", b"own").await;
        let change = |file: &SecureFile| json!({
            "resource": {"type": "securefile", "id": file.id},
            "allPipelines": {"authorized": true},
        });
        let body = json!([change(&own), change(&cast.file)]);
        let answer = patch(&cast.developer, paths::permissions::COLLECTION, &[], body.clone()).await;
        answer.refused(403);
        assert!(!is_open(&cast.developer, &own).await, "the first went with the second");
        patch(&cast.engineer, paths::permissions::COLLECTION, &[], body).await.ok();
        assert!(is_open(&cast.developer, &own).await && is_open(&cast.developer, &cast.file).await);

        let items = json!([item(&own, false), item(&cast.file, false)]);
        let answer = patch(&cast.developer, paths::authorized_resources::OPEN, &[], items).await;
        answer.refused(403);
        assert!(is_open(&cast.developer, &own).await);
    }

    async fn the_older_routes_show_and_change_the_same_permissions(server) {
        let cast = Cast::of(&server).await;
        let definition = cast.pipeline.id.to_string();
        let ids = |answer: &Value| -> Vec<String> {
            let list = answer["value"].as_array().unwrap().iter();
            list.map(|one| {
                assert_eq!((&one["type"], &one["authorized"]), (&json!("securefile"), &json!(true)));
                one["id"].as_str().unwrap().to_owned()
            }).collect()
        };
        let of_definition = paths::authorized_resources::OF_DEFINITION;
        let body = json!([item(&cast.file, true)]);
        let answer = patch(&cast.engineer, of_definition, &[&definition], body.clone()).await.ok().json();
        assert_eq!(ids(&answer), std::slice::from_ref(&cast.file.id));
        assert_eq!(answer["value"][0]["name"], "ca.pem");
        let permissions = cast.engineer.client.permissions(PROJECT);
        let state = permissions.get("securefile", &cast.file.id).await.unwrap();
        assert_eq!((state.pipelines[0].id, state.all_pipelines.is_none()), (cast.pipeline.id, true));
        let path = fill(paths::authorized_resources::OPEN, &[PROJECT]);
        assert_eq!(ids(&cast.developer.get(&path).await.ok().json()), Vec::<String>::new());

        let answer = patch(&cast.engineer, paths::authorized_resources::OPEN, &[], body).await.ok().json();
        assert_eq!(ids(&answer), std::slice::from_ref(&cast.file.id));
        assert!(is_open(&cast.developer, &cast.file).await);
        let other = format!("{path}?type=endpoint");
        assert_eq!(ids(&cast.developer.get(&other).await.ok().json()), Vec::<String>::new());
        let one = format!("{path}?type=SecureFile&id={}", cast.file.id.to_uppercase());
        assert_eq!(ids(&cast.developer.get(&one).await.ok().json()), std::slice::from_ref(&cast.file.id));
        let answer = patch(&cast.engineer, paths::authorized_resources::OPEN, &[], json!([item(&cast.file, false)])).await;
        assert_eq!(ids(&answer.ok().json()), Vec::<String>::new());
        let answer = patch(&cast.engineer, of_definition, &[&definition], json!([item(&cast.file, false)])).await;
        assert_eq!(ids(&answer.ok().json()), Vec::<String>::new());
        let unsaid = json!([{"type": "securefile", "id": cast.file.id}]);
        patch(&cast.engineer, paths::authorized_resources::OPEN, &[], unsaid).await.refused(400);
    }

    async fn open_access_counts_only_while_the_organization_allows_it(server) {
        let cast = Cast::of(&server).await;
        let permissions = cast.engineer.client.permissions(PROJECT);
        permissions.set_all_pipelines("securefile", &cast.file.id, true).await.unwrap();
        let agent = server.agent("hand").await;
        let (_, job) = cast.job(&agent).await;
        let switch = |on| {
            let change = coffer_wire::coffer::OrganizationChange { open_access_allowed: Some(on), ..Default::default() };
            let officer = server.administrator();
            async move { officer.client.coffer().change_organization(&change).await.unwrap() }
        };
        switch(false).await;
        let late = job.download_own(&server).await;
        cast.assert_no_content(&late);
        late.refused(403);
        let run = cast.developer.run(&cast.pipeline).await;
        assert_eq!(why(&run), ["notPermitted"]);
        assert!(!is_open(&cast.developer, &cast.file).await, "what is shown is what counts");
        let path = fill(paths::authorized_resources::OPEN, &[PROJECT]);
        assert_eq!(cast.developer.get(&path).await.ok().json()["value"], json!([]));
        let access = cast.engineer.client.freezes().access(PROJECT, &cast.file.id).await.unwrap();
        assert!(access.all_pipelines.is_none() && access.all_pipelines_suspended.is_some());

        let own = cast.developer.upload("own.pem", b"own").await;
        let body = json!({"allPipelines": {"authorized": true}});
        let answer = patch(&cast.developer, paths::permissions::ITEM, &["securefile", &own.id], body).await;
        assert_eq!(answer.code(409), "organization.open_access_off");
        let path = cast.developer.files_path("?name=more.pem&authorizePipelines=true");
        let answer = cast.developer.call("POST", &path).body("application/octet-stream", "x").send().await;
        assert_eq!(answer.code(409), "organization.open_access_off");
        assert!(!cast.developer.file_names().await.contains(&"more.pem".to_owned()));

        switch(true).await;
        assert_eq!(job.download_own(&server).await.status, 200);
        assert!(cast.developer.run_now(&run).await.waiting_for.is_empty(), "and the run that waited goes on");
    }

    async fn an_array_is_not_an_object(server) {
        let cast = Cast::of(&server).await;
        let path = cast.engineer.file_path(&cast.file.id, "");
        let answer = cast.engineer.call("PATCH", &path).json(&json!([])).send().await;
        assert_eq!(answer.code(400), "argument.invalid");
        let open = json!({"allPipelines": []});
        let rest = ["securefile", cast.file.id.as_str()];
        patch(&cast.engineer, paths::permissions::ITEM, &rest, open).await.refused(400);
    }

    async fn an_administrator_sees_who_can_use_a_file_and_why(server) {
        let cast = Cast::permitted(&server).await;
        let reader = server.person("rhea", &[group::READERS]).await;
        permit_refs(&cast.engineer, &cast.file, &cast.pipeline, &["refs/heads/main"]).await;
        let access = cast.engineer.client.freezes().access(PROJECT, &cast.file.id).await.unwrap();
        assert!(access.everybody);
        let of = |name: &str| access.people.iter().find(|one| one.person.unique_name == name).unwrap();
        assert_eq!(of("rel").role, "Administrator");
        assert!(of("rel").through.iter().any(|way| way.groups.is_empty() && way.at == "file"), "its creator");
        let group = &of("rel").through.iter().find(|way| way.role == "Administrator" && way.at == "library").unwrap().groups;
        assert_eq!(group, &[format!("[{PROJECT}]\\Release Administrators")]);
        assert_eq!((of("dev").role.as_str(), of("rhea").role.as_str()), ("Reader", "Reader"));
        assert_eq!(access.pipelines[0].name.as_deref(), Some("build"));
        assert_eq!(access.pipelines[0].refs.as_deref(), Some(&["refs/heads/main".to_owned()][..]));
        assert_eq!(access.pipelines[0].permission.authorized_by.as_ref().unwrap().unique_name, "rel");

        let own = reader.client.freezes().access(PROJECT, &cast.file.id).await.unwrap();
        assert!(!own.everybody);
        let names: Vec<_> = own.people.iter().map(|one| one.person.unique_name.as_str()).collect();
        assert_eq!((names, own.pipelines.len()), (vec!["rhea"], 1));
        let stranger = server.person("sid", &[]).await;
        let refused = stranger.client.freezes().access(PROJECT, &cast.file.id).await.unwrap_err();
        assert_eq!(refused.status(), Some(404));
    }

    async fn a_stage_that_waited_thirty_days_is_skipped(server) {
        let mut server: TestServer = server;
        let cast = Cast::of(&server).await;
        let run = cast.developer.run(&cast.pipeline).await;
        assert!(run.waiting_for[0].until.is_some());
        let administrator = server.holder(server.administrator().token());
        server.advance_clock(29 * 86_400);
        server.restart().await;
        assert_eq!(administrator.run_now(&run).await.waiting_for.len(), 1);
        server.advance_clock(2 * 86_400);
        server.restart().await;
        coffer_testkit::eventually("the stage is skipped", || async {
            administrator.run_now(&run).await.state == "completed"
        }).await;
        let ended = administrator.run_now(&run).await;
        assert_eq!(ended.result.as_deref(), Some("canceled"), "nobody permitted it: that is no success");
        let builds = administrator.client.builds(PROJECT);
        let records = builds.timeline(run.id).await.unwrap().records;
        let stage = records.iter().find(|record| record.kind == "Stage").unwrap();
        assert_eq!(stage.result.as_deref(), Some("skipped"));
        assert!(stage.issues[0].message.contains("30 days"));
        let events = administrator.audit().await;
        assert_eq!(newest(&events, "Pipelines.StageSkipped").run, Some(run.id));
    }
}
