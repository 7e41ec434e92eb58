//! Letters: messages of the house to one bank, which nobody's message is answered by at once (a recall that is passed on, what
//! became of a payment that waited). Each is a file of the outbox, `ID.BIC.TYPE.xml`; here they are put there in an order that
//! stays, and shown to whoever fetches them over a connection. Remembers nothing but when the last one was put.
//!
//! ```text
//! post:  lock ─▶ time = the clock's, or one more than the last ─▶ written, with that as its time of change ─▶ unlock
//! list:  until = time of the last one ─▶ read the folder ─▶ what is behind `after` and not behind `until`, in order
//! ```
//! The time of change is the order: later ones have a later one, and what is written again (a repetition, a crash) keeps its
//! own. Without `until`, a list that reads the folder while two are put could show the second and miss the first for ever.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feiqian_core::bic::Bic;
use parking_lot::MutexGuard;

use crate::error::FilesError;
use crate::layout::WorkDir;
use crate::limits::LETTER_BYTES_MAX;
use crate::store;

/// The name of a letter: `FQF0123456789abcdef01234567.BNKBXXAAXXX.camt.056`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LetterName(String);

impl LetterName {
    /// Reads a name; none for a text that names no letter, and so no path of its writer's choice.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (id, to, kind, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_letter = parts.next().is_none()
            && (1..=ID_CHARACTERS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && Bic::parse(to).is_ok_and(|bic| bic.to_string() == to)
            && (kind.len(), number.len()) == (4, 3)
            && kind.bytes().all(|byte| byte.is_ascii_lowercase())
            && number.bytes().all(|byte| byte.is_ascii_digit());
        is_letter.then(|| Self(text.to_owned()))
    }

    /// Of a file of the outbox.
    fn of_file(name: &str) -> Option<Self> {
        Self::parse(name.strip_suffix(".xml")?)
    }

    /// The bank that it is for.
    #[must_use]
    pub fn to(&self) -> Option<Bic> {
        Bic::parse(self.0.split('.').nth(1)?).ok()
    }

    /// `camt.056`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.get(self.0.len().saturating_sub(KIND_BYTES)..).unwrap_or_default()
    }
}

impl fmt::Display for LetterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters of `MsgId`: Max35Text.
const ID_CHARACTERS_MAX: usize = 35;
/// Of `camt.056`.
const KIND_BYTES: usize = 8;

/// Where a letter stands among all: letters are put in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// When it was put, microseconds since 1970.
    pub posted: u64,
    /// Tells apart those that were put before times told them apart.
    pub name: LetterName,
}

impl Place {
    /// Reads `MICROSECONDS.NAME`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (posted, name) = text.split_once('.')?;
        let place = Self { posted: posted.parse().ok()?, name: LetterName::parse(name)? };
        // One writing: no sign, no zeros before the number.
        (place.to_string() == text).then_some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.posted, self.name)
    }
}

/// A letter of the outbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Posted {
    /// Where it stands, with its name.
    pub place: Place,
    /// Of its file.
    pub bytes: u64,
}

/// Puts a letter into the outbox, behind all others; one that is there already stays where it stands.
///
/// # Errors
/// [`FilesError::Io`]; the outbox is then as it was before.
pub(crate) fn post(
    work: &WorkDir,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FilesError> {
    let path = work.outbox().join(name);
    let mut last = last_posted(work)?;
    let newest = last.unwrap_or(0);
    let before = fs::metadata(&path).ok().map(|metadata| posted_at(&metadata));
    let at = before.unwrap_or_else(|| micros(SystemTime::now()).max(newest + 1));
    store::write_file_at(&path, Some(UNIX_EPOCH + Duration::from_micros(at)), write)?;
    *last = Some(at.max(newest));
    Ok(())
}

/// The first `limit` letters behind a place, in order: those to one bank, or all.
///
/// # Errors
/// [`FilesError::Io`] where the outbox can't be read.
pub fn list(
    work: &WorkDir,
    to: Option<Bic>,
    (after, limit): (Option<&Place>, usize),
) -> Result<Vec<Posted>, FilesError> {
    let until = last_posted(work)?.unwrap_or(0);
    let mut page: BTreeMap<Place, Posted> = BTreeMap::new();
    each(work, |name, posted, bytes| {
        let place = Place { posted, name };
        let is_wanted = posted <= until && after.is_none_or(|after| place > *after);
        if is_wanted && to.is_none_or(|to| place.name.to() == Some(to)) {
            page.insert(place.clone(), Posted { place, bytes });
            if page.len() > limit {
                page.pop_last();
            }
        }
    })?;
    Ok(page.into_values().collect())
}

/// The text of a letter; none where there is no such one, or none any more.
///
/// # Errors
/// [`FilesError::Io`], for one of more than [`LETTER_BYTES_MAX`] bytes too.
pub fn read(work: &WorkDir, name: &LetterName) -> Result<Option<Vec<u8>>, FilesError> {
    let path = work.outbox().join(format!("{name}.xml"));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FilesError::io(&path, "open")(error)),
    };
    let mut text = Vec::new();
    file.take(LETTER_BYTES_MAX + 1).read_to_end(&mut text).map_err(FilesError::io(&path, "read"))?;
    if text.len() as u64 > LETTER_BYTES_MAX {
        let over = io::Error::other(format!("more than {LETTER_BYTES_MAX} bytes: take the file itself"));
        return Err(FilesError::io(&path, "hand out")(over));
    }
    Ok(Some(text))
}

