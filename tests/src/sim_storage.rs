//! Storage that can be cut off at any operation: the adversary of the crash tests.
//!
//! Owns a durable image and what is pending on it. On a power cut each unsynced write is kept, dropped or
//! mangled, sector by sector, and each unsynced name is kept or lost, all decided by the seed: the same seed
//! and the same operations end in the same bytes. It must never be kinder than a disk: what it keeps without
//! a sync, it keeps by chance only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use feiqian_runtime::storage::aligned::is_aligned;
use feiqian_runtime::storage::{
    Access, BLOCK_BYTES, Cause, Operation, Storage, StorageFault, StorageFile, parent,
};
use parking_lot::Mutex;

pub use crate::dice::Dice;

/// What a disk writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

const ENOENT: i32 = 2;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// How an operation fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The device fails (`EIO`); of a write, any part may be there.
    Device,
    /// There is no space (`ENOSPC`); nothing is written.
    NoSpace,
    /// There is no space for all of a write; its beginning is written.
    ShortWrite,
}

/// What goes wrong, and when. Operations that change something count from 1, reads on their own.
#[derive(Clone, Copy, Default, Debug)]
pub struct Plan {
    /// The power goes in the middle of this operation; nothing works afterwards.
    pub cut_at: Option<u64>,
    /// This operation fails; those after it work.
    pub fail_at: Option<(u64, Failure)>,
    /// This read fails.
    pub fail_read_at: Option<u64>,
    /// Syncs return and do nothing: the planted fault that a crash test must find.
    pub lies: bool,
}

#[derive(Clone, Debug)]
enum Pending {
    Write { offset: usize, bytes: Vec<u8> },
    Lengthen(usize),
}

#[derive(Clone, Default, Debug)]
struct Inode {
    durable: Vec<u8>,
    visible: Vec<u8>,
    pending: Vec<Pending>,
    /// A sync failed: what is visible is the page cache's, no longer the disk's.
    has_lost: bool,
}

#[derive(Clone, Debug)]
enum NameChange {
    Link { name: String, inode: usize },
    Unlink { name: String },
    Rename { from: String, to: String, inode: usize },
}

#[derive(Clone, Debug)]
struct Disk {
    inodes: Vec<Inode>,
    durable_names: BTreeMap<String, usize>,
    names: BTreeMap<String, usize>,
    name_changes: Vec<NameChange>,
    /// A directory's sync failed: what is visible is the cache's.
    has_lost_names: bool,
    directories: BTreeSet<String>,
    dice: Dice,
    plan: Plan,
    operations: u64,
    reads: u64,
    is_down: bool,
}

/// A simulated disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimStorage(Arc<Mutex<Disk>>);

/// An open file of it.
#[derive(Clone, Debug)]
pub struct SimFile {
    disk: Arc<Mutex<Disk>>,
    inode: usize,
    path: String,
    access: Access,
}

/// What the plan has in store for an operation.
enum Verdict {
    Go,
    Fail(Failure),
    Cut,
}

