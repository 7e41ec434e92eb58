//! The witness in a validator: cosigns a checkpoint only when the log that it has replayed has that very root, and
//! remembers the size, durably, before it signs.
//!
//! Owns `validator/signed`, the memory, and `validator/checkpoint`, the newest checkpoint with its own line. It needs
//! no consistency proof from the operator: the root over its own blocks is one log that only grows.

use feiqian_proof::Hash;
use feiqian_proof::checkpoint::{Checkpoint, CheckpointError, log_key};
use feiqian_proof::cosignature::cosign;
use feiqian_proof::log::{LogHead, origin_of};
use feiqian_proof::note::{NOTE_BYTES_MAX, Note, VerifierKey, is_key_name};
use feiqian_proof::signature::SigningKey;

use super::evidence::Evidence;
use super::{Finding, FollowFault, Replica, SourceFault};
use crate::identity::Identity;
use crate::storage::{Storage, read_whole};

/// The directory of what a validator remembers.
pub(super) const VALIDATOR_DIRECTORY: &str = "validator";
/// What was cosigned last.
const SIGNED_FILE: &str = "validator/signed";
/// The newest checkpoint that was cosigned, the operator's line and the own one under it.
pub const VALIDATOR_CHECKPOINT_FILE: &str = "validator/checkpoint";
const TITLE: &str = "feiqian validator, version 1";
const BYTES_MAX: u64 = 4_096;

/// Who cosigns, for which log, and what last.
#[derive(Debug)]
pub struct Witness<S> {
    storage: S,
    key: SigningKey,
    name: String,
    log_key: VerifierKey,
    signed: LogHead,
    /// A checkpoint over more blocks than are replayed here: cosigned once they are, however many have followed it by then.
    awaited: Option<(LogHead, Note)>,
    /// The newest checkpoint with the own line: to be handed in again where it may have been lost.
    cosigned: Option<Vec<u8>>,
}

impl<S: Storage> Witness<S> {
    /// Reads what was cosigned from this directory, and checks it against the blocks that are here.
    ///
    /// # Errors
    /// [`FollowFault::SetBack`], [`FollowFault::Memory`], or the storage's faults.
    ///
    /// # Panics
    /// If `name` can't name a key (`is_key_name`): the caller has checked it.
    pub fn open(
        storage: S,
        replica: &Replica<S>,
        (name, key): (&str, SigningKey),
    ) -> Result<Self, FollowFault> {
        assert!(is_key_name(name), "a witness's name is a key's");
        storage.create_directory(VALIDATOR_DIRECTORY)?;
        let Identity { chain_id, operator } = replica.identity();
        let log_key =
            log_key(&origin_of(chain_id), *operator).expect("a chain's origin has no spaces and no +");
        let signed = match read_whole(&storage, SIGNED_FILE, BYTES_MAX) {
            Ok(bytes) => parse(&bytes, log_key.name()).ok_or(FollowFault::Memory(SIGNED_FILE))?,
            Err(fault) if fault.is_absent() => LogHead { size: 0, root: Hash::default() },
            Err(fault) => return Err(fault.into()),
        };
        let set_back = FollowFault::SetBack { size: signed.size };
        if signed.size > replica.height() {
            return Err(set_back);
        }
        if signed.size > 0 && replica.log_root(signed.size)? != signed.root {
            return Err(set_back);
        }
        let cosigned = match read_whole(&storage, VALIDATOR_CHECKPOINT_FILE, NOTE_BYTES_MAX as u64) {
            Ok(note) => Some(note),
            Err(fault) if fault.is_absent() => None,
            Err(fault) => return Err(fault.into()),
        };
        // The size is written first: where a larger checkpoint is cosigned, it has been lost.
        let is_more = |note: &Vec<u8>| {
            Checkpoint::open(note, &log_key).is_ok_and(|(checkpoint, _)| checkpoint.head.size > signed.size)
        };
        if cosigned.as_ref().is_some_and(is_more) {
            return Err(FollowFault::Memory(SIGNED_FILE));
        }
        Ok(Self { storage, key, name: name.to_owned(), log_key, signed, awaited: None, cosigned })
    }

    /// The size that was cosigned last, 0 if there is none.
    #[must_use]
    pub const fn signed(&self) -> u64 {
        self.signed.size
    }

    /// The newest checkpoint that was cosigned, if there is one.
    #[must_use]
    pub fn cosigned(&self) -> Option<&[u8]> {
        self.cosigned.as_deref()
    }

