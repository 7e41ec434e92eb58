//! One input file that is read several times and must be the same each time. Small files are kept; large ones are
//! read again, and their digest tells whether they changed meanwhile.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::csv::is_csv;
use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::limits::{MEMORY_BYTES_MAX, STEM_BYTES_MAX};

const CONTEXT: &str = "feiqian 2026 files input v1";
const CONTENT_CONTEXT: &str = "feiqian 2026 files content v1";
const BUFFER_BYTES: usize = 1 << 18;

pub(crate) struct Source {
    path: PathBuf,
    name: String,
    kept: Option<Vec<u8>>,
    bytes_max: u64,
    digest: blake3::Hash,
}

impl Source {
    /// Opens a file; of one over `bytes_max` only the beginning is looked at, as the reader will refuse it.
    pub(crate) fn open(file: &InboxFile, bytes_max: u64) -> Result<Self, FilesError> {
        Self::open_keeping(file, bytes_max, MEMORY_BYTES_MAX)
    }

    /// A message that is no file, under the name that it would have.
    pub(crate) fn of_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, FilesError> {
        let mut source = Self {
            path: PathBuf::from("-"),
            name: name.to_owned(),
            bytes_max: bytes.len() as u64,
            kept: Some(bytes),
            digest: blake3::Hash::from_bytes([0; 32]),
        };
        source.digest = source.hash()?;
        Ok(source)
    }

    fn open_keeping(file: &InboxFile, bytes_max: u64, kept_max: u64) -> Result<Self, FilesError> {
        let mut source = Self {
            path: file.path.clone(),
            name: file.name.clone(),
            kept: None,
            bytes_max,
            digest: blake3::Hash::from_bytes([0; 32]),
        };
        if file.bytes <= kept_max {
            let mut bytes = Vec::new();
            let mut input = source.file()?.take(kept_max + 1);
            input.read_to_end(&mut bytes).map_err(FilesError::io(&source.path, "read"))?;
            // A file that has grown past the bound since it was listed is read from the disk.
            source.kept = Some(bytes).filter(|bytes| bytes.len() as u64 <= kept_max);
        }
        source.digest = source.hash()?;
        Ok(source)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads from the beginning.
    pub(crate) fn reader(&self) -> Result<Box<dyn BufRead + '_>, FilesError> {
        match &self.kept {
            Some(bytes) => Ok(Box::new(bytes.as_slice())),
            None => Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, self.file()?))),
        }
    }

    /// Refuses a file that is not what it was when it was opened.
    pub(crate) fn check_unchanged(&self) -> Result<(), FilesError> {
        if self.kept.is_some() || self.hash()? == self.digest {
            return Ok(());
        }
        Err(FilesError::Changed { path: self.path.clone() })
    }

    /// What the answer's name and every other file made from this one begin with: the readable part of the
    /// input's name, and a digest of all of it and of the content.
    pub(crate) fn stem(&self) -> String {
        let name = self.name.strip_suffix(".xml").or_else(|| self.name.strip_suffix(".csv"));
        let name = name.unwrap_or(&self.name);
        let is_plain = |character: &char| character.is_ascii_alphanumeric() || "-_.".contains(*character);
        let plain = name.chars().map(|character| if is_plain(&character) { character } else { '_' });
        let mut stem: String = plain.take(STEM_BYTES_MAX).collect();
        if stem.starts_with('.') {
            stem.replace_range(..1, "_");
        }
        format!("{stem}.{}", self.tag(16))
    }

    /// What the file's name ends in where it is put: what kind it was read as.
    pub(crate) fn extension(&self) -> &'static str {
        if is_csv(&self.name) { "csv" } else { "xml" }
    }

    /// Digest of the content alone: the same file under another name has the same.
    pub(crate) fn content(&self) -> Result<[u8; 32], FilesError> {
        self.digest_of(blake3::Hasher::new_derive_key(CONTENT_CONTEXT)).map(|digest| *digest.as_bytes())
    }

    /// The first `digits` of the digest of name and content.
    pub(crate) fn tag(&self, digits: usize) -> String {
        self.digest.to_hex().chars().take(digits).collect()
    }

    fn file(&self) -> Result<File, FilesError> {
        File::open(&self.path).map_err(FilesError::io(&self.path, "open"))
    }

    fn hash(&self) -> Result<blake3::Hash, FilesError> {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&(self.name.len() as u64).to_le_bytes());
        hasher.update(self.name.as_bytes());
        self.digest_of(hasher)
    }

    fn digest_of(&self, mut hasher: blake3::Hasher) -> Result<blake3::Hash, FilesError> {
        let mut input = self.reader()?.take(self.bytes_max.saturating_add(1));
        loop {
            let piece = input.fill_buf().map_err(FilesError::io(&self.path, "read"))?;
            if piece.is_empty() {
                return Ok(hasher.finalize());
            }
            hasher.update(piece);
            let length = piece.len();
            input.consume(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(name: &str, content: &[u8]) -> InboxFile {
        let folder = std::env::temp_dir().join(format!("feiqian-source-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join(name);
        fs::write(&path, content).expect("written");
        InboxFile { name: name.to_owned(), path, bytes: content.len() as u64 }
    }

    #[test]
    fn a_large_file_that_changes_is_noticed_and_a_kept_one_can_not_change() {
        let file = file("changing.xml", b"<one/>");
        let large = Source::open_keeping(&file, 100, 2).expect("opened");
        let kept = Source::open_keeping(&file, 100, 2_000).expect("opened");
        assert_eq!(large.stem(), kept.stem(), "the names of answers do not depend on how it is read");
        assert!(large.check_unchanged().is_ok());
        fs::write(&file.path, b"<two/>").expect("written");
        assert!(matches!(large.check_unchanged(), Err(FilesError::Changed { .. })));
        assert!(kept.check_unchanged().is_ok());
        let mut text = String::new();
        kept.reader().expect("kept").read_to_string(&mut text).expect("read");
        assert_eq!(text, "<one/>");
        fs::remove_file(&file.path).expect("removed");
    }

    #[test]
    fn names_and_contents_tell_answers_apart() {
        let stems = [("a b.xml", "1"), ("a_b.xml", "1"), ("a b.xml", "2")].map(|(name, content)| {
            Source::open(&file(name, content.as_bytes()), 100).expect("opened").stem()
        });
        assert!(stems.iter().all(|stem| stem.starts_with("a_b.")), "{stems:?}");
        assert!(stems[0] != stems[1] && stems[1] != stems[2] && stems[0] != stems[2], "{stems:?}");
    }
}