impl SimStorage {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64, plan: Plan) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            inodes: Vec::new(),
            durable_names: BTreeMap::new(),
            names: BTreeMap::new(),
            name_changes: Vec::new(),
            has_lost_names: false,
            directories: BTreeSet::new(),
            dice: Dice::new(seed),
            plan,
            operations: 0,
            reads: 0,
            is_down: false,
        })))
    }

    /// Operations so far that changed something or tried to.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Whether the planned power cut has come.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.0.lock().is_down
    }

    /// The disk as it comes back after a power cut now, with a plan of its own. This one works no more.
    #[must_use]
    pub fn power_cut(&self, plan: Plan) -> Self {
        let mut disk = self.0.lock();
        disk.is_down = true;
        let mut after = disk.clone();
        disk.dice.roll();
        drop(disk);
        after.lose_names();
        for inode in &mut after.inodes {
            inode.lose_writes(&mut after.dice);
        }
        Self::restarted(after, plan)
    }

    /// The disk as the next process finds it when this one is killed: unsynced writes are still in the page
    /// cache, except those whose sync failed. (A file system that can't write its names goes read-only, and
    /// the next process finds it mounted anew: so with names too.)
    #[must_use]
    pub fn kill(&self, plan: Plan) -> Self {
        let mut disk = self.0.lock();
        disk.is_down = true;
        let mut after = disk.clone();
        drop(disk);
        if std::mem::take(&mut after.has_lost_names) {
            after.names = after.durable_names.clone();
            for change in &after.name_changes {
                change.apply(&mut after.names);
            }
        }
        for inode in after.inodes.iter_mut().filter(|inode| inode.has_lost) {
            inode.visible = inode.durable.clone();
            for pending in &inode.pending {
                pending.apply(&mut inode.visible);
            }
            inode.has_lost = false;
        }
        Self::restarted(after, plan)
    }

    /// An independent disk with the same content.
    #[must_use]
    pub fn copy(&self) -> Self {
        let disk = self.0.lock().clone();
        let plan = disk.plan;
        Self::restarted(disk, plan)
    }

    fn restarted(mut disk: Disk, plan: Plan) -> Self {
        (disk.plan, disk.operations, disk.reads, disk.is_down) = (plan, 0, 0, false);
        Self(Arc::new(Mutex::new(disk)))
    }

    /// All files, ascending.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.0.lock().names.keys().cloned().collect()
    }

    /// A file's bytes as a reader sees them; none if it isn't there.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        let disk = self.0.lock();
        disk.names.get(path).map(|inode| disk.inodes[*inode].visible.clone())
    }

    /// Changes a file behind everyone's back, on disk and in the cache; makes it if it isn't there.
    pub fn damage(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut disk = self.0.lock();
        let inode = disk.names.get(path).copied().unwrap_or_else(|| {
            let inode = disk.inodes.len();
            disk.inodes.push(Inode::default());
            disk.names.insert(path.to_owned(), inode);
            disk.durable_names.insert(path.to_owned(), inode);
            inode
        });
        let file = &mut disk.inodes[inode];
        change(&mut file.visible);
        file.durable = file.visible.clone();
        file.pending.clear();
    }

    /// Removes a file behind everyone's back.
    pub fn lose(&self, path: &str) {
        let mut disk = self.0.lock();
        disk.names.remove(path);
        disk.durable_names.remove(path);
    }

    /// Takes one operation on `names`; the change of names happens unless it fails.
    fn change_names(
        &self,
        operation: Operation,
        path: &str,
        change: impl FnOnce(&mut Disk) -> Result<(), i32>,
    ) -> Result<(), StorageFault> {
        let mut disk = self.0.lock();
        match disk.verdict(operation, path)? {
            Verdict::Go => change(&mut disk).map_err(|errno| fault(operation, path, 0, errno)),
            Verdict::Fail(failure) => Err(fault(operation, path, 0, failure.errno())),
            Verdict::Cut => {
                let _ = change(&mut disk);
                Err(fault(operation, path, 0, EIO))
            }
        }
    }
}

impl Failure {
    const fn errno(self) -> i32 {
        match self {
            Self::Device => EIO,
            Self::NoSpace | Self::ShortWrite => ENOSPC,
        }
    }
}

