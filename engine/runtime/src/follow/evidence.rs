//! Evidence of a difference as a file: its kinds and their bytes (`FORMAT.md` draws them). What it is worth,
//! [`judge`](super::judge) says; nothing that is read here has been checked.

use std::fmt;

use feiqian_proof::Hash;
use feiqian_proof::header::{BlockHeader, HEADER_BYTES};
use feiqian_proof::signature::{PublicKey, Signature};

use super::Statement;
use crate::identity::Identity;
use crate::stores::StoredBlock;

const MAGIC: &[u8; 8] = b"FQEVID01";
/// Header and signature of a block.
const SIGNED_BYTES: usize = HEADER_BYTES + 64;

/// What can be shown of a difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// 1: two headers of one height, both signed.
    Fork {
        /// The chain and who signs for it.
        identity: Identity,
        /// Different.
        blocks: Box<[StoredBlock; 2]>,
        /// The headers of the frames that seal them, which say of which epoch they are; empty where one is not known.
        seals: Box<[Vec<u8>; 2]>,
    },
    /// 2: a signed block that the replay of its frames does not give.
    Block {
        /// The chain and who signs for it.
        identity: Identity,
        /// The operator's.
        signed: Box<StoredBlock>,
        /// What the replay gave.
        own: Box<BlockHeader>,
        /// All frames from the block's first to its seal, as they were stored and served.
        frames: Vec<u8>,
        /// That the operator has served them; none where the source was a copy.
        served: Option<ServedChain>,
    },
    /// 3: a signed checkpoint whose root the signed blocks don't have.
    Checkpoint {
        /// The chain and who signs for it.
        identity: Identity,
        /// The checkpoint.
        note: Vec<u8>,
        /// The root that the blocks have.
        own: Hash,
    },
    /// 4: what was served, and can't be.
    Served {
        /// The chain and who signs for it.
        identity: Identity,
        /// What is wrong, for people.
        told: String,
        /// The last block that was compared.
        last: Option<Box<StoredBlock>>,
        /// As it was served.
        frames: Vec<u8>,
    },
    /// 5: a signed block in which a step of a default has other numbers than its cycle's transfers give, or a trace of
    /// reported money others than the postings give.
    Numbers {
        /// The chain and who signs for it.
        identity: Identity,
        /// The operator's.
        signed: Box<StoredBlock>,
        /// All frames of the block, as they were stored and served.
        frames: Vec<u8>,
    },
    /// 6: two journals that the operator has signed for having served: a sequence at which they have different frames.
    Journals {
        /// The chain and who signs for it.
        identity: Identity,
        /// Frames up to a signed one, each.
        chains: Box<[ServedChain; 2]>,
    },
}

/// What ties frames to the operator: the headers of those behind them, up to one that it has signed for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServedChain {
    /// Of 256 bytes each.
    pub headers: Vec<u8>,
    /// Under the last.
    pub statement: Statement,
}

/// Why a file is no evidence at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EvidenceError {
    /// Not a file of evidence of this version.
    Form,
    /// Of another operator than the one whose key is given.
    Operator(PublicKey),
    /// What should be signed by the operator is not.
    NotSigned,
    /// The two blocks are the same, or of different heights or chains.
    NoFork,
    /// The two journals have the same frames, as far as they are shown.
    NoTwoJournals,
    /// The frames are not the block's: they don't chain from its first sequence to the head that it names.
    Frames(String),
    /// The data directory can't be read.
    Data(String),
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("this is no evidence of a difference"),
            Self::Operator(key) => write!(f, "the evidence is about another operator, with the key {key}"),
            Self::NotSigned => f.write_str("what should be signed by the operator is not: no evidence"),
            Self::NoFork => f.write_str("the two headers are no fork: no evidence"),
            Self::NoTwoJournals => f.write_str("nothing shows that the two journals differ: no evidence"),
            Self::Frames(why) => write!(f, "the frames are not those that the block names: {why}"),
            Self::Data(why) => write!(f, "the data directory can't tell: {why}"),
        }
    }
}

impl std::error::Error for EvidenceError {}

