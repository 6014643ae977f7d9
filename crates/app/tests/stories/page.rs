//! The documentation page's own example, as it stands there, with the program as it is run.

use crate::harness::{Done, PATH, Site, command, skip, told, tree};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const CERTIFICATES: &str = "/etc/ssl/certs";
const FILE: &str = "myCACertificate.pem";

/// The YAML that the page shows, byte for byte.
fn example(page: &str) -> String {
    let text = std::fs::read_to_string(page).unwrap();
    let (_, rest) = text
        .split_once("```yaml\n")
        .expect("the page has an example");
    let (yaml, _) = rest.split_once("```").unwrap();
    assert!(
        yaml.contains("DownloadSecureFile@1") && yaml.contains("sudo ln -s"),
        "{yaml}"
    );
    yaml.to_owned()
}

#[tokio::test]
async fn the_pages_example_under_one_added_line_links_the_certificate() {
    let name = "page::the_pages_example_under_one_added_line_links_the_certificate";
    let Some(page) = told("COFFER_PAGE") else {
        return skip(name, "COFFER_PAGE is not set");
    };
    let site = Site::new();
    if !may_unshare(&site).await {
        return skip(
            name,
            "no private mount namespace can be made: root and `unshare` are needed",
        );
    }
    let before = tree(Path::new(CERTIFICATES));
    let server = site.serve().await;
    let engineer = site.administrator(&server).await;
    let contributor = format!("{}/Contributors", crate::harness::PROJECT);
    let developer = site
        .person(&engineer, &server, "dev", &[&contributor])
        .await;
    let certificate = b"-----BEGIN CERTIFICATE-----\nof the page\n-----END CERTIFICATE-----\n";
    let file = site.file(FILE, certificate);
    engineer.coffer(&["file", "upload", &file]).await.ends(0);
    developer
        .pipeline("page", &format!("steps:\n{}", example(&page)))
        .await;
    let run = developer.queue("page").await;
    engineer.coffer(&["run", "permit", &run]).await.ends(0);

    // The folder that the example changes is another one for this agent, and `sudo` does as it is told.
    let shims = site.folder("shims");
    let sudo = site.file("shims/sudo", "#!/bin/sh\nexec \"$@\"\n");
    std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).unwrap();
    let seen = site.path("seen");
    let script = format!(
        "mount -t tmpfs coffer-story {CERTIFICATES} || exit 99
         \"$@\"
         code=$?
         readlink {CERTIFICATES}/{FILE} > '{}'
         exit $code",
        seen.display()
    );
    let agent = site.agent_command(&engineer, "private").await;
    let agent = agent.as_std();
    let mut private = command("unshare", &site.folder("home-agent"));
    private.args([
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        &script,
        "sh",
    ]);
    private
        .arg(agent.get_program())
        .args(agent.get_args())
        .arg("--once");
    private.env("PATH", format!("{}:{PATH}", shims.display()));
    let mut process = site.run(private);
    let ended = process.end().await;
    assert!(ended.success(), "{}", process.said());

    let watched = developer.watch(&run).await.ends(0);
    let path = site.path("private").join("_temp").join(FILE);
    let path = path.to_str().unwrap();
    let watched = watched.shows(&format!("Installing {path} to the trusted CA directory..."));
    assert!(watched.err.contains("succeeded"), "{}", watched.err);
    assert_eq!(
        std::fs::read_to_string(&seen).unwrap().trim(),
        path,
        "the link, inside"
    );
    assert!(!Path::new(path).exists(), "the file is gone with its job");
    assert_eq!(
        tree(Path::new(CERTIFICATES)),
        before,
        "nothing changed outside"
    );
}

#[tokio::test]
async fn the_pages_example_as_it_stands_is_refused_with_the_missing_line() {
    let Some(page) = told("COFFER_PAGE") else {
        return skip(
            "page::the_pages_example_as_it_stands_is_refused_with_the_missing_line",
            "COFFER_PAGE is not set",
        );
    };
    let site = Site::new();
    let server = site.serve().await;
    let engineer = site.administrator(&server).await;
    let file = site.file("page.yml", example(&page));
    engineer
        .coffer(&["pipeline", "add", &file])
        .await
        .ends(0)
        .says("did you mean `steps:`?");
    engineer
        .coffer(&["run", "start", "page"])
        .await
        .ends(6)
        .says("page.yml:1:1")
        .says("did you mean `steps:`?");
}

/// Whether this user may have mounts of its own.
async fn may_unshare(site: &Site) -> bool {
    if !Path::new(CERTIFICATES).is_dir() {
        return false;
    }
    let probe = format!("mount -t tmpfs coffer-story {CERTIFICATES}");
    let found = command("sh", &site.folder("probe"))
        .args(["-c", "command -v unshare"])
        .output()
        .await
        .unwrap();
    if !found.status.success() {
        return false;
    }
    let mut unshare = command("unshare", &site.folder("probe"));
    unshare.args(["--mount", "--propagation", "private", "sh", "-c", &probe]);
    Done::of(unshare).await.code == 0
}
