//! The alarm of a validator, on disk: what it found, until somebody has looked. A validator whose directory has one follows
//! and signs nothing, however often it is started.
//!
//! Owns `validator/alarm` and the names of evidence files. It never overwrites evidence, and never clears an alarm by itself.

use std::fmt;

use super::Finding;
use super::witness::VALIDATOR_DIRECTORY;
use crate::storage::{Access, Storage, StorageFault, read_whole};

const ALARM_FILE: &str = "validator/alarm";
const TITLE: &str = "feiqian validator alarm, version 1";
const BYTES_MAX: u64 = 65_536;

/// What a validator found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alarm {
    /// The first sequence that can differ.
    pub sequence: u64,
    /// The block that holds it.
    pub height: u64,
    /// The file of evidence, relative to the data directory; empty where it could not be written.
    pub evidence: String,
    /// What differs, for people, in one line.
    pub what: String,
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sequence, height, evidence, what } = self;
        writeln!(f, "{TITLE}")?;
        writeln!(f, "sequence {sequence}\nheight {height}\nevidence {evidence}\nwhat {what}")
    }
}

impl Alarm {
    /// Keeps a finding: its evidence under a name of its own, then the alarm, each durably.
    ///
    /// # Errors
    /// The storage's faults; where only the evidence could not be written, the alarm stays all the same.
    pub fn raise(storage: &impl Storage, finding: &Finding) -> Result<Self, StorageFault> {
        let bytes = finding.evidence.encode();
        let name = free_name(storage, finding.height, &bytes)?;
        let written = match &name {
            (name, false) => storage.write_atomically(name, &bytes),
            _ => Ok(()),
        };
        let evidence = if written.is_ok() { name.0 } else { String::new() };
        let what = finding.what.replace(['\n', '\r'], " ");
        let alarm = Self { sequence: finding.sequence, height: finding.height, evidence, what };
        storage.create_directory(VALIDATOR_DIRECTORY)?;
        storage.write_atomically(ALARM_FILE, alarm.to_string().as_bytes())?;
        written.map(|()| alarm)
    }

    /// The alarm that nobody has cleared yet. One that can't be read is one.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn standing(storage: &impl Storage) -> Result<Option<Self>, StorageFault> {
        match read_whole(storage, ALARM_FILE, BYTES_MAX) {
            Ok(bytes) => Ok(Some(parse(&bytes).unwrap_or_else(|| Self {
                sequence: 0,
                height: 0,
                evidence: String::new(),
                what: format!("{ALARM_FILE} is there and can't be read"),
            }))),
            Err(fault) if fault.is_absent() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Clears the alarm, since somebody has looked: it is kept under another name, which is given. None if there is none.
    ///
    /// # Errors
    /// The storage's faults.
    pub fn clear(storage: &impl Storage) -> Result<Option<String>, StorageFault> {
        if Self::standing(storage)?.is_none() {
            return Ok(None);
        }
        let taken = storage.list(VALIDATOR_DIRECTORY)?;
        let mut names = (1_u32..).map(|number| format!("alarm-{number}.seen"));
        let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
        let kept = format!("{VALIDATOR_DIRECTORY}/{name}");
        storage.rename(ALARM_FILE, &kept)?;
        storage.sync_directory(VALIDATOR_DIRECTORY)?;
        Ok(Some(kept))
    }
}

/// A name that no other evidence has, or that of the same; and whether it is the same.
fn free_name(storage: &impl Storage, height: u64, bytes: &[u8]) -> Result<(String, bool), StorageFault> {
    for number in 1_u32.. {
        let name = match number {
            1 => format!("evidence-{height}.fqe"),
            _ => format!("evidence-{height}-{number}.fqe"),
        };
        match storage.open(&name, Access::Buffered) {
            Err(fault) if fault.is_absent() => return Ok((name, false)),
            Err(fault) => return Err(fault),
            Ok(_) => {}
        }
        let known = read_whole(storage, &name, bytes.len() as u64);
        if known.is_ok_and(|known| known == bytes) {
            return Ok((name, true));
        }
    }
    unreachable!("there are more numbers than files")
}

fn parse(bytes: &[u8]) -> Option<Alarm> {
    let text = std::str::from_utf8(bytes).ok()?;
    let [TITLE, sequence, height, evidence, what, ""] = text.split('\n').collect::<Vec<_>>()[..] else {
        return None;
    };
    Some(Alarm {
        sequence: sequence.strip_prefix("sequence ")?.parse().ok()?,
        height: height.strip_prefix("height ")?.parse().ok()?,
        evidence: evidence.strip_prefix("evidence ")?.to_owned(),
        what: what.strip_prefix("what ")?.to_owned(),
    })
}
