//! What makes an interrupted extraction go on where it was (answers that were taken, kept on disk until they are safe).
//!
//! The journal records every answer under the fingerprint of its request. A later run with the same configuration and
//! the same state takes answers from it instead of asking again; everything else, paginators, children, cursors, runs as
//! always, so the tables are those of an undisturbed run and dlt's state keeps its meaning. A journal that is complete,
//! old, or of another configuration or state is not used. Start with [`Journal::open`].

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use url::Url;

use crate::http::Answer;

/// Version of the file.
const FORMAT: u64 = 1;

/// Older journals are not used: the rows behind the kept pages may have moved on.
const AGE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Answers that wait to be written; each holds its body in memory.
const WAITING_MAX: usize = 64;

/// Bytes before the header of a record: fingerprint, lengths of header, packed and plain body, checksum.
const PREFIX: usize = 24;

/// Headers that paginators and readers look at.
const KEPT_HEADERS: [&str; 2] = ["link", "content-type"];

/// Kept answers of one source.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    known: Mutex<HashMap<(u64, u64), VecDeque<u64>>>,
    write: Mutex<Option<SyncSender<Record>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Header names that the paginators of this source use besides the usual ones.
    headers: Vec<String>,
    /// A later run may go on from here. Until an error says so, an end without success means that what was kept could
    /// not be used.
    is_resumable: AtomicBool,
}

/// An answer on its way to the disk.
struct Record {
    key: (u64, u64),
    header: Vec<u8>,
    body: Bytes,
}

