//! What is in a running server's memory when the work is done: what a core would hold, and what the arena holds.
//!
//! The image is read from `/proc`, with the rule by which the kernel leaves pages out of a core. The keys that must not be
//! in it are worked out from the root key file and the database, by the description of the format alone.

use crate::harness::{PROJECT, Site, eventually, skip};
use crate::job::Hand;
use aho_corasick::AhoCorasick;
use coffer_client::{Body, Upload};
use sqlx::Connection as _;
use std::collections::BTreeSet;
use std::os::unix::fs::FileExt as _;
use uuid::Uuid;

mod keys;

/// One mapping of a process.
struct Mapping {
    start: u64,
    end: u64,
    /// Left out of cores: `MADV_DONTDUMP`.
    undumped: bool,
    /// What the kernel calls it.
    name: String,
}

/// The mappings that may hold something of the process's own: written to at some time, and readable.
fn mappings(process: u32) -> Option<Vec<Mapping>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps")).ok()?;
    let mut all = Vec::new();
    let mut written = 0;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let first = words.next()?;
        if let Some((start, end)) = first.split_once('-') {
            written = 0;
            all.push(Mapping {
                start: u64::from_str_radix(start, 16).ok()?,
                end: u64::from_str_radix(end, 16).ok()?,
                undumped: false,
                name: words.nth(4).unwrap_or_default().to_owned(),
            });
        } else if ["Anonymous:", "Private_Dirty:", "Shared_Dirty:", "Swap:"].contains(&first) {
            written += words.next()?.parse::<u64>().ok()?;
        } else if first == "VmFlags:" {
            let flags: BTreeSet<&str> = words.collect();
            let readable = flags.contains("rd") && !flags.contains("io");
            let mapping = all.last_mut()?;
            mapping.undumped = flags.contains("dd");
            if !readable || written == 0 {
                all.pop();
            }
        }
    }
    Some(all)
}

/// What was looked for and found: in what a core holds, and in what it leaves out.
#[derive(Debug, Default)]
struct Found {
    dumped: BTreeSet<String>,
    undumped: BTreeSet<String>,
    /// Bytes looked at, dumped and not.
    bytes: (u64, u64),
}

/// Looks for all of `wanted` in the memory of a process. `None` when this user may not look.
fn search(process: u32, wanted: &[(String, Vec<u8>)]) -> Option<Found> {
    let patterns = AhoCorasick::new(wanted.iter().map(|(_, bytes)| bytes)).unwrap();
    let memory = std::fs::File::open(format!("/proc/{process}/mem")).ok()?;
    let mut found = Found::default();
    // Pieces overlap by more than the longest thing that is looked for.
    let mut piece = vec![0; 1 << 20];
    for mapping in mappings(process)? {
        let mut at = mapping.start;
        while at < mapping.end {
            let length = (mapping.end - at).min(piece.len() as u64) as usize;
            // A page may be gone meanwhile; some of the kernel's own cannot be read.
            let Ok(read) = memory.read_at(&mut piece[..length], at) else {
                break;
            };
            for hit in patterns.find_overlapping_iter(&piece[..read]) {
                let what = &wanted[hit.pattern().as_usize()].0;
                let (set, place) = match mapping.undumped {
                    true => (&mut found.undumped, "arena"),
                    false => (&mut found.dumped, mapping.name.as_str()),
                };
                let place = if place.is_empty() { "pages" } else { place };
                set.insert(format!("{what} in {place}"));
            }
            let bytes = match mapping.undumped {
                true => &mut found.bytes.1,
                false => &mut found.bytes.0,
            };
            *bytes += read as u64;
            if at + read as u64 >= mapping.end || read < 4096 {
                break;
            }
            at += read as u64 - 256;
        }
    }
    Some(found)
}

/// Whether anybody is still connected to this port.
fn connected(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().skip(1).any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Established, or closed by the other side only.
        words[1].ends_with(&format!(":{port:04X}")) && ["01", "08"].contains(&words[3])
    })
}

/// A text that stands nowhere else.
fn marker(chance: &mut crate::harness::Chance) -> String {
    format!("Marker{}", hex::encode(chance.bytes(12)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_of_a_server_after_its_work_holds_no_key_and_no_content() {
    let site = Site::new();
    let mut server = site.serve().await;
    let process = server.process.id();
    if search(process, &[]).is_none() {
        return skip(
            "memory::a_core_of_a_server_after_its_work_holds_no_key_and_no_content",
            "reading the memory of a process that is closed to others needs root",
        );
    }
    let ada = site.administrator(&server).await;
    let mut chance = crate::harness::Chance::new(crate::harness::Chance::seed());

    // Files of one segment and of many, sent in one piece and in small ones.
    let mut wanted: Vec<(String, Vec<u8>)> = Vec::new();
    let client = ada.client();
    let mut names = Vec::new();
    for (name, length) in [("key.p12", 3_000), ("store.jks", 700_000)] {
        let marker = marker(&mut chance);
        let content: Vec<u8> = marker.bytes().cycle().take(length).collect();
        wanted.push((format!("content of {name}"), marker.into_bytes()));
        let upload = Upload {
            authorize_pipelines: true,
            ..Upload::named(name)
        };
        let files = client.secure_files(PROJECT);
        files
            .upload(upload, Body::from_bytes(content))
            .await
            .unwrap();
        names.push(name);
    }

    // A job takes them, and writes a log.
    let hand = Hand::register(&ada, "hand").await;
    let job = hand.takes(&client, "take", names.iter().copied()).await;
    for file in &job.resources.secure_files {
        let content = hand.download(&job, file).await.unwrap();
        assert!(content.starts_with(b"Marker"));
    }
    let said = marker(&mut chance);
    hand.says(&job, &said).await;
    wanted.push(("a line of a log".to_owned(), said.clone().into_bytes()));
    hand.finish(&job, "succeeded").await;
    let builds = client.builds(PROJECT);
    let log = builds.logs(job.run_id).await.unwrap().remove(0).id;
    let lines = builds.log(job.run_id, log, 1).await.unwrap();
    assert!(lines.concat().contains(&said), "{lines:?}");

    // Everybody goes.
    drop((hand, client));
    let port = server
        .address()
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    eventually("everybody is gone", async || {
        (!connected(port)).then_some(())
    })
    .await;

    let keys = keys::of(&site).await;
    assert!(keys.files.len() >= 2, "both files have a key");
    let project_keys: Vec<String> = keys.project.iter().map(|(name, _)| name.clone()).collect();
    wanted.extend(keys.root);
    wanted.extend(keys.files);
    wanted.extend(keys.project);

    // The last answer is sent before its buffers are given back.
    let mut last = Found::default();
    let clean = tokio::time::timeout(std::time::Duration::from_secs(30), async {
        loop {
            last = search(process, &wanted).unwrap();
            if last.dumped.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    let clean = clean.await;
    assert!(
        clean.is_ok(),
        "in a core: {:#?}\nin the arena: {:#?}",
        last.dumped,
        last.undumped
    );
    assert!(last.bytes.0 > 1 << 20, "the memory was looked at: {last:?}");

    // What is kept is in the arena, and only the keys of projects are kept: so the search finds what is there.
    let kept: BTreeSet<&str> = last
        .undumped
        .iter()
        .filter_map(|found| found.strip_suffix(" in arena"))
        .collect();
    assert!(!kept.is_empty(), "no key is kept, so nothing is shown");
    for found in kept {
        assert!(
            project_keys.iter().any(|key| key == found),
            "{found} is kept"
        );
    }

    // And the system would write no core.
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{core:?}");
    assert!(server.process.terminate().await.success());
}
