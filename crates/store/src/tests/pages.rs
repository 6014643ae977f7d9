//! Pages of long lists: counted as far as is cheap, found by an index from both ends, and people found by any form of a name.

use super::home::Home;
use super::world::World;
use crate::{COUNTED, FilePageQuery, FileSort, Home as At, IdentitySearch, PageFrom, ReadTx};
use coffer_model::act::ViewOrganization;
use coffer_model::library::IdentityKind;

/// As many files as asked, by the administrator, past the gate: a list's length is nothing that the gate decides.
async fn fill(home: &Home, world: &World, count: i64) {
    let (numbers, id, bytes) = if home.is_postgres() {
        (
            format!("generate_series(1, {count}) as n (i)"),
            "cast(lpad(to_hex(n.i), 32, '0') as uuid)",
            "decode(repeat('00', 32), 'hex')",
        )
    } else {
        (
            format!(
                "(with recursive n (i) as (select 1 union all select i + 1 from n where i < {count}) select i from n) n"
            ),
            "unhex(printf('%032x', n.i))",
            "zeroblob(32)",
        )
    };
    let quoted = |id: uuid::Uuid| {
        if home.is_postgres() {
            format!("'{id}'")
        } else {
            format!("x'{}'", id.simple())
        }
    };
    let (project, admin) = (quoted(world.project.0), quoted(world.admin.identity.0));
    let token = format!("'Library/{}/SecureFile/' || n.i", world.project);
    home.sql(&format!(
        "insert into secure_file (id, project_id, name, name_key, access_token, size, preamble, sealed, sealed_length,
            sealed_sha256, created_by, created_at, modified_by, modified_at)
        select {id}, {project}, 'file' || substr('0000000' || n.i, -7), 'file' || substr('0000000' || n.i, -7), {token}, 1,
            {bytes}, {bytes}, 32, {bytes}, {admin}, n.i, {admin}, {count} - n.i from {numbers}"
    ).replace("substr('0000000' || n.i, -7)", if home.is_postgres() { "lpad(cast(n.i as text), 7, '0')" } else { "printf('%07d', n.i)" }))
    .await;
}

fn query(sort: FileSort, descending: bool, from: PageFrom) -> FilePageQuery {
    FilePageQuery {
        search: None,
        sort,
        descending,
        from,
        top: 3,
    }
}

async fn numbers(read: &mut ReadTx, world: &World, query: &FilePageQuery) -> Vec<i64> {
    let page = read
        .files_page(&world.admin, world.project, query)
        .await
        .unwrap();
    page.items
        .iter()
        .map(|(file, _)| file.name["file".len()..].parse().unwrap())
        .collect()
}

