//! One input file that is read several times and must be the same each time. Small files are kept; large ones are
//! read again, and their digest tells whether they changed meanwhile.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::error::FilesError;
use crate::inbox::InboxFile;
use crate::limits::{MEMORY_BYTES_MAX, STEM_BYTES_MAX};

const CONTEXT: &str = "feiqian 2026 files input v1";
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
        let mut source = Self {
            path: file.path.clone(),
            name: file.name.clone(),
            kept: None,
            bytes_max,
            digest: blake3::Hash::from_bytes([0; 32]),
        };
        if file.bytes <= MEMORY_BYTES_MAX {
            let mut bytes = Vec::new();
            let mut input = source.file()?.take(MEMORY_BYTES_MAX + 1);
            input.read_to_end(&mut bytes).map_err(FilesError::io(&source.path, "read"))?;
            // A file that has grown past the bound since it was listed is read from the disk.
            source.kept = Some(bytes).filter(|bytes| bytes.len() as u64 <= MEMORY_BYTES_MAX);
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
        let name = self.name.strip_suffix(".xml").unwrap_or(&self.name);
        let is_plain = |character: &char| character.is_ascii_alphanumeric() || "-_.".contains(*character);
        let plain = name.chars().map(|character| if is_plain(&character) { character } else { '_' });
        let mut stem: String = plain.take(STEM_BYTES_MAX).collect();
        if stem.starts_with('.') {
            stem.replace_range(..1, "_");
        }
        format!("{stem}.{}", self.tag(16))
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