impl Disk {
    fn verdict(&mut self, operation: Operation, path: &str) -> Result<Verdict, StorageFault> {
        if self.is_down {
            return Err(fault(operation, path, 0, EIO));
        }
        self.operations += 1;
        if self.plan.cut_at == Some(self.operations) {
            self.is_down = true;
            return Ok(Verdict::Cut);
        }
        Ok(match self.plan.fail_at {
            Some((at, failure)) if at == self.operations => Verdict::Fail(failure),
            _ => Verdict::Go,
        })
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    /// Each unsynced change of names is kept or lost, whatever became of those before it.
    fn lose_names(&mut self) {
        let mood = self.dice.below(3);
        for change in std::mem::take(&mut self.name_changes) {
            if mood == 0 || (mood == 1 && self.dice.once_in(2)) {
                change.apply(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
        self.has_lost_names = false;
    }
}

impl NameChange {
    fn directory(&self) -> &str {
        match self {
            Self::Link { name, .. } | Self::Unlink { name } => parent(name),
            Self::Rename { to, .. } => parent(to),
        }
    }

    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Link { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Self::Unlink { name } => {
                names.remove(name);
            }
            // A directory's entry names the file, so this needs no earlier change to have been kept.
            Self::Rename { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

impl Pending {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => put(image, *offset, bytes),
            Self::Lengthen(length) => lengthen(image, *length),
        }
    }

    /// Leaves of an unsynced operation what the dice leave.
    fn apply_by_chance(&self, image: &mut Vec<u8>, dice: &mut Dice) {
        let Self::Write { offset, bytes } = self else {
            return if dice.once_in(2) {
                self.apply(image);
            };
        };
        let mood = dice.below(6);
        let prefix = dice.below(bytes.len() as u64 / SECTOR_BYTES as u64 + 1);
        let mut at = 0;
        while at < bytes.len() {
            // Up to the next sector boundary of the file, not of the write.
            let length = (SECTOR_BYTES - (offset + at) % SECTOR_BYTES).min(bytes.len() - at);
            let sector = &bytes[at..at + length];
            let fate = match mood {
                0 => 0,
                1 => 9,
                2 if ((at / SECTOR_BYTES) as u64) < prefix => 0,
                2 => 9,
                3 if dice.once_in(8) => dice.below(10),
                3 => 0,
                _ => dice.below(10),
            };
            sector_fate(image, offset + at, sector, fate, dice);
            at += length;
        }
    }
}

/// 0 to 3: kept; 4: garbage; 5: half; 6: one bit wrong; above: dropped.
fn sector_fate(image: &mut Vec<u8>, offset: usize, sector: &[u8], fate: u64, dice: &mut Dice) {
    match fate {
        0..=3 => put(image, offset, sector),
        4 => {
            let garbage: Vec<u8> = sector.iter().map(|_| dice.roll().to_le_bytes()[0]).collect();
            put(image, offset, &garbage);
        }
        5 => put(image, offset, &sector[..sector.len() / 2]),
        6 => {
            let mut wrong = sector.to_vec();
            let at = usize::try_from(dice.below(wrong.len() as u64)).expect("a sector is small");
            wrong[at] ^= 1 << dice.below(8);
            put(image, offset, &wrong);
        }
        _ => {}
    }
}

impl Inode {
    fn lose_writes(&mut self, dice: &mut Dice) {
        for pending in std::mem::take(&mut self.pending) {
            pending.apply_by_chance(&mut self.durable, dice);
        }
        self.visible = self.durable.clone();
        self.has_lost = false;
    }

    fn write(&mut self, pending: Pending) {
        pending.apply(&mut self.visible);
        self.pending.push(pending);
    }

    fn sync(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            pending.apply(&mut self.durable);
        }
    }

    /// The kernel drops the pages that it could not write and marks them clean: no later sync brings them back.
    fn fail_sync(&mut self, dice: &mut Dice) {
        for pending in std::mem::take(&mut self.pending) {
            pending.apply_by_chance(&mut self.durable, dice);
        }
        self.has_lost = true;
    }
}

fn lengthen(image: &mut Vec<u8>, length: usize) {
    if image.len() < length {
        image.resize(length, 0);
    }
}

fn put(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    lengthen(image, offset + bytes.len());
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

fn fault(operation: Operation, path: &str, offset: u64, errno: i32) -> StorageFault {
    StorageFault { operation, path: path.to_owned(), offset, cause: Cause::Errno(errno) }
}

fn size(offset: u64) -> usize {
    usize::try_from(offset).expect("simulated files are small")
}

impl Storage for SimStorage {
    type File = SimFile;

    fn create(&self, path: &str, access: Access) -> Result<SimFile, StorageFault> {
        self.change_names(Operation::Create, path, |disk| {
            if !disk.directories.contains(parent(path)) && !parent(path).is_empty() {
                return Err(ENOENT);
            }
            let inode = disk.inodes.len();
            disk.inodes.push(Inode::default());
            disk.change(NameChange::Link { name: path.to_owned(), inode });
            Ok(())
        })?;
        self.open(path, access)
    }

    fn open(&self, path: &str, access: Access) -> Result<SimFile, StorageFault> {
        let disk = self.0.lock();
        let inode = disk.names.get(path).copied().filter(|_| !disk.is_down);
        let inode =
            inode.ok_or_else(|| fault(Operation::Open, path, 0, if disk.is_down { EIO } else { ENOENT }))?;
        Ok(SimFile { disk: self.0.clone(), inode, path: path.to_owned(), access })
    }

    fn list(&self, directory: &str) -> Result<Vec<String>, StorageFault> {
        let disk = self.0.lock();
        if disk.is_down {
            return Err(fault(Operation::List, directory, 0, EIO));
        }
        let within = disk.names.keys().filter(|name| parent(name) == directory);
        Ok(within.map(|name| name.rsplit('/').next().unwrap_or(name).to_owned()).collect())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), StorageFault> {
        self.change_names(Operation::Rename, from, |disk| {
            let inode = *disk.names.get(from).ok_or(ENOENT)?;
            disk.change(NameChange::Rename { from: from.to_owned(), to: to.to_owned(), inode });
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> Result<(), StorageFault> {
        self.change_names(Operation::Remove, path, |disk| {
            if !disk.names.contains_key(path) {
                return Err(ENOENT);
            }
            disk.change(NameChange::Unlink { name: path.to_owned() });
            Ok(())
        })
    }

    fn create_directory(&self, directory: &str) -> Result<(), StorageFault> {
        self.change_names(Operation::CreateDirectory, directory, |disk| {
            disk.directories.insert(directory.to_owned());
            Ok(())
        })
    }

    fn sync_directory(&self, directory: &str) -> Result<(), StorageFault> {
        let mut disk = self.0.lock();
        let verdict = disk.verdict(Operation::SyncDirectory, directory)?;
        if matches!(verdict, Verdict::Cut) {
            return Err(fault(Operation::SyncDirectory, directory, 0, EIO));
        }
        if disk.plan.lies {
            return Ok(());
        }
        let changes = std::mem::take(&mut disk.name_changes);
        let (here, elsewhere) =
            changes.into_iter().partition(|change: &NameChange| change.directory() == directory);
        disk.name_changes = elsewhere;
        let here: Vec<NameChange> = here;
        for change in here {
            if matches!(verdict, Verdict::Go) || disk.dice.once_in(2) {
                change.apply(&mut disk.durable_names);
            }
        }
        match verdict {
            Verdict::Fail(failure) => {
                disk.has_lost_names = true;
                Err(fault(Operation::SyncDirectory, directory, 0, failure.errno()))
            }
            _ => Ok(()),
        }
    }
}

impl StorageFile for SimFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), StorageFault> {
        let mut disk = self.disk.lock();
        disk.reads += 1;
        if disk.is_down || disk.plan.fail_read_at == Some(disk.reads) {
            return Err(fault(Operation::Read, &self.path, offset, EIO));
        }
        let visible = &disk.inodes[self.inode].visible;
        let Some(bytes) = visible.get(size(offset)..size(offset) + into.len()) else {
            let (operation, path) = (Operation::Read, self.path.clone());
            return Err(StorageFault { operation, path, offset, cause: Cause::EndsEarly });
        };
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StorageFault> {
        let fits = size(offset).is_multiple_of(BLOCK_BYTES) && bytes.len().is_multiple_of(BLOCK_BYTES);
        if self.access == Access::Direct && !(fits && is_aligned(bytes)) {
            let (operation, path) = (Operation::Write, self.path.clone());
            return Err(StorageFault { operation, path, offset, cause: Cause::Misaligned });
        }
        let mut disk = self.disk.lock();
        let verdict = disk.verdict(Operation::Write, &self.path)?;
        let written = match verdict {
            Verdict::Go | Verdict::Cut => bytes.len(),
            Verdict::Fail(Failure::NoSpace) => 0,
            Verdict::Fail(_) => size(disk.dice.below(bytes.len() as u64 + 1)),
        };
        let write = Pending::Write { offset: size(offset), bytes: bytes[..written].to_vec() };
        disk.inodes[self.inode].write(write);
        match verdict {
            Verdict::Go => Ok(()),
            Verdict::Fail(failure) => Err(fault(Operation::Write, &self.path, offset, failure.errno())),
            Verdict::Cut => Err(fault(Operation::Write, &self.path, offset, EIO)),
        }
    }

    fn sync_data(&self) -> Result<(), StorageFault> {
        let mut disk = self.disk.lock();
        let verdict = disk.verdict(Operation::Sync, &self.path)?;
        match verdict {
            Verdict::Go if disk.plan.lies => Ok(()),
            Verdict::Go => {
                disk.inodes[self.inode].sync();
                Ok(())
            }
            Verdict::Fail(failure) => {
                let Disk { inodes, dice, .. } = &mut *disk;
                inodes[self.inode].fail_sync(dice);
                Err(fault(Operation::Sync, &self.path, 0, failure.errno()))
            }
            Verdict::Cut => Err(fault(Operation::Sync, &self.path, 0, EIO)),
        }
    }

    fn length(&self) -> Result<u64, StorageFault> {
        let disk = self.disk.lock();
        if disk.is_down {
            return Err(fault(Operation::Length, &self.path, 0, EIO));
        }
        Ok(disk.inodes[self.inode].visible.len() as u64)
    }

    fn allocate(&self, length: u64) -> Result<(), StorageFault> {
        let mut disk = self.disk.lock();
        match disk.verdict(Operation::Allocate, &self.path)? {
            Verdict::Fail(failure) => Err(fault(Operation::Allocate, &self.path, length, failure.errno())),
            verdict => {
                disk.inodes[self.inode].write(Pending::Lengthen(size(length)));
                match verdict {
                    Verdict::Cut => Err(fault(Operation::Allocate, &self.path, length, EIO)),
                    _ => Ok(()),
                }
            }
        }
    }
}