/// When the last letter was put. The first time the outbox is looked through: the clock may have been set back since.
fn last_posted(work: &WorkDir) -> Result<MutexGuard<'_, Option<u64>>, FilesError> {
    let mut last = work.posted().lock();
    if last.is_none() {
        let mut newest = 0;
        each(work, |_, posted, _| newest = newest.max(posted))?;
        *last = Some(newest);
    }
    Ok(last)
}

/// All letters of the outbox: name, when it was put, bytes.
fn each(work: &WorkDir, mut one: impl FnMut(LetterName, u64, u64)) -> Result<(), FilesError> {
    let folder = work.outbox();
    for entry in fs::read_dir(&folder).map_err(FilesError::io(&folder, "list"))? {
        let entry = entry.map_err(FilesError::io(&folder, "list"))?;
        let Some(name) = entry.file_name().to_str().and_then(LetterName::of_file) else { continue };
        // One that was taken away since is no fault.
        if let Ok(metadata) = entry.metadata() {
            one(name, posted_at(&metadata), metadata.len());
        }
    }
    Ok(())
}

fn posted_at(metadata: &fs::Metadata) -> u64 {
    metadata.modified().map_or(0, micros)
}

fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn work(name: &str) -> WorkDir {
        let root = std::env::temp_dir().join(format!("feiqian-mailbox-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        WorkDir::create(root).expect("folders")
    }

    fn put(work: &WorkDir, name: &str) {
        post(work, &format!("{name}.xml"), |out| out.write_all(b"<x/>")).expect("put");
    }

    fn names(work: &WorkDir, to: &str, after: Option<&Place>, limit: usize) -> Vec<String> {
        let listed = list(work, Bic::parse(to).ok(), (after, limit)).expect("listed");
        listed.iter().map(|posted| posted.place.name.to_string()).collect()
    }

    #[test]
    fn letters_are_told_from_all_other_files_by_their_names() {
        let rows = [
            ("FQF01.BNKBXXAAXXX.camt.056", true),
            ("FQF01.BNKBXXAA.camt.056", false),
            ("FQF01.0123456789abcdef.camt.056", false),
            ("FQF01.BNKBXXAAXXX.0123456789abcdef.camt.056", false),
            ("..BNKBXXAAXXX.camt.056", false),
            ("../FQF01.BNKBXXAAXXX.camt.056", false),
            ("FQF/1.BNKBXXAAXXX.camt.056", false),
            ("FQF01.BNKBXXAAXXX.camt.05", false),
            ("FQF01.BNKBXXAAXXX.CAMT.056", false),
            ("", false),
        ];
        for (text, is_letter) in rows {
            assert_eq!(LetterName::parse(text).is_some(), is_letter, "{text}");
        }
    }

    #[test]
    fn letters_come_in_the_order_in_which_they_were_put_and_one_written_again_stays() {
        let work = work("order");
        let all = ["Z1.BNKBXXAAXXX.camt.056", "A2.BNKBXXAAXXX.pacs.002", "M3.BNKBXXAAXXX.pacs.004"];
        all.iter().for_each(|name| put(&work, name));
        put(&work, "C1.BNKCXXAAXXX.camt.056");
        put(&work, all[0]);
        assert_eq!(names(&work, "BNKBXXAA", None, 10), all);
        assert_eq!(names(&work, "BNKCXXAA", None, 10), ["C1.BNKCXXAAXXX.camt.056"]);
        let first = list(&work, Bic::parse("BNKBXXAA").ok(), (None, 1)).expect("listed");
        let place = Place::parse(&first[0].place.to_string()).expect("its own text");
        assert_eq!(names(&work, "BNKBXXAA", Some(&place), 10), all[1..]);
        assert_eq!(read(&work, &place.name).expect("read").as_deref(), Some(b"<x/>".as_slice()));
        fs::remove_dir_all(work.root()).expect("removed");
    }

    #[test]
    fn a_clock_that_was_set_back_puts_nothing_before_what_was_listed() {
        let work = work("clock");
        put(&work, "A1.BNKBXXAAXXX.camt.056");
        let path = work.outbox().join("A1.BNKBXXAAXXX.camt.056.xml");
        let ahead = SystemTime::now() + Duration::from_secs(3_600);
        File::options().write(true).open(path).and_then(|file| file.set_modified(ahead)).expect("set");
        // Another process.
        let work = WorkDir::create(work.root()).expect("folders");
        put(&work, "A0.BNKBXXAAXXX.camt.056");
        let all = ["A1.BNKBXXAAXXX.camt.056", "A0.BNKBXXAAXXX.camt.056"];
        assert_eq!(names(&work, "BNKBXXAA", None, 10), all);
        fs::remove_dir_all(work.root()).expect("removed");
    }

    #[test]
    fn nobody_who_pages_while_letters_are_put_misses_one() {
        let work = work("race");
        let count = 400;
        let putting = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let work = &work;
                    scope.spawn(move || {
                        for number in 0..count / 2 {
                            put(work, &format!("{:03}W{writer}.BNKBXXAAXXX.camt.056", 999 - number));
                        }
                    })
                })
                .collect();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let is_over = writers.iter().all(std::thread::ScopedJoinHandle::is_finished);
                let page = list(&work, Bic::parse("BNKBXXAA").ok(), (after.as_ref(), 7)).expect("listed");
                if page.is_empty() && is_over {
                    break seen;
                }
                after = page.last().map(|last| last.place.clone()).or(after);
                seen.extend(page.into_iter().map(|posted| posted.place.name));
            }
        });
        let mut once = putting.clone();
        once.sort();
        once.dedup();
        assert_eq!((putting.len(), once.len()), (count, count), "each once");
        fs::remove_dir_all(work.root()).expect("removed");
    }
}
