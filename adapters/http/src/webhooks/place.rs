//! How far a target has been told: one small file for each, written as a whole or not at all, and beside it, for a moment,
//! what an operator asks. The file is written before a request is sent and after it was taken, so that whatever ends the
//! process, the same request is sent again under the same id, or the next one.
//!
//! ```text
//!  NAME.json     {"version":1,"done":310,"delivered":307,"sending":402,"is_stopped":false}
//!  NAME.replay   a sequence: whoever delivers takes the file, sets the place back, and removes it
//! ```

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use feiqian_files::FilesError;
use feiqian_files::store::{sync_folder, write_file};
use serde::{Deserialize, Serialize};

use crate::limits::WEBHOOK_PLACE_BYTES_MAX;

const VERSION: u32 = 1;

/// How far a target has been told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    version: u32,
    /// No event up to this sequence is still to be told.
    pub done: u64,
    /// Sequence of the last event that was told; 0 before the first.
    pub delivered: u64,
    /// Sequence of the last event of the request that was sent, or is about to be, and was not taken yet.
    pub sending: Option<u64>,
    /// Whether the receiver has said that it is gone.
    pub is_stopped: bool,
}

/// Why a place can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum PlaceFault {
    /// A file can't be written.
    #[error(transparent)]
    Write(#[from] FilesError),
    /// A file can't be read or removed.
    #[error("{file}: {source}")]
    Read {
        /// Which.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what was written.
    #[error("{file}: {what}; set the place anew with `feiqian webhooks replay NAME --from SEQUENCE`")]
    Content {
        /// Which.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// It would not be set back.
    #[error("from {from} is behind the place, {next}: what lies between would never be told")]
    Ahead {
        /// What was asked.
        from: u64,
        /// What is told next.
        next: u64,
    },
}

/// The place of a target's; none before its first start.
///
/// # Errors
/// [`PlaceFault`].
pub fn read_place(directory: &Path, name: &str) -> Result<Option<Place>, PlaceFault> {
    let path = place_path(directory, name);
    let Some(text) = read(&path)? else { return Ok(None) };
    let content = |what: String| PlaceFault::Content { file: path.display().to_string(), what };
    let place: Place = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
    match place.version == VERSION && place.sending.is_none_or(|last| last > place.done) {
        true => Ok(Some(place)),
        false => Err(content("not a place that was written here".to_owned())),
    }
}

/// Asks whoever delivers, now or at its next start, to tell everything from a sequence on again. Safe beside a running
/// server: the place itself is written by that one alone.
///
/// # Errors
/// [`PlaceFault::Ahead`] where that would leave something out; else where the file can't be written.
pub fn ask_replay(directory: &Path, name: &str, from: u64) -> Result<(), PlaceFault> {
    // One that can't be read is set anew, which is the way out of it.
    if let Ok(Some(place)) = read_place(directory, name)
        && from > place.done + 1
    {
        return Err(PlaceFault::Ahead { from, next: place.done + 1 });
    }
    make_directory(directory)?;
    write_file(&replay_path(directory, name), |out| writeln!(out, "{from}"))?;
    Ok(())
}

/// The place as it is kept by whoever delivers.
#[derive(Debug)]
pub(super) struct Keeper {
    directory: PathBuf,
    name: String,
    place: Place,
    /// As it is on disk; none where that is not known.
    written: Option<Place>,
}

impl Keeper {
    /// Goes on where the file says; a target without one begins at the end of the journal, `durable`, which is written down at
    /// once. A place beyond that end is of another journal.
    pub(super) fn open(directory: &Path, name: &str, durable: u64) -> Result<Self, PlaceFault> {
        make_directory(directory)?;
        let begin = Place { version: VERSION, done: durable, delivered: 0, sending: None, is_stopped: false };
        let mut keeper =
            Self { directory: directory.to_owned(), name: name.to_owned(), place: begin, written: None };
        let has_replay = replay_path(directory, name).exists() || taken_path(directory, name).exists();
        match read_place(directory, name) {
            Ok(Some(place)) => (keeper.place, keeper.written) = (place, Some(place)),
            Ok(None) => {}
            Err(PlaceFault::Content { .. }) if has_replay => {}
            Err(fault) => return Err(fault),
        }
        keeper.take_replay()?;
        let told = keeper.place.sending.unwrap_or(keeper.place.done);
        if told > durable {
            let file = place_path(directory, name).display().to_string();
            let what = format!("it says that all up to {told} was sent, and the journal ends at {durable}");
            return Err(PlaceFault::Content { file, what });
        }
        keeper.save()?;
        Ok(keeper)
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    pub(super) const fn place_mut(&mut self) -> &mut Place {
        &mut self.place
    }

    /// Forgets it: what its target was told is nobody's any more.
    pub(super) fn remove(self) -> Result<(), PlaceFault> {
        forget(&self.directory, &self.name)
    }

    /// How many entries of others were passed since it was written.
    pub(super) fn passed(&self) -> u64 {
        self.written.map_or(u64::MAX, |written| self.place.done.saturating_sub(written.done))
    }

    /// Writes it down, if it is another than what is on disk.
    pub(super) fn save(&mut self) -> Result<(), PlaceFault> {
        if self.written == Some(self.place) {
            return Ok(());
        }
        self.written = None;
        let text = serde_json::to_string(&self.place).map_err(std::io::Error::from);
        let path = place_path(&self.directory, &self.name);
        write_file(&path, |out| text.and_then(|text| writeln!(out, "{text}")))?;
        self.written = Some(self.place);
        Ok(())
    }

    /// Sets the place back where an operator has asked for it; says from where on.
    pub(super) fn take_replay(&mut self) -> Result<Option<u64>, PlaceFault> {
        let Some((path, text)) = self.asked()? else { return Ok(None) };
        let from = text.trim().parse::<u64>().map(|from| from.max(1));
        if let Ok(from) = from {
            let place = &mut self.place;
            place.done = place.done.min(from - 1);
            place.delivered = place.delivered.min(from - 1);
            (place.sending, place.is_stopped) = (None, false);
            // Before the request is gone: it is done twice rather than not at all.
            self.save()?;
        }
        fs::remove_file(&path).map_err(|source| read_fault(&path, source))?;
        sync_folder(&self.directory)?;
        let what = "not a sequence; removed".to_owned();
        from.map(Some).map_err(|_| PlaceFault::Content { file: path.display().to_string(), what })
    }

    /// What was asked, under a name of its own: what is asked meanwhile is neither read with it nor removed with it.
    fn asked(&self) -> Result<Option<(PathBuf, String)>, PlaceFault> {
        let (asked, taken) =
            (replay_path(&self.directory, &self.name), taken_path(&self.directory, &self.name));
        if !taken.exists() {
            match fs::rename(&asked, &taken) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(read_fault(&asked, error)),
            }
        }
        Ok(read(&taken)?.map(|text| (taken, text)))
    }
}

/// Removes all files of a target's.
pub(super) fn forget(directory: &Path, name: &str) -> Result<(), PlaceFault> {
    for path in [place_path(directory, name), replay_path(directory, name), taken_path(directory, name)] {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != ErrorKind::NotFound => return Err(read_fault(&path, source)),
            _ => {}
        }
    }
    Ok(sync_folder(directory)?)
}

pub(super) fn make_directory(directory: &Path) -> Result<(), PlaceFault> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(|source| read_fault(directory, source))?;
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_folder(parent.unwrap_or(Path::new(".")))?;
    Ok(())
}

