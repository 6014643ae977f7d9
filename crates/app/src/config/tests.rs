//! What configuration promises: order of strength, origins, every problem at once, and the rules that keep keys safe.

use super::keys::VARIABLES;
use super::*;
use std::collections::BTreeMap;
use std::path::Path;

fn inputs(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str, &'static str)],
) -> Inputs {
    let mut environment: BTreeMap<String, String> = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    environment
        .entry("HOME".into())
        .or_insert_with(|| "/home/example".into());
    Inputs {
        file: Some(("coffer.toml".into(), file.into())),
        environment,
        flags: flags
            .iter()
            .map(|(key, value, flag)| Flag {
                key,
                value: (*value).to_owned(),
                flag,
            })
            .collect(),
        build: "1.2.3+abc".into(),
    }
}

fn entry<'a>(loaded: &'a Loaded, key: &str) -> (&'a str, &'a str) {
    let entry = loaded
        .entries
        .iter()
        .find(|entry| entry.key == key)
        .unwrap();
    (&entry.value, &entry.source)
}

fn problems(inputs: &Inputs) -> Vec<String> {
    let broken = load(inputs).expect_err("it should not load");
    broken.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn each_layer_is_stronger_than_the_one_before_and_is_named() {
    let file = "[server]\norganization = \"Acme\"\n\n[jobs]\n  lease_seconds = 30\n[log]\nlevel = 'warn'\n";
    let loaded = load(&inputs(
        file,
        &[
            ("COFFER_JOBS__LEASE_SECONDS", "40"),
            ("COFFER_LOG__LEVEL", "debug"),
        ],
        &[("log.level", "trace", "--log-level")],
    ))
    .unwrap();
    assert_eq!(
        entry(&loaded, "server.listen"),
        ("127.0.0.1:8080", "default")
    );
    assert_eq!(
        entry(&loaded, "server.organization"),
        ("Acme", "coffer.toml:2:1")
    );
    assert_eq!(
        entry(&loaded, "jobs.lease_seconds"),
        ("40", "environment COFFER_JOBS__LEASE_SECONDS")
    );
    assert_eq!(entry(&loaded, "log.level"), ("trace", "flag --log-level"));
    assert_eq!(loaded.config.jobs.lease_seconds, 40);
    assert_eq!(loaded.config.log.level, LogLevel::Trace);
    assert_eq!(loaded.config.deployment.id, "1.2.3+abc");
}

#[test]
fn an_unknown_key_is_an_error_with_place_and_nearest_key() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\n  lisen = \"x\"\n[storge]\ndata = \"x\"\n";
    assert_eq!(
        problems(&inputs(file, &[], &[])),
        [
            "coffer.toml:3:3: unknown key `server.lisen` (did you mean `server.listen`?)",
            "coffer.toml:4:2: unknown section `[storge]` (did you mean `[storage]`?)",
        ]
    );
    assert_eq!(
        problems(&inputs("lease_seconds = 3\nzzzzzz = 1", &[], &[])),
        [
            "coffer.toml:1:1: unknown key `lease_seconds` (did you mean `jobs.lease_seconds`?)",
            "coffer.toml:2:1: unknown key `zzzzzz`",
        ]
    );
}

#[test]
fn an_unknown_variable_is_an_error_and_other_peoples_variables_are_not() {
    let environment = [
        ("COFFER_SERVER__LISTN", "x"),
        ("COFFER_SERVER_LISTEN", "x"),
        ("COFFER_TABLE_BOOKS", "x"),
        ("COFFER_URL", "x"),
    ];
    assert_eq!(
        problems(&inputs("", &environment, &[])),
        [
            "environment COFFER_SERVER_LISTEN: no such setting (did you mean `COFFER_SERVER__LISTEN`?)",
            "environment COFFER_SERVER__LISTN: no such setting (did you mean `COFFER_SERVER__LISTEN`?)",
        ]
    );
}

