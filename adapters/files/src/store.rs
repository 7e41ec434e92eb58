//! Writing and moving files so that a crash leaves the old state or the new one: written aside under a dot name,
//! synced, renamed, and the folder synced. Never changes a file in place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::Mutex;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::FilesError;

/// Writes a whole file; a file of that name is replaced.
///
/// # Errors
/// [`FilesError::Io`]; the file is then as it was before.
pub fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FilesError> {
    write_file_at(path, None, write)
}

/// As [`write_file`]; the file says that it was written at that time.
///
/// # Errors
/// [`FilesError::Io`]; the file is then as it was before.
pub(crate) fn write_file_at(
    path: &Path,
    at: Option<SystemTime>,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), FilesError> {
    let aside = aside(path);
    let writer = usize::try_from(BuildHasherDefault::<DefaultHasher>::default().hash_one(path)).unwrap_or(0);
    let _turn = WRITERS.get(writer % WRITERS.len()).map(Mutex::lock);
    write_synced(&aside, at, write).map_err(FilesError::io(&aside, "write"))?;
    fs::rename(&aside, path).map_err(FilesError::io(path, "rename into place"))?;
    sync_parent(path)
}

/// Who writes a file: one at a time, for what is written aside has one name. Files of different names share a place, which
/// costs them time alone.
static WRITERS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

/// Moves a file, to another file system too.
///
/// # Errors
/// [`FilesError::Io`]; the file is then at its old place, at its new one, or whole at both.
pub fn move_file(from: &Path, to: &Path) -> Result<(), FilesError> {
    match fs::rename(from, to) {
        Ok(()) => sync_parent(to)?,
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            copy_file(from, to)?;
            fs::remove_file(from).map_err(FilesError::io(from, "remove after copying"))?;
        }
        Err(error) => return Err(FilesError::io(from, "move")(error)),
    }
    sync_parent(from)
}

/// Copies a file as [`write_file`] writes it.
///
/// # Errors
/// [`FilesError::Io`].
pub fn copy_file(from: &Path, to: &Path) -> Result<(), FilesError> {
    let mut input = File::open(from).map_err(FilesError::io(from, "open"))?;
    write_file(to, |out| io::copy(&mut input, out).map(drop))
}

/// Makes renames in a folder durable.
///
/// # Errors
/// [`FilesError::Io`].
pub fn sync_folder(folder: &Path) -> Result<(), FilesError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FilesError::io(folder, "sync the folder"))
}

fn sync_parent(path: &Path) -> Result<(), FilesError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// `.NAME.part` beside the file: the inbox skips such names, and the next attempt writes over it.
fn aside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    path.with_file_name(name)
}

fn write_synced(
    path: &Path,
    at: Option<SystemTime>,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    out.flush()?;
    if let Some(at) = at {
        out.get_ref().set_modified(at)?;
    }
    out.get_ref().sync_all()
}

/// A value that a file holds as JSON; none where there is no such file.
///
/// # Errors
/// [`FilesError::Io`], where it holds something else too.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FilesError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FilesError::io(path, "read")(error)),
    };
    let read = serde_json::from_slice(&bytes).map_err(io::Error::other);
    read.map(Some).map_err(FilesError::io(path, "understand"))
}

/// Puts a value as JSON into a file, whole or not at all.
///
/// # Errors
/// [`FilesError::Io`].
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FilesError> {
    let text = serde_json::to_vec(value).map_err(io::Error::other);
    let text = text.map_err(FilesError::io(path, "write"))?;
    write_file(path, |out| out.write_all(&text))
}

/// The values of all JSON files in a folder, by their names.
///
/// # Errors
/// [`FilesError::Io`].
pub(crate) fn all_json<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, FilesError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(FilesError::io(folder, "list"))? {
        let name = entry.map_err(FilesError::io(folder, "list"))?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.retain(|name| !name.starts_with('.') && name.ends_with(".json"));
    names.sort();
    let mut values = Vec::new();
    for name in names {
        values.extend(read_json(&folder.join(name))?);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let folder = std::env::temp_dir().join(format!("feiqian-store-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("answer.xml");
        write_file(&path, |out| out.write_all(b"old")).expect("written");
        let failed = write_file(&path, |out| out.write_all(b"new").and(Err(io::Error::other("full"))));
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("there"), b"old");
        move_file(&path, &folder.join("moved.xml")).expect("moved");
        assert!(!path.exists());
        fs::remove_dir_all(&folder).expect("removed");
    }
}
