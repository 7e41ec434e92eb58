//! The list of what participants have registered: one file, written as a whole or not at all, before anyone is answered. Holds
//! no secret; an address in it may be one. Decides nothing.
//!
//! ```text
//!  registered/list.json   {"version":1,"last":7,"webhooks":[{"number":7,"slot":1,"participant":"BNKBXXAAXXX", …}]}
//!  registered/7.json      how far number 7 was told (`place.rs`)
//! ```

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use feiqian_core::bic::Bic;
use feiqian_files::FilesError;
use feiqian_files::store::write_file;
use serde::{Deserialize, Serialize};
use ureq::http::Uri;

use super::place::{PlaceFault, forget, make_directory, read_bounded};
use super::secret::SALT_BYTES;
use super::target::EventKind;
use crate::limits::WEBHOOK_BOOK_BYTES_MAX;

const VERSION: u32 = 1;
/// In the directory of webhooks.
const FOLDER: &str = "registered";
const LIST: &str = "list";

/// One that a participant has registered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Given once and never again.
    pub number: u64,
    /// Its place among the participant's, from 1.
    pub slot: usize,
    /// BIC.
    pub participant: String,
    /// Of the participant's choice, once among its own.
    pub name: String,
    /// Where it is told.
    pub url: String,
    /// Which events; all where there are none.
    pub kinds: Vec<EventKind>,
    /// Of its secret, as hexadecimal digits.
    salt: String,
}

/// Why the list can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum BookFault {
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] PlaceFault),
    /// The list is not what was written.
    #[error(
        "{file}: {what}; without the file nobody has registered anything, and participants register anew"
    )]
    Content {
        /// Which.
        file: String,
        /// What is wrong.
        what: String,
    },
}

impl From<FilesError> for BookFault {
    fn from(fault: FilesError) -> Self {
        Self::File(fault.into())
    }
}

/// What is registered, by number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    version: u32,
    /// The last number that was given.
    last: u64,
    pub(super) webhooks: Vec<Registration>,
}

impl fmt::Debug for Registration {
    /// Without its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({} {}/{})", self.number, self.participant, self.name)
    }
}

impl Registration {
    pub(super) fn salt(&self) -> Option<[u8; SALT_BYTES]> {
        feiqian_identity::hex::decode(&self.salt)
    }

    /// The host of its address.
    #[must_use]
    pub fn host(&self) -> String {
        let url: Option<Uri> = self.url.parse().ok();
        url.and_then(|url| url.host().map(str::to_owned)).unwrap_or_default()
    }

    /// The participant, as it is registered.
    #[must_use]
    pub fn bic(&self) -> Option<Bic> {
        Bic::parse(&self.participant).ok()
    }
}

impl Default for Book {
    fn default() -> Self {
        Self { version: VERSION, last: 0, webhooks: Vec::new() }
    }
}

impl Book {
    /// Those of a participant.
    pub(super) fn of(&self, participant: Bic) -> impl Iterator<Item = &Registration> {
        self.webhooks.iter().filter(move |one| one.bic() == Some(participant))
    }

    /// The one of this name.
    pub(super) fn named(&self, participant: Bic, name: &str) -> Option<&Registration> {
        self.of(participant).find(|one| one.name == name)
    }

    /// With one more, in the first place that is free.
    pub(super) fn with(
        &self,
        (participant, name): (Bic, &str),
        (url, kinds): (&str, &[EventKind]),
        salt: &[u8; SALT_BYTES],
    ) -> (Self, Registration) {
        let mut book = self.clone();
        book.last += 1;
        let is_free = |slot: &usize| self.of(participant).all(|one| one.slot != *slot);
        let registration = Registration {
            number: book.last,
            slot: (1..).find(is_free).unwrap_or_default(),
            participant: participant.to_string(),
            name: name.to_owned(),
            url: url.to_owned(),
            kinds: kinds.to_vec(),
            salt: feiqian_identity::hex::encode(salt),
        };
        book.webhooks.push(registration.clone());
        (book, registration)
    }

    pub(super) fn without(&self, number: u64) -> Self {
        let mut book = self.clone();
        book.webhooks.retain(|one| one.number != number);
        book
    }

