//! The file outside the data folder that signed records are appended to, and reading such a file back.
//!
//! One record a line, JSON. Written and synced before it counts as kept; a line that broke off is cut away.

use coffer_model::audit::Digest;
use coffer_model::record::{Kind, Record, Signed, payload};
use coffer_service::RecordKeeper;
use coffer_wire::audit::SignedRecord;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// No record is longer.
const MAX_LINE: u64 = 1 << 20;

/// The file.
pub(crate) struct Checkpoints(PathBuf);

impl Checkpoints {
    /// Makes the file if it is not there, for its owner only, and tries whether it can be written.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let this = Self(path.to_owned());
        this.file()?.sync_all()?;
        Ok(this)
    }

    fn file(&self) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.0)
    }
}

impl RecordKeeper for Checkpoints {
    fn newest(&self) -> io::Result<Option<Signed>> {
        let mut newest = None;
        for line in BufReader::new(self.file()?).split(b'\n') {
            if let Ok(record) = serde_json::from_slice::<SignedRecord>(&line?) {
                newest = from_wire(record).or(newest);
            }
        }
        Ok(newest)
    }

    fn keep(&self, records: &[Signed]) -> io::Result<()> {
        let mut file = self.file()?;
        let mut text = Vec::new();
        let length = file.seek(SeekFrom::End(0))?;
        if length > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != [b'\n'] {
                // Somebody's line broke off: it stays, as a line of its own that is no record.
                text.push(b'\n');
            }
        }
        for signed in records {
            serde_json::to_writer(&mut text, &to_wire(signed))?;
            text.push(b'\n');
        }
        file.write_all(&text)?;
        file.sync_all()
    }
}

/// A record as a line says it.
pub(crate) fn to_wire(signed: &Signed) -> SignedRecord {
    let record = &signed.record;
    SignedRecord {
        kind: record.kind.word().to_owned(),
        scale_unit: record.scale_unit.clone(),
        organization: record.organization,
        number: record.number,
        previous: hex(&record.previous),
        time: record.time,
        key_id: hex(&record.key),
        sequence: record.sequence,
        head: hex(&record.head),
        root: hex(&record.root),
        text: signed.text.clone(),
        signature: hex(&signed.signature),
    }
}

/// The record that a line says. None when a value of it cannot be.
pub(crate) fn from_wire(line: SignedRecord) -> Option<Signed> {
    Some(Signed {
        record: Record {
            kind: Kind::from_word(&line.kind)?,
            scale_unit: line.scale_unit,
            organization: line.organization,
            number: line.number,
            previous: digest(&line.previous)?,
            time: line.time,
            key: digest(&line.key_id)?,
            sequence: line.sequence,
            head: digest(&line.head)?,
            root: digest(&line.root)?,
            payload: payload(&line.text),
        },
        text: line.text,
        signature: bytes(&line.signature)?,
    })
}

/// The records of a file of checkpoints, or of any file with a record a line, such as a saved answer.
pub(crate) fn read(reader: impl io::Read) -> io::Result<Vec<Signed>> {
    let mut reader = BufReader::new(reader);
    let mut records = Vec::new();
    let mut whole = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)?
            == 0
        {
            break;
        }
        if let Ok(record) = serde_json::from_slice(&line) {
            records.extend(from_wire(record));
        } else if records.is_empty() && (whole.len() as u64) < MAX_LINE {
            // One record over several lines, as `--output json` prints it.
            whole.extend_from_slice(&line);
        }
    }
    if records.is_empty()
        && let Ok(record) = serde_json::from_slice(&whole)
    {
        records.extend(from_wire(record));
    }
    Ok(records)
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes of hex.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    bytes(text)?.try_into().ok()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use coffer_model::record::key_id;

    pub(crate) fn pair(seed: u8) -> (Ed25519KeyPair, [u8; 32]) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        (pair, public)
    }

    pub(crate) fn signed(seed: u8, number: i64, kind: Kind, text: &str) -> Signed {
        let (pair, public) = pair(seed);
        let record = Record {
            kind,
            scale_unit: "unit-a".into(),
            organization: uuid::Uuid::nil(),
            number,
            previous: [0; 32],
            time: 1,
            key: key_id(&public),
            sequence: number,
            head: [1; 32],
            root: [2; 32],
            payload: payload(text),
        };
        let signature = pair.sign(&record.bytes()).as_ref().to_vec();
        Signed {
            record,
            text: text.into(),
            signature,
        }
    }

    #[test]
    fn records_are_appended_and_read_back_also_after_a_line_broke_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints.jsonl");
        let file = Checkpoints::open(&path).unwrap();
        assert_eq!(file.newest().unwrap(), None);
        let records: Vec<Signed> = (1..=3)
            .map(|n| signed(1, n, Kind::Checkpoint, ""))
            .collect();
        file.keep(&records[..2]).unwrap();
        let mut broken = OpenOptions::new().append(true).open(&path).unwrap();
        broken.write_all(b"{\"kind\":\"check").unwrap();
        assert_eq!(file.newest().unwrap().as_ref(), Some(&records[1]));
        file.keep(&records[2..]).unwrap();
        assert_eq!(file.newest().unwrap().as_ref(), Some(&records[2]));
        assert_eq!(read(File::open(&path).unwrap()).unwrap(), records);
        let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(records.iter().all(|signed| signed.is_by(&pair(1).1)));
        let pretty = serde_json::to_vec_pretty(&to_wire(&records[0])).unwrap();
        assert_eq!(read(&pretty[..]).unwrap(), records[..1]);
    }
}