both! {
    async fn a_long_list_is_counted_to_a_limit_and_paged_from_both_ends(home) {
        let world = World::new(&home).await;
        let many = COUNTED + 50;
        fill(&home, &world, many).await;
        let mut read = world.store.read().await.unwrap();
        let (name, created, modified) = (FileSort::Name, FileSort::CreatedOn, FileSort::ModifiedOn);
        for (sort, descending, from, wanted) in [
            (name, false, PageFrom::Start(0), [1, 2, 3]),
            (name, false, PageFrom::Start(10_040), [10_041, 10_042, 10_043]),
            (name, true, PageFrom::Start(0), [many, many - 1, many - 2]),
            (name, false, PageFrom::End(0), [many - 2, many - 1, many]),
            (name, false, PageFrom::End(3), [many - 5, many - 4, many - 3]),
            (name, true, PageFrom::End(0), [3, 2, 1]),
            (created, true, PageFrom::Start(0), [many, many - 1, many - 2]),
            (created, false, PageFrom::End(0), [many - 2, many - 1, many]),
            (modified, false, PageFrom::Start(0), [many, many - 1, many - 2]),
            (modified, true, PageFrom::Start(0), [1, 2, 3]),
        ] {
            let query = query(sort, descending, from);
            assert_eq!(numbers(&mut read, &world, &query).await, wanted, "{query:?}");
        }
        let first = read.files_page(&world.admin, world.project, &query(name, false, PageFrom::Start(0))).await.unwrap();
        assert_eq!((first.total.count, first.total.or_more), (COUNTED as u64, true));
        assert_eq!((first.before, first.is_after, first.is_before), (Some(0), false, true));
        let last = read.files_page(&world.admin, world.project, &query(name, false, PageFrom::End(0))).await.unwrap();
        assert_eq!((last.before, last.is_after, last.is_before), (None, true, false), "nobody counted so far");
        // A page at the end knows how many there are, though nobody counted.
        let beyond = read.files_page(&world.admin, world.project, &query(name, false, PageFrom::Start(10_048))).await.unwrap();
        assert_eq!((beyond.items.len(), beyond.total.count, beyond.total.or_more), (2, many as u64, false));
        let past = read.files_page(&world.admin, world.project, &query(name, false, PageFrom::Start(20_000))).await.unwrap();
        assert!(past.items.is_empty() && past.total.or_more && past.is_after && !past.is_before);
        let searched = FilePageQuery { search: Some("FILE000999".into()), ..query(name, false, PageFrom::Start(9)) };
        let found = read.files_page(&world.admin, world.project, &searched).await.unwrap();
        assert_eq!((found.items.len(), found.total.count, found.total.or_more), (1, 10, false));
    }

    async fn nothing_in_a_search_is_special(home) {
        let world = World::new(&home).await;
        for name in ["100%.p12", "a_b.p12", "aXb.p12", "Straße.p12", "back\\slash.p12", "quote'.p12"] {
            if coffer_model::name::FileName::parse(name).is_ok() {
                world.upload(name).await;
            }
        }
        let mut read = world.store.read().await.unwrap();
        for (search, wanted) in [
            ("%", vec!["100%.p12"]),
            ("a_b", vec!["a_b.p12"]),
            ("STRASSE", vec!["Straße.p12"]),
            ("  A_B ", vec!["a_b.p12"]),
            ("'", vec!["quote'.p12"]),
            ("nul\0", vec![]),
            ("*", vec![]),
        ] {
            let query = FilePageQuery { search: Some(search.into()), top: 50, ..query(FileSort::Name, false, PageFrom::Start(0)) };
            let page = read.files_page(&world.admin, world.project, &query).await.unwrap();
            let names: Vec<&str> = page.items.iter().map(|(file, _)| file.name.as_str()).collect();
            assert_eq!(names, wanted, "{search:?}");
            assert_eq!(page.total.count, wanted.len() as u64);
        }
    }

    async fn people_are_found_by_any_form_of_their_names_the_likeliest_first(home) {
        let world = World::new(&home).await;
        for name in ["ann", "joann", "anna", "Große", "gone ann"] {
            world.person(name, &["Readers"]).await;
        }
        home.sql("update identity set disabled_at = 1 where unique_key = 'gone ann'").await;
        home.sql("update identity set display_name = 'Ömer' where unique_key = 'grosse'").await;
        // As a database of before this form was kept: opening it fills it in.
        home.sql("update identity set display_key = ''").await;
        world.store.close().await;
        let world = World { store: home.open().await, ..world };
        assert_eq!(home.number("select count(*) from identity where display_key = ''").await, 0);
        let mut read = world.store.read().await.unwrap();
        let act = ViewOrganization { organization: world.organization };
        let seen = read.look(&world.admin, act).await.unwrap();
        let kinds = vec![IdentityKind::User, IdentityKind::Group];
        let search = |text: &str, suggest, top| IdentitySearch {
            text: text.into(), kinds: kinds.clone(), home: At::Any, top, suggest,
        };
        for (asked, wanted) in [
            (search("ANN", true, 10), vec!["ann", "anna", "joann"]),
            (search("ann", true, 2), vec!["ann", "anna"]),
            (search("ann", false, 10), vec!["ann", "anna", "gone ann", "joann"]),
            (search("GROSSE", true, 10), vec!["Ömer"]),
            (search("ÖM", true, 10), vec!["Ömer"]),
            (search("öMER", false, 10), vec!["Ömer"]),
            (search("build admin", true, 1), vec!["Build Administrators"]),
            (search("", true, 10), vec![]),
            (search("%", true, 10), vec![]),
        ] {
            let found = read.identities_named(&seen, &world.admin, &asked).await.unwrap();
            let names: Vec<&str> = found.iter().map(|found| found.display_name.as_str()).collect();
            assert_eq!(names, wanted, "{asked:?}");
        }
        let here = IdentitySearch { home: At::For(world.project), ..search("readers", true, 10) };
        let found = read.identities_named(&seen, &world.admin, &here).await.unwrap();
        let names: Vec<&str> = found.iter().map(|found| found.unique_name.as_str()).collect();
        assert_eq!(names, ["[Alpha]\\Readers", "[Organization]\\Audit Readers"],
            "none of another project");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_found_in_the_order_of_an_index() {
    let home = Home::sqlite();
    home.open().await.close().await;
    for (name, index) in [
        ("INHERITED_BY_NAME", "secure_file_by_name"),
        ("INHERITED_BY_MODIFIED", "secure_file_by_modified"),
        ("INHERITED_BY_CREATED", "secure_file_by_created"),
    ] {
        for statement in crate::file_pages::ALL
            .iter()
            .filter(|statement| statement.name.contains(name))
        {
            let plan = home.plan(statement.sqlite).await;
            let search = format!("SEARCH f USING COVERING INDEX {index} (project_id=?)");
            assert!(plan.contains(&search), "{}: {plan:#?}", statement.name);
            assert!(
                plan.iter().any(|step| step.contains("access_entry_hiding")),
                "{plan:#?}"
            );
            let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE"));
            assert_eq!(sorts.count(), 0, "{plan:#?}");
        }
    }
    for statement in crate::projects::ALL.iter().filter(|statement| {
        ["VISIBLE", "FIND", "PAGE"]
            .iter()
            .any(|name| statement.name.ends_with(name))
    }) {
        let plan = home.plan(statement.sqlite).await;
        for index in ["access_entry_library", "access_entry_pipelines"] {
            let step = format!(
                "SEARCH e USING INDEX {index} (identity_id=? AND namespace_id=? AND <expr>=?)"
            );
            assert!(plan.contains(&step), "{}: {plan:#?}", statement.name);
        }
    }
}