fn place_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.json"))
}

fn replay_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.replay"))
}

fn taken_path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.replay.taken"))
}

pub(super) fn read_fault(path: &Path, source: std::io::Error) -> PlaceFault {
    PlaceFault::Read { file: path.display().to_string(), source }
}

fn read(path: &Path) -> Result<Option<String>, PlaceFault> {
    read_bounded(path, WEBHOOK_PLACE_BYTES_MAX)
}

/// The beginning of a file; none where there is no file.
pub(super) fn read_bounded(path: &Path, bytes_max: u64) -> Result<Option<String>, PlaceFault> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read_fault(path, error)),
    };
    let mut text = String::new();
    let read = file.take(bytes_max).read_to_string(&mut text);
    read.map(|_| Some(text)).map_err(|error| read_fault(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("feiqian-webhooks-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        path
    }

    #[test]
    fn a_place_outlives_its_keeper_and_is_set_back_only_back() {
        let at = directory("place");
        let mut keeper = Keeper::open(&at, "a", 100).expect("new");
        assert_eq!((keeper.place().done, keeper.place().delivered), (100, 0), "from now on");
        *keeper.place_mut() = Place { done: 120, delivered: 118, sending: Some(130), ..*keeper.place() };
        keeper.save().expect("saved");
        let kept = *keeper.place();
        drop(keeper);
        assert!(matches!(Keeper::open(&at, "a", 129), Err(PlaceFault::Content { .. })), "never sealed");
        assert_eq!(
            *Keeper::open(&at, "a", 130).expect("there").place(),
            kept,
            "from there on, whatever is sealed"
        );

        assert!(matches!(ask_replay(&at, "a", 122), Err(PlaceFault::Ahead { from: 122, next: 121 })));
        ask_replay(&at, "a", 50).expect("asked");
        let mut keeper = Keeper::open(&at, "a", 130).expect("there");
        let back = Place { done: 49, delivered: 49, sending: None, ..kept };
        assert_eq!(*keeper.place(), back);
        assert_eq!(keeper.take_replay().expect("read"), None, "once");
        ask_replay(&at, "a", 0).expect("asked");
        assert_eq!(keeper.take_replay().expect("read"), Some(1));
        assert_eq!(read_place(&at, "a").expect("read"), Some(*keeper.place()));
        fs::remove_dir_all(at).expect("removed");
    }

    #[test]
    fn a_place_that_is_damaged_or_beyond_the_journal_is_not_believed() {
        let at = directory("damaged");
        Keeper::open(&at, "a", 100).expect("new");
        assert!(
            matches!(Keeper::open(&at, "a", 99), Err(PlaceFault::Content { .. })),
            "a journal from before"
        );
        for text in
            ["", "{}", "{\"version\":2,\"done\":1,\"delivered\":1,\"sending\":null,\"is_stopped\":false}"]
        {
            fs::write(place_path(&at, "a"), text).expect("written");
            assert!(matches!(Keeper::open(&at, "a", 100), Err(PlaceFault::Content { .. })), "{text}");
        }
        ask_replay(&at, "a", 40).expect("the way out");
        assert_eq!(Keeper::open(&at, "a", 100).expect("set anew").place().done, 39);
        fs::remove_dir_all(at).expect("removed");
    }
}