impl Evidence {
    /// The chain and operator that it is about.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        match self {
            Self::Fork { identity, .. }
            | Self::Block { identity, .. }
            | Self::Checkpoint { identity, .. }
            | Self::Served { identity, .. }
            | Self::Numbers { identity, .. }
            | Self::Journals { identity, .. } => identity,
        }
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, parts): (u64, Vec<Vec<u8>>) = match self {
            Self::Fork { blocks, seals, .. } => {
                let known = seals.iter().any(|seal| !seal.is_empty());
                let seals = seals.iter().filter(|_| known).cloned();
                (1, blocks.iter().map(signed_bytes).chain(seals).collect())
            }
            Self::Block { signed, own, frames, served, .. } => {
                let (headers, statement) = served.as_ref().map_or_else(Default::default, |served| {
                    (served.headers.clone(), statement_bytes(&served.statement))
                });
                (2, vec![signed_bytes(signed), own.encode().to_vec(), frames.clone(), headers, statement])
            }
            Self::Checkpoint { note, own, .. } => (3, vec![note.clone(), own.0.to_vec()]),
            Self::Served { told, last, frames, .. } => {
                let last = last.as_ref().map_or_else(Vec::new, |last| signed_bytes(last));
                (4, vec![told.clone().into_bytes(), last, frames.clone()])
            }
            Self::Numbers { signed, frames, .. } => (5, vec![signed_bytes(signed), frames.clone()]),
            Self::Journals { chains, .. } => {
                let parts = |chain: &ServedChain| [chain.headers.clone(), statement_bytes(&chain.statement)];
                (6, chains.iter().flat_map(parts).collect())
            }
        };
        let Identity { chain_id, operator } = self.identity();
        let mut bytes = [&MAGIC[..], &kind.to_le_bytes(), chain_id, operator.as_bytes()].concat();
        for part in parts {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part);
        }
        bytes
    }

    /// Reads a file's bytes. Nothing in them has been checked then.
    ///
    /// # Errors
    /// [`EvidenceError::Form`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EvidenceError> {
        read(bytes).ok_or(EvidenceError::Form)
    }
}

fn signed_bytes(block: &StoredBlock) -> Vec<u8> {
    [&block.header[..], &block.signature].concat()
}

fn read(bytes: &[u8]) -> Option<Evidence> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (kind, rest) = rest.split_first_chunk::<8>()?;
    let (chain_id, rest) = rest.split_first_chunk::<16>()?;
    let (operator, rest) = rest.split_first_chunk::<32>()?;
    let identity = Identity { chain_id: *chain_id, operator: PublicKey::from_bytes(operator).ok()? };
    let parts = read_parts(rest)?;
    Some(match (u64::from_le_bytes(*kind), &parts[..]) {
        (1, [first, second, seals @ ..]) => Evidence::Fork {
            identity,
            blocks: Box::new([read_signed(first)?, read_signed(second)?]),
            seals: match seals {
                [] => Box::default(),
                [first, second] if !(first.is_empty() && second.is_empty()) => {
                    Box::new([first.to_vec(), second.to_vec()])
                }
                _ => return None,
            },
        },
        (2, [signed, own, frames, headers, statement]) => Evidence::Block {
            identity,
            signed: Box::new(read_signed(signed)?),
            own: Box::new(BlockHeader::decode(own).ok()?),
            frames: frames.to_vec(),
            served: match (headers.is_empty(), statement.is_empty()) {
                (true, true) => None,
                (_, true) => return None,
                _ => Some(ServedChain { headers: headers.to_vec(), statement: read_statement(statement)? }),
            },
        },
        (3, [note, own]) => {
            Evidence::Checkpoint { identity, note: note.to_vec(), own: Hash((*own).try_into().ok()?) }
        }
        (4, [told, last, frames]) => Evidence::Served {
            identity,
            told: String::from_utf8(told.to_vec()).ok()?,
            last: if last.is_empty() { None } else { Some(Box::new(read_signed(last)?)) },
            frames: frames.to_vec(),
        },
        (5, [signed, frames]) => {
            Evidence::Numbers { identity, signed: Box::new(read_signed(signed)?), frames: frames.to_vec() }
        }
        (6, [headers, statement, other_headers, other_statement]) => Evidence::Journals {
            identity,
            chains: Box::new([
                ServedChain { headers: headers.to_vec(), statement: read_statement(statement)? },
                ServedChain { headers: other_headers.to_vec(), statement: read_statement(other_statement)? },
            ]),
        },
        _ => return None,
    })
}

fn read_parts(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<8>() {
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (part, behind) = behind.split_at_checked(length)?;
        parts.push(part);
        rest = behind;
    }
    (rest.is_empty() && parts.len() <= 5).then_some(parts)
}

fn read_signed(bytes: &[u8]) -> Option<StoredBlock> {
    let bytes: &[u8; SIGNED_BYTES] = bytes.try_into().ok()?;
    let (header, signature) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    Some(StoredBlock { header: *header, signature: signature.try_into().ok()? })
}

fn statement_bytes(statement: &Statement) -> Vec<u8> {
    [&statement.sequence.to_le_bytes()[..], &statement.hash.0, &statement.signature.0].concat()
}

fn read_statement(bytes: &[u8]) -> Option<Statement> {
    let (sequence, bytes) = bytes.split_first_chunk::<8>()?;
    let (hash, signature) = bytes.split_first_chunk::<32>()?;
    let sequence = u64::from_le_bytes(*sequence);
    Some(Statement { sequence, hash: Hash(*hash), signature: Signature(signature.try_into().ok()?) })
}
