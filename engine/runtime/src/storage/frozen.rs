//! A storage that can be read but not changed: what an audit looks through. Changes are accepted and dropped,
//! so that recovery can be tried on a damaged directory without touching it.

use super::{Access, Storage, StorageFault, StorageFile};

/// Reads through, writes nothing.
#[derive(Clone, Debug)]
pub struct Frozen<S>(pub S);

/// An open file of a [`Frozen`] storage.
#[derive(Debug)]
pub struct FrozenFile<F>(Option<F>);

impl<S: Storage> Storage for Frozen<S> {
    type File = FrozenFile<S::File>;

    fn create(&self, _: &str, _: Access) -> Result<Self::File, StorageFault> {
        Ok(FrozenFile(None))
    }

    fn open(&self, path: &str, access: Access) -> Result<Self::File, StorageFault> {
        self.0.open(path, access).map(|file| FrozenFile(Some(file)))
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, StorageFault> {
        self.0.list(directory)
    }

    fn rename(&self, _: &str, _: &str) -> Result<(), StorageFault> {
        Ok(())
    }

    fn remove(&self, _: &str) -> Result<(), StorageFault> {
        Ok(())
    }

    fn create_directory(&self, _: &str) -> Result<(), StorageFault> {
        Ok(())
    }

    fn sync_directory(&self, _: &str) -> Result<(), StorageFault> {
        Ok(())
    }
}

impl<F: StorageFile> StorageFile for FrozenFile<F> {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), StorageFault> {
        match &self.0 {
            Some(file) => file.read_at(offset, into),
            None => {
                into.fill(0);
                Ok(())
            }
        }
    }

    fn write_at(&self, _: u64, _: &[u8]) -> Result<(), StorageFault> {
        Ok(())
    }

    fn sync_data(&self) -> Result<(), StorageFault> {
        Ok(())
    }

    fn length(&self) -> Result<u64, StorageFault> {
        self.0.as_ref().map_or(Ok(0), StorageFile::length)
    }

    fn allocate(&self, _: u64) -> Result<(), StorageFault> {
        Ok(())
    }
}