    /// Considers the checkpoint that the operator offers at a time, seconds since 1970; gives it cosigned, if it is one to
    /// cosign: its log is replayed here as a whole, and larger than the last. Where it is not replayed yet, gives the one that
    /// was offered first of those, once that is.
    ///
    /// # Errors
    /// [`FollowFault::Found`] for a log that has another root than its blocks; [`FollowFault::Suspected`] for one that is
    /// smaller than the one cosigned last, since an old checkpoint stays signed; [`FollowFault::Source`] for what is no
    /// checkpoint of the operator's.
    pub fn consider(
        &mut self,
        replica: &Replica<S>,
        note: &[u8],
        now: u64,
    ) -> Result<Option<Vec<u8>>, FollowFault> {
        let opened = Checkpoint::open(note, &self.log_key);
        let (checkpoint, note) =
            opened.map_err(|error: CheckpointError| SourceFault::Malformed(error.to_string()))?;
        let head = checkpoint.head;
        if head.size < self.signed.size {
            return Err(FollowFault::Suspected(Box::new(self.truncated(replica, &note, head))));
        }
        let is_replayed = |head: &LogHead| head.size <= replica.height();
        let first = self.awaited.take().filter(|_| !is_replayed(&head));
        let (head, note) = first.unwrap_or((head, note));
        if !is_replayed(&head) {
            self.awaited = Some((head, note));
            return Ok(None);
        }
        if head.size == 0 {
            return Ok(None);
        }
        let own = replica.log_root(head.size)?;
        if own != head.root {
            return Err(other_root(replica, &note, head, own)?.into());
        }
        if head.size == self.signed.size {
            return Ok(None);
        }
        self.remember(replica, head)?;
        let line = cosign(&self.key, &self.name, now, note.text()).expect("the name was checked");
        let mut lines = vec![note.signatures.iter().find(|line| self.log_key.is_named_by(line)).cloned()];
        lines.push(Some(line));
        let cosigned = Note::new(note.text().to_owned(), lines.into_iter().flatten().collect());
        let cosigned = cosigned.expect("the text is a note's").to_string().into_bytes();
        self.storage.write_atomically(VALIDATOR_CHECKPOINT_FILE, &cosigned)?;
        self.cosigned = Some(cosigned.clone());
        Ok(Some(cosigned))
    }

    /// The blocks first, then the size, each durably: a start finds at least what was signed.
    fn remember(&mut self, replica: &Replica<S>, head: LogHead) -> Result<(), FollowFault> {
        replica.sync()?;
        let text =
            format!("{TITLE}\norigin {}\nsize {}\nroot {}\n", self.log_key.name(), head.size, head.root);
        self.storage.write_atomically(SIGNED_FILE, text.as_bytes())?;
        self.signed = head;
        Ok(())
    }

    fn truncated(&self, replica: &Replica<S>, note: &Note, head: LogHead) -> Finding {
        let what = format!(
            "the log that is served has size {}, and size {} was cosigned here: it was set back",
            head.size, self.signed.size
        );
        let sequence = replica.first_sequence_behind(head.size);
        let finding = replica.served(sequence, &what, note.to_string().into_bytes());
        Finding { height: head.size + 1, ..finding }
    }
}

fn other_root<S: Storage>(
    replica: &Replica<S>,
    note: &Note,
    head: LogHead,
    own: Hash,
) -> Result<Finding, FollowFault> {
    let what = format!("the operator's checkpoint of size {} has another root than its blocks", head.size);
    let evidence =
        Evidence::Checkpoint { identity: *replica.identity(), note: note.to_string().into_bytes(), own };
    // Which block differs can't be told from roots; the log of size - 1 was compared with its own checkpoint or none.
    let sequence = replica.first_sequence_behind(head.size - 1);
    Ok(Finding { sequence, height: head.size, what, evidence })
}

fn parse(bytes: &[u8], name: &str) -> Option<LogHead> {
    let text = std::str::from_utf8(bytes).ok()?;
    let [TITLE, origin, size, root, ""] = text.split('\n').collect::<Vec<_>>()[..] else { return None };
    let size = size.strip_prefix("size ")?.parse().ok()?;
    let root = Hash::from_hex(root.strip_prefix("root ")?)?;
    (origin.strip_prefix("origin ")? == name).then_some(LogHead { size, root })
}