#[test]
fn all_problems_of_all_layers_are_reported_at_once() {
    let file = "[server]\nbehind_proxy = \"yes\"\nlisten = 8080\n[log]\nformat = \"xml\"\n[jobs]\nlease_seconds = 0x1\n";
    let found = problems(&inputs(
        file,
        &[("COFFER_SERVER__PUBLIC_URL", "coffer.example")],
        &[("log.level", "loud", "--log-level")],
    ));
    for expected in [
        "coffer.toml:2:16: `server.behind_proxy` must be `true` or `false`, without quotes, not string",
        "coffer.toml:3:10: `server.listen` must be a text in quotes, not integer",
        "coffer.toml:5:1: `log.format` must be one of: text, json",
        "coffer.toml:7:1: `jobs.lease_seconds` must be a whole number from 15 to 3600",
        "flag --log-level: `log.level` must be one of: error, warn, info, debug, trace",
    ] {
        assert!(
            found.iter().any(|p| p == expected),
            "{expected}\n{found:#?}"
        );
    }
    assert!(
        found[..]
            .iter()
            .any(|p| p.starts_with("environment COFFER_SERVER__PUBLIC_URL:")),
        "{found:#?}"
    );
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn broken_toml_is_reported_with_its_place_beside_the_rest() {
    let found = problems(&inputs(
        "[server]\nlisten = \n[log]\nlevle = \"info\"\n",
        &[],
        &[],
    ));
    assert!(found[0].starts_with("coffer.toml:2:"), "{found:#?}");
    assert!(
        found
            .iter()
            .any(|p| p.starts_with("coffer.toml:4:1: unknown key `log.levle`")),
        "{found:#?}"
    );
}

#[test]
fn others_can_reach_the_server_only_over_tls_or_through_a_proxy() {
    for address in ["0.0.0.0:80", "[::]:80", "192.0.2.7:8080"] {
        let alone = [("server.listen", address, "--listen")];
        let found = problems(&inputs("", &[], &alone));
        assert!(found[0].contains("plain HTTP"), "{found:?}");
        let both = [
            ("server.listen", address, "--listen"),
            ("server.behind_proxy", "true", "--behind-proxy"),
        ];
        load(&inputs("", &[], &both)).unwrap();
        let listed = [
            ("server.listen", address, "--listen"),
            ("server.trusted_proxies", "10.0.0.5", "--trusted-proxies"),
        ];
        load(&inputs("", &[], &listed)).unwrap();
        let encrypted = [
            ("server.listen", address, "--listen"),
            ("server.tls_certificate", "coffer.pem", "--tls-certificate"),
            ("server.tls_key", "coffer.key", "--tls-key"),
        ];
        load(&inputs("", &[], &encrypted)).unwrap();
    }
    for address in [
        "127.0.0.1:0",
        "[::1]:8080",
        "localhost:8080",
        "127.9.9.9:80",
    ] {
        load(&inputs("", &[], &[("server.listen", address, "--listen")])).unwrap();
    }
}

#[test]
fn a_list_of_proxies_is_one() {
    for (list, wrong) in [
        ("proxy.example", "neither an address nor a range"),
        ("10.0.0.0/8, 0.0.0.0/0", "is everybody"),
    ] {
        let found = problems(&inputs(
            "",
            &[],
            &[("server.trusted_proxies", list, "--trusted-proxies")],
        ));
        assert!(found[0].contains(wrong), "{found:?}");
    }
    let loaded = |list| {
        let flags = [
            ("server.behind_proxy", "true", "--behind-proxy"),
            ("server.trusted_proxies", list, "--trusted-proxies"),
        ];
        let loaded = load(&inputs("", &[], &flags)).unwrap();
        format!("{:?}", loaded.config.server.proxies)
    };
    assert!(loaded("").contains("192.168.0.0/16"));
    assert!(!loaded("10.0.0.5").contains("192.168.0.0/16"));
}

#[test]
fn the_root_key_never_lies_with_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path).display().to_string();
    std::fs::create_dir(at("data")).unwrap();
    std::os::unix::fs::symlink(at("data"), at("link")).unwrap();
    let data = at("data");
    let load_with = |key_file: &str| {
        load(&inputs(
            "",
            &[],
            &[
                ("storage.data", &data, "--data"),
                ("keys.key_file", key_file, "--key-file"),
            ],
        ))
    };
    for inside in [
        "data/root.key",
        "data",
        "data/deeper/root.key",
        "other/../data/root.key",
        "link/root.key",
    ] {
        let broken = load_with(&at(inside)).expect_err(inside);
        assert!(
            broken.problems[0]
                .message
                .contains("inside the data folder")
        );
    }
    for outside in ["key/root.key", "data.key", "data/../root.key"] {
        load_with(&at(outside)).expect(outside);
    }
}

