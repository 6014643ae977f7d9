//! Two officers and a recipient at their command lines.

use crate::harness::{Done, Person, Server, Site, coffer};
use age::x25519::Identity;
use std::io::Read as _;

pub(crate) const PASSWORD: &str = "a long enough password\n";
const CONTENT: &str = "-----BEGIN CERTIFICATE-----\nthe content of a story\n";

/// Somebody of a group, signed in by password.
pub(crate) async fn with_password(
    site: &Site,
    ada: &Person,
    server: &Server,
    (name, group): (&str, &str),
) -> Person {
    ada.coffer(&["user", "add", name, "--group", group])
        .await
        .ends(0);
    let code = ada.coffer(&["user", "invite", name]).await.ends(0);
    let person = site.somebody(name, server);
    let words = ["login", &server.url, "--user", name, "--password-stdin"];
    let mut login = coffer(&person.home, &words);
    login.args(["--invitation", code.out.trim()]);
    Done::with_input(login, PASSWORD.as_bytes()).await.ends(0);
    person
}

async fn shows(person: &Person, words: &[&str]) -> Done {
    let mut command = coffer(&person.home, &["key", "break-glass"]);
    command.args(words).arg("--password-stdin");
    Done::with_input(command, PASSWORD.as_bytes()).await
}

#[tokio::test]
async fn two_officers_have_a_file_and_only_the_recipient_reads_it() {
    let site = Site::new();
    let mut command = site.serve_command(site.listen(), &[]);
    command.env("COFFER_BREAK_GLASS__OFFICERS", "vera, wim");
    let server = site.start(command).await;
    let ada = site.administrator(&server).await;
    ada.file("signing.pem", CONTENT).await;
    let officers = "Break-Glass Officers";
    let vera = with_password(&site, &ada, &server, ("vera", officers)).await;
    let wim = with_password(&site, &ada, &server, ("wim", officers)).await;
    let recipient = Identity::generate();
    let to = recipient.to_public().to_string();
    let wish = [
        "request",
        "signing.pem",
        "--project",
        "Main",
        "--to",
        &to,
        "--reason",
        "incident 7",
    ];
    shows(&ada, &wish).await.ends(4);
    let asked = [&wish[..], &["--output", "json"]].concat();
    let asked = shows(&vera, &asked)
        .await
        .ends(0)
        .says("within the hour")
        .json();
    let request = asked["id"].as_str().unwrap();
    wim.coffer(&["key", "break-glass", "list"])
        .await
        .ends(0)
        .shows("incident 7")
        .shows("requested");
    shows(&vera, &["approve", request]).await.ends(4);
    shows(&wim, &["approve", request])
        .await
        .ends(0)
        .says(&format!("Recipient  {to}"))
        .says("coffer key break-glass export");
    let file = site.path("signing.pem.age");
    let export = ["export", request, "--to", file.to_str().unwrap()];
    shows(&vera, &export)
        .await
        .ends(0)
        .says("for the recipient alone")
        .says("renew it where it comes from")
        .says(&format!(
            "coffer key rotate --wait --reason 'break-glass {request}'"
        ))
        .says("coffer key re-encrypt signing.pem --project Main");
    let sealed = std::fs::read(&file).unwrap();
    let opened = age::Decryptor::new(&sealed[..]).unwrap();
    let mut opened = opened
        .decrypt(std::iter::once(&recipient as &dyn age::Identity))
        .unwrap();
    let mut plain = String::new();
    opened.read_to_string(&mut plain).unwrap();
    assert_eq!(plain, CONTENT);
    // Not over a file that is there, and not twice; what was begun for nothing is gone.
    shows(&vera, &export).await.ends(5);
    let again = site.path("again.age");
    let export = ["export", request, "--to", again.to_str().unwrap()];
    shows(&vera, &export).await.ends(5);
    assert!(!again.exists());
    assert!(crate::harness::holds(&site.data(), b"the content of a story").is_empty());
    assert!(site.logs().contains("break-glass"));
    wim.coffer(&["key", "break-glass", "withdraw", request])
        .await
        .ends(5);
}