impl Journal {
    /// The journal in `folder` of the source called `name`. `identity` stands for configuration and state: a journal of
    /// another identity starts over. Nothing when the disk refuses: checkpoints are a comfort.
    pub(crate) fn open(
        folder: &Path,
        name: &str,
        identity: &str,
        headers: Vec<String>,
    ) -> Option<Self> {
        std::fs::create_dir_all(folder).ok()?;
        let stem: String = name
            .chars()
            .map(|c| {
                if c.is_alphanumeric() || c == '_' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let path = folder.join(format!("{stem}.journal"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let mut file = options.open(&path).ok()?;
        let known = match load(&mut file, identity) {
            Some(known) => known,
            None => {
                start_over(&mut file, identity)?;
                HashMap::new()
            }
        };
        let (write, records) = sync_channel::<Record>(WAITING_MAX);
        let mut out = BufWriter::new(file.try_clone().ok()?);
        let writer = std::thread::spawn(move || {
            for record in records {
                // A full disk ends the keeping, not the load.
                if append(&mut out, &record).is_err() {
                    return;
                }
            }
        });
        Some(Journal {
            path,
            file,
            known: Mutex::new(known),
            write: Mutex::new(Some(write)),
            writer: Mutex::new(Some(writer)),
            headers,
            is_resumable: AtomicBool::new(false),
        })
    }

    /// The run ends early for a reason that another run need not meet.
    pub(crate) fn leave(&self) {
        self.is_resumable.store(true, Ordering::Relaxed);
    }

    /// Number of answers that an earlier run has left.
    pub(crate) fn kept_count(&self) -> usize {
        locked(&self.known).values().map(VecDeque::len).sum()
    }

    /// An answer that was kept; each is given once.
    pub(crate) fn take(&self, resource: &str, fingerprint: u64, url: &Url) -> Option<Answer> {
        let offset = {
            let mut known = locked(&self.known);
            if known.is_empty() {
                return None;
            }
            known.get_mut(&(hash(resource), fingerprint))?.pop_front()?
        };
        self.read(offset, url)
    }

    fn read(&self, offset: u64, url: &Url) -> Option<Answer> {
        let mut prefix = [0; PREFIX];
        self.file.read_exact_at(&mut prefix, offset + 8).ok()?;
        let lengths = Lengths::of(&prefix);
        let mut bytes = vec![0; lengths.header + lengths.packed];
        self.file
            .read_exact_at(&mut bytes, offset + 8 + PREFIX as u64)
            .ok()?;
        if crc32fast::hash(&bytes) != lengths.checksum {
            return None;
        }
        let (header, packed) = bytes.split_at(lengths.header);
        let header: Value = serde_json::from_slice(header).ok()?;
        let body = lz4_flex::block::decompress(packed, lengths.plain).ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in header["headers"].as_object()? {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_str(value.as_str()?).ok()?);
        }
        Some(Answer {
            status: u16::try_from(header["status"].as_u64()?).ok()?,
            headers,
            url: url.clone(),
            body: Bytes::from(body),
        })
    }

    /// Keeps an answer. Returns at once unless the disk is slower than the network.
    pub(crate) fn keep(&self, resource: &str, fingerprint: u64, answer: &Answer) {
        let names = KEPT_HEADERS
            .into_iter()
            .chain(self.headers.iter().map(String::as_str));
        let headers: serde_json::Map<String, Value> = names
            .filter_map(|name| {
                let values = answer.headers.get_all(name).iter();
                let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
                (!texts.is_empty()).then(|| (name.to_lowercase(), json!(texts.join(", "))))
            })
            .collect();
        let header = json!({"status": answer.status, "headers": headers});
        let record = Record {
            key: (hash(resource), fingerprint),
            header: header.to_string().into_bytes(),
            body: answer.body.clone(),
        };
        let write = locked(&self.write).clone();
        if let Some(write) = write {
            let _ = write.send(record);
        }
    }

    /// Waits until everything that was given is written.
    pub(crate) fn flush(&self) {
        drop(locked(&self.write).take());
        if let Some(writer) = locked(&self.writer).take() {
            let _ = writer.join();
        }
    }

    /// What is kept must not be used by a later run.
    fn complete(&self) {
        self.flush();
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        match self.is_resumable.load(Ordering::Relaxed) {
            true => self.flush(),
            false => self.complete(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A hash that is the same in every run, unlike those of the standard library.
pub(crate) fn hash(text: &str) -> u64 {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest.as_ref()[..8]);
    u64::from_le_bytes(bytes)
}

struct Lengths {
    header: usize,
    packed: usize,
    plain: usize,
    checksum: u32,
}

impl Lengths {
    /// From the part of the prefix that follows the hash of the resource and holds the fingerprint first.
    fn of(prefix: &[u8; PREFIX]) -> Self {
        let number = |at: usize| {
            let mut bytes = [0; 4];
            bytes.copy_from_slice(&prefix[at..at + 4]);
            u32::from_le_bytes(bytes)
        };
        Lengths {
            header: number(8) as usize,
            packed: number(12) as usize,
            plain: number(16) as usize,
            checksum: number(20),
        }
    }
}

fn append(out: &mut impl std::io::Write, record: &Record) -> std::io::Result<()> {
    let packed = lz4_flex::block::compress(&record.body);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&record.header);
    crc.update(&packed);
    out.write_all(&record.key.0.to_le_bytes())?;
    out.write_all(&record.key.1.to_le_bytes())?;
    for length in [record.header.len(), packed.len(), record.body.len()] {
        let length = u32::try_from(length).map_err(std::io::Error::other)?;
        out.write_all(&length.to_le_bytes())?;
    }
    out.write_all(&crc.finalize().to_le_bytes())?;
    out.write_all(&record.header)?;
    out.write_all(&packed)?;
    // Given to the system at once: a process that is killed leaves all that it has read.
    out.flush()
}

fn start_over(file: &mut File, identity: &str) -> Option<()> {
    file.set_len(0).ok()?;
    file.seek(SeekFrom::Start(0)).ok()?;
    let begun = seconds_since_1970();
    let line = json!({"format": FORMAT, "identity": identity, "begun": begun});
    writeln!(file, "{line}").ok()
}

fn seconds_since_1970() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Offsets of the answers in a file of this identity; the file is then at the end of the last whole one.
fn load(file: &mut File, identity: &str) -> Option<HashMap<(u64, u64), VecDeque<u64>>> {
    let length = file.metadata().ok()?.len();
    let mut head = Vec::new();
    file.try_clone()
        .ok()?
        .take(4_096)
        .read_to_end(&mut head)
        .ok()?;
    let line_end = head.iter().position(|byte| *byte == b'\n')?;
    let line: Value = serde_json::from_slice(&head[..line_end]).ok()?;
    let begun = line["begun"].as_u64()?;
    let age = seconds_since_1970().saturating_sub(begun);
    let is_ours = line["format"] == FORMAT && line["identity"] == identity;
    if !is_ours || age > AGE_MAX.as_secs() {
        return None;
    }
    let mut known: HashMap<(u64, u64), VecDeque<u64>> = HashMap::new();
    let mut at = line_end as u64 + 1;
    let mut prefix = [0; 8 + PREFIX];
    while file.read_exact_at(&mut prefix, at).is_ok() {
        let mut rest = [0; PREFIX];
        rest.copy_from_slice(&prefix[8..]);
        let lengths = Lengths::of(&rest);
        let end = at + (8 + PREFIX + lengths.header + lengths.packed) as u64;
        if end > length {
            break;
        }
        let number = |bytes: &[u8]| {
            let mut eight = [0; 8];
            eight.copy_from_slice(bytes);
            u64::from_le_bytes(eight)
        };
        let key = (number(&prefix[..8]), number(&prefix[8..16]));
        known.entry(key).or_default().push_back(at);
        at = end;
    }
    // What follows was being written when the process ended.
    file.set_len(at).ok()?;
    file.seek(SeekFrom::Start(at)).ok()?;
    Some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.append("link", "</b>; rel=next".parse().unwrap());
        headers.append("x-next", "c1".parse().unwrap());
        headers.append("set-cookie", "canary".parse().unwrap());
        Answer {
            status: 200,
            headers,
            url: url(),
            body: Bytes::from(body.to_owned()),
        }
    }

    fn url() -> Url {
        "https://h/".parse().unwrap()
    }

    fn open(folder: &Path, identity: &str) -> Journal {
        let headers = vec!["X-Next".to_owned()];
        let journal = Journal::open(folder, "shop api", identity, headers).unwrap();
        journal.leave();
        journal
    }

    #[test]
    fn answers_come_back_once_in_the_order_in_which_they_were_kept() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path(), "a");
        journal.keep("r", 7, &answer("one"));
        journal.keep("r", 7, &answer("two"));
        journal.keep("s", 7, &answer("other"));
        drop(journal);
        let journal = open(folder.path(), "a");
        assert_eq!(journal.kept_count(), 3);
        let first = journal.take("r", 7, &url()).unwrap();
        assert_eq!((first.status, &first.body[..]), (200, &b"one"[..]));
        assert_eq!(first.header("link"), Some("</b>; rel=next"));
        assert_eq!(first.header("x-next"), Some("c1"));
        assert_eq!(first.header("set-cookie"), None);
        assert_eq!(journal.take("r", 7, &url()).unwrap().body, "two");
        assert!(journal.take("r", 7, &url()).is_none());
        assert!(journal.take("r", 8, &url()).is_none());
    }

    #[test]
    fn another_identity_starts_over() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path(), "a");
        journal.keep("r", 7, &answer("one"));
        drop(journal);
        assert_eq!(open(folder.path(), "b").kept_count(), 0);
        assert_eq!(
            open(folder.path(), "a").kept_count(),
            0,
            "it was overwritten"
        );
    }

    #[test]
    fn a_torn_end_is_cut_off_and_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path(), "a");
        journal.keep("r", 1, &answer("whole"));
        journal.keep("r", 2, &answer("torn"));
        drop(journal);
        let path = folder.path().join("shop_api.journal");
        let length = std::fs::metadata(&path).unwrap().len();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(length - 3).unwrap();
        let journal = open(folder.path(), "a");
        assert_eq!(journal.kept_count(), 1);
        journal.keep("r", 3, &answer("new"));
        drop(journal);
        let journal = open(folder.path(), "a");
        assert_eq!(journal.take("r", 1, &url()).unwrap().body, "whole");
        assert_eq!(journal.take("r", 3, &url()).unwrap().body, "new");
    }

    #[test]
    fn a_damaged_answer_is_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path(), "a");
        journal.keep("r", 1, &answer("some body"));
        drop(journal);
        let path = folder.path().join("shop_api.journal");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(open(folder.path(), "a").take("r", 1, &url()).is_none());
    }

    #[test]
    fn a_journal_that_nobody_may_go_on_from_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path(), "s", "a", Vec::new()).unwrap();
        journal.keep("r", 1, &answer("x"));
        drop(journal);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