#[test]
fn the_default_key_file_follows_systemd_then_xdg_then_home() {
    let key_file = |environment: &[(&str, &str)]| {
        let loaded = load(&inputs("", environment, &[])).unwrap();
        match loaded.config.keys.provider {
            ProviderSettings::File(file) => file.path.display().to_string(),
            #[cfg(any(
                feature = "key-vault",
                feature = "key-pkcs11",
                feature = "key-azure",
                feature = "key-aws"
            ))]
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(key_file(&[]), "/home/example/.config/coffer/root.key");
    assert_eq!(
        key_file(&[("XDG_CONFIG_HOME", "/conf")]),
        "/conf/coffer/root.key"
    );
    assert_eq!(
        key_file(&[("XDG_CONFIG_HOME", "conf")]),
        "/home/example/.config/coffer/root.key"
    );
    assert_eq!(
        key_file(&[
            ("XDG_CONFIG_HOME", "/conf"),
            ("CREDENTIALS_DIRECTORY", "/run/c")
        ]),
        "/run/c/root-key"
    );
    let homeless = problems(&inputs("", &[("HOME", "")], &[]));
    assert!(homeless[0].contains("--key-file"), "{homeless:?}");
}

#[test]
fn a_secret_can_live_in_a_file_and_is_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(
        &path,
        "postgres://u:sesame@db.example/c?sslpassword=sesame\n",
    )
    .unwrap();
    let path = path.display().to_string();
    let loaded = load(&inputs(
        "",
        &[("COFFER_STORAGE__DATABASE_FILE", &path)],
        &[],
    ))
    .unwrap();
    let Database::Postgres(url) = &loaded.config.storage.database else {
        panic!("not PostgreSQL");
    };
    assert!(url.ends_with("=sesame"), "the newline is not dropped");
    assert!(!format!("{loaded:?}").contains("sesame"));
    let (value, source) = entry(&loaded, "storage.database");
    assert_eq!(value, "postgres://db.example/c (redacted)");
    assert!(source.starts_with("environment COFFER_STORAGE__DATABASE_FILE, file "));

    let odd = problems(&inputs(
        "",
        &[("COFFER_STORAGE__DATABASE", "mysql://u:sesame@db")],
        &[],
    ));
    assert!(!odd.concat().contains("sesame"), "{odd:?}");
    let both = "[storage]\ndatabase = \"a\"\ndatabase_file = \"/b\"\n";
    let twice = problems(&inputs(both, &[], &[]));
    assert_eq!(
        twice,
        ["coffer.toml:3:1: `storage.database` is set twice (the other place is coffer.toml:2:1)"]
    );
}

#[test]
fn a_database_is_the_data_folders_unless_named() {
    let database = |text: &str| {
        let flags = [("storage.database", text, "--database")];
        load(&inputs("", &[], &flags))
            .unwrap()
            .config
            .storage
            .database
    };
    assert!(
        matches!(database(""), Database::Sqlite(p) if p == Path::new("./coffer-data/coffer.db"))
    );
    assert!(matches!(database("/x/y.db"), Database::Sqlite(p) if p == Path::new("/x/y.db")));
    assert!(matches!(
        database("postgresql://h/d"),
        Database::Postgres(_)
    ));
}

#[test]
fn the_reference_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == reference::page(),
        "docs/configuration.md is stale: run `cargo run -- docs-config > docs/configuration.md`"
    );
}