    /// Writes it, and the directory where there is none yet.
    pub(super) fn write(&self, directory: &Path) -> Result<(), BookFault> {
        make_directory(directory)?;
        let folder = folder(directory);
        make_directory(&folder)?;
        let text = serde_json::to_string(self).map_err(std::io::Error::from);
        write_file(&list_path(&folder), |out| text.and_then(|text| writeln!(out, "{text}")))?;
        Ok(())
    }

    /// Removes places of what is not registered any more: a crash came between.
    pub(super) fn sweep(&self, directory: &Path) -> Result<(), BookFault> {
        let folder = folder(directory);
        // What is not there has nothing to be removed.
        let Ok(files) = fs::read_dir(&folder) else { return Ok(()) };
        for file in files.filter_map(Result::ok) {
            let name = file.file_name().to_string_lossy().into_owned();
            let number = name.split('.').next().and_then(|text| text.parse::<u64>().ok());
            if let Some(number) =
                number.filter(|number| self.webhooks.iter().all(|one| one.number != *number))
            {
                forget(&folder, &number.to_string())?;
            }
        }
        Ok(())
    }
}

/// What participants have registered; nothing where there is no list.
///
/// # Errors
/// [`BookFault`].
pub fn registrations(directory: &Path) -> Result<Vec<Registration>, BookFault> {
    read(directory).map(|book| book.webhooks)
}

pub(super) fn read(directory: &Path) -> Result<Book, BookFault> {
    let path = list_path(&folder(directory));
    let Some(text) = read_bounded(&path, WEBHOOK_BOOK_BYTES_MAX)? else { return Ok(Book::default()) };
    let content = |what: String| BookFault::Content { file: path.display().to_string(), what };
    let book: Book = serde_json::from_str(&text).map_err(|error| content(error.to_string()))?;
    let is_own = |one: &Registration| one.number <= book.last && one.bic().is_some() && one.salt().is_some();
    match book.version == VERSION && book.webhooks.iter().all(is_own) {
        true => Ok(book),
        false => Err(content("not a list that was written here".to_owned())),
    }
}

/// Where the places of what is registered are kept.
#[must_use]
pub fn folder(directory: &Path) -> PathBuf {
    directory.join(FOLDER)
}

fn list_path(folder: &Path) -> PathBuf {
    folder.join(format!("{LIST}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bic(bank: char) -> Bic {
        Bic::parse(&format!("BNK{bank}XXAAXXX")).expect("a BIC")
    }

    #[test]
    fn a_number_is_given_once_and_a_place_again() {
        let at = std::env::temp_dir().join(format!("feiqian-book-{}", std::process::id()));
        let _ = fs::remove_dir_all(&at);
        let book = read(&at).expect("none");
        let address = ("https://a.example/", &[EventKind::Cleared][..]);
        let (book, one) = book.with((bic('A'), "one"), address, &[1; SALT_BYTES]);
        let (book, two) = book.with((bic('A'), "two"), address, &[2; SALT_BYTES]);
        let (book, other) = book.with((bic('B'), "one"), address, &[3; SALT_BYTES]);
        assert_eq!(
            [(one.number, one.slot), (two.number, two.slot), (other.number, other.slot)],
            [(1, 1), (2, 2), (3, 1)]
        );
        let (book, again) = book.without(one.number).with((bic('A'), "one"), address, &[4; SALT_BYTES]);
        assert_eq!((again.number, again.slot), (4, 1));
        book.write(&at).expect("written");
        assert_eq!(read(&at).expect("there"), book);
        assert_eq!(read(&at).expect("there").named(bic('A'), "one"), Some(&again));
        for number in [1, 4] {
            fs::write(folder(&at).join(format!("{number}.json")), "{}").expect("written");
        }
        book.sweep(&at).expect("swept");
        let is_there = |number: u64| folder(&at).join(format!("{number}.json")).exists();
        assert_eq!((is_there(1), is_there(4), list_path(&folder(&at)).exists()), (false, true, true));
        let text = fs::read_to_string(list_path(&folder(&at))).expect("there");
        for wrong in ["", "{}", &text.replace("\"version\":1", "\"version\":2"), &text.replace("BNKB", "B?")]
        {
            fs::write(list_path(&folder(&at)), wrong).expect("written");
            assert!(matches!(read(&at), Err(BookFault::Content { .. })), "{wrong}");
        }
        fs::remove_dir_all(at).expect("removed");
    }
}