#[test]
fn every_key_can_be_set_from_every_layer_it_names() {
    for key in keys::all() {
        let valid = match key.kind {
            keys::Kind::Boolean => "true".to_owned(),
            keys::Kind::Integer { most, .. } => most.to_string(),
            keys::Kind::Choice(words) => words[0].to_owned(),
            // More providers than the first need sections of their own.
            keys::Kind::List(_) => String::new(),
            keys::Kind::Path => "/elsewhere".to_owned(),
            keys::Kind::Text if key.name == "server.listen" => "127.0.0.1:9".to_owned(),
            keys::Kind::Text if key.name == "server.trusted_proxies" => "10.0.0.0/8".to_owned(),
            keys::Kind::Text if key.name == "server.public_url" => "https://c.example".to_owned(),
            keys::Kind::Text if key.name == "oidc.issuer" => "https://id.example".to_owned(),
            keys::Kind::Text => "name".to_owned(),
        };
        let variable = key.variable();
        let mut given = vec![(variable.as_str(), valid.as_str())];
        if key.name == "oidc.issuer" {
            // Alone it is no provider.
            given.push(("COFFER_SERVER__PUBLIC_URL", "https://c.example"));
            given.push(("COFFER_OIDC__CLIENT_ID", "coffer"));
        }
        // So is half of a pair.
        match key.name {
            "server.tls_certificate" => given.push(("COFFER_SERVER__TLS_KEY", "key.pem")),
            "server.tls_key" => given.push(("COFFER_SERVER__TLS_CERTIFICATE", "coffer.pem")),
            _ => {}
        }
        let loaded = load(&inputs("", &given, &[])).unwrap();
        let shown = match key.name {
            "oidc.client_secret" => "(secret)",
            _ => &valid,
        };
        assert_eq!(
            entry(&loaded, key.name),
            (shown, format!("environment {variable}").as_str())
        );
        assert!(VARIABLES.iter().all(|(name, _)| *name != variable));
    }
}

#[test]
fn private_targets_are_listed_and_an_entry_that_is_none_is_named() {
    let listed = "[outgoing]\nallow = \"splunk.corp, 10.2.0.0/16\"\nplain = true\n";
    assert!(load(&inputs(listed, &[], &[])).is_ok());
    let wrong = problems(&inputs(
        "[outgoing]\nallow = \"splunk.corp, http://a.test, 10.2.0.0/99\"\n",
        &[],
        &[],
    ));
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(
        wrong[0].contains("'http://a.test' is not a host name"),
        "{wrong:?}"
    );
}

#[test]
fn sections_have_parts_and_a_list_is_read_from_every_layer() {
    let wrong = |file: &str, environment: &[(&str, &str)]| {
        problems(&inputs(file, environment, &[])).join("\n")
    };
    for (found, expected) in [
        (
            wrong("[keys]\nalso = [\"file\"]\n", &[]),
            "coffer.toml:2:1: `keys.also` names `file`, which is `keys.provider` already",
        ),
        (
            wrong("", &[("COFFER_KEYS__ALSO", "file")]),
            "environment COFFER_KEYS__ALSO: `keys.also` names `file`, which is `keys.provider` already",
        ),
        (
            wrong("[keys]\nalso = \"file\"\n", &[]),
            "coffer.toml:2:8: `keys.also` must be a list of texts in quotes, not string",
        ),
        (
            wrong("[keys]\nalso = [\"vault\", \"vault\"]\n", &[]),
            "coffer.toml:2:1: `keys.also` must name each at most once of: file, vault, azure, aws, pkcs11",
        ),
        (
            wrong("[keys]\nalso = [\"vualt\"]\n", &[]),
            "coffer.toml:2:1: `keys.also` must name each at most once of",
        ),
        (
            wrong("[keys.valt]\naddress = \"x\"\n", &[]),
            "coffer.toml:1:7: unknown section `[keys.valt]`",
        ),
        (
            wrong("", &[("COFFER_KEYS__VALT__ADDRESS", "x")]),
            "environment COFFER_KEYS__VALT__ADDRESS: no such setting",
        ),
    ] {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
}

#[test]
fn a_provider_that_this_build_lacks_is_named_with_its_feature() {
    let missing = ProviderKind::ALL
        .into_iter()
        .filter(|kind| !kind.compiled());
    for kind in missing {
        let word = kind.word();
        let found = problems(&inputs("", &[("COFFER_KEYS__PROVIDER", word)], &[])).join("\n");
        let feature = kind.feature().expect("what is always there is compiled in");
        assert!(
            found.contains(&format!(
                "`keys.provider` names `{word}`, which is not compiled into this build"
            )) && found.contains(feature),
            "{found}"
        );
        let also = format!("[keys]\nalso = [\"{word}\"]\n");
        let found = problems(&inputs(&also, &[], &[])).join("\n");
        assert!(found.contains("`keys.also` names"), "{found}");
    }
    let words: Vec<&str> = ProviderKind::ALL.map(ProviderKind::word).to_vec();
    assert_eq!(words, providers::WORDS);
}

#[cfg(feature = "key-azure")]
#[test]
fn azure_has_two_credentials_and_says_what_is_missing() {
    use coffer_keys::azure::Credential;
    let text =
        "[keys]\nprovider = \"azure\"\n[keys.azure]\nvault = \"https://a.vault.azure.net\"\n";
    let loaded = load(&inputs(text, &[], &[])).unwrap();
    let ProviderSettings::Azure(settings) = loaded.config.keys.provider else {
        panic!("another provider");
    };
    assert!(matches!(
        settings.daily,
        Credential::ManagedIdentity { client_id: None }
    ));
    assert!(settings.lifecycle.is_none(), "none unless it is named");
    assert_eq!((settings.key_size, settings.hardware), (3072, false));

    let lifecycle = format!("{text}[keys.azure.lifecycle]\ncredential = \"client-secret\"\n");
    let found = problems(&inputs(&lifecycle, &[], &[])).join("\n");
    assert!(
        found.contains("`keys.azure.lifecycle.secret_file`"),
        "{found}"
    );
    let whole = format!("{lifecycle}tenant = \"t\"\nclient_id = \"c\"\nsecret_file = \"/s\"\n");
    let loaded = load(&inputs(&whole, &[], &[])).unwrap();
    let ProviderSettings::Azure(settings) = loaded.config.keys.provider else {
        panic!("another provider");
    };
    assert!(matches!(
        settings.lifecycle,
        Some(Credential::ClientSecret { .. })
    ));

    let found = problems(&inputs("[keys]\nprovider = \"azure\"\n", &[], &[])).join("\n");
    assert!(found.contains("`keys.azure.vault`"), "{found}");
    let odd = format!("{text}key_size = 2049\n");
    let found = problems(&inputs(&odd, &[], &[])).join("\n");
    assert!(found.contains("`keys.azure.key_size`"), "{found}");
}

#[cfg(feature = "key-aws")]
#[test]
fn aws_takes_a_role_or_a_profile_for_keys() {
    use coffer_keys::aws::Credential;
    let aws = |more: &str| {
        format!("[keys]\nprovider = \"aws\"\n[keys.aws]\nregion = \"eu-central-1\"\n{more}")
    };
    let loaded = load(&inputs(&aws(""), &[], &[])).unwrap();
    let ProviderSettings::Aws(settings) = loaded.config.keys.provider else {
        panic!("another provider");
    };
    assert!(matches!(settings.daily, Credential::Chain));
    assert!(settings.lifecycle.is_none(), "none unless it is named");
    let role = aws("[keys.aws.lifecycle]\nrole = \"arn:aws:iam::1:role/keys\"\n");
    let loaded = load(&inputs(&role, &[], &[])).unwrap();
    let ProviderSettings::Aws(settings) = loaded.config.keys.provider else {
        panic!("another provider");
    };
    assert!(matches!(settings.lifecycle, Some(Credential::Role(_))));
    let both = format!("{role}profile = \"keys\"\n");
    let found = problems(&inputs(&both, &[], &[])).join("\n");
    assert!(found.contains("are both set"), "{found}");
}
