//! What several kinds are made of: the signed header, paths, lists; their bytes and their checks.

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::hash::{Domain, HASH_BYTES, Hash};
use crate::header::{BlockHeader, HEADER_BYTES, Root};
use crate::inclusion::{PATH_MAX, verify_inclusion};
use crate::kinds::refusal::Refusal;
use crate::leaf::{POSITION_LEAF_BYTES, PositionLeaf};
use crate::signature::{PublicKey, Signature, verify_header};

/// A block header with the operator's signature over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignedHeader {
    /// The header.
    pub header: BlockHeader,
    /// The operator's signature.
    pub signature: Signature,
}

impl SignedHeader {
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.header.encode());
        to.extend_from_slice(&self.signature.0);
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        let header = read_header(from)?;
        Ok(Self { header, signature: Signature(from.array().ok_or(Refusal::Truncated)?) })
    }

    /// What costs nothing: the header agrees with itself and is of the expected chain.
    pub(crate) fn check_chain(&self, chain_id: Option<&[u8; 16]>) -> Result<(), Refusal> {
        self.header.check_count()?;
        match chain_id {
            Some(expected) if *expected != self.header.chain_id => Err(Refusal::Chain),
            _ => Ok(()),
        }
    }

    pub(crate) fn check_signature(&self, key: &PublicKey) -> Result<(), Refusal> {
        let is_signed = verify_header(key, &self.header.hash(), &self.signature);
        if is_signed { Ok(()) } else { Err(Refusal::Signature) }
    }
}

pub(crate) fn read_header(from: &mut Reader<'_>) -> Result<BlockHeader, Refusal> {
    Ok(BlockHeader::decode(from.slice(HEADER_BYTES).ok_or(Refusal::Truncated)?)?)
}

/// Refuses a leaf that does not stand at `index` of `tree`.
pub(crate) fn check_inclusion(
    node: Domain,
    leaf: Hash,
    index: u64,
    tree: &Root,
    path: &[Hash],
) -> Result<(), Refusal> {
    let is_included = verify_inclusion(node, leaf, index, tree.size, path, &tree.hash);
    if is_included { Ok(()) } else { Err(Refusal::NotIncluded) }
}

pub(crate) fn write_path(path: &[Hash], to: &mut Vec<u8>) -> Result<(), Refusal> {
    let nodes = u8::try_from(path.len()).ok().filter(|nodes| usize::from(*nodes) <= PATH_MAX);
    to.push(nodes.ok_or(Refusal::Length)?);
    path.iter().for_each(|node| to.extend_from_slice(&node.0));
    Ok(())
}

pub(crate) fn read_path(from: &mut Reader<'_>) -> Result<Vec<Hash>, Refusal> {
    let [nodes] = from.array().ok_or(Refusal::Truncated)?;
    let nodes = usize::from(nodes);
    if nodes > PATH_MAX {
        return Err(Refusal::Length);
    }
    let bytes = from.slice(nodes * HASH_BYTES).ok_or(Refusal::Truncated)?;
    Ok(bytes.as_chunks::<HASH_BYTES>().0.iter().map(|node| Hash(*node)).collect())
}

/// Writes the number of a list's items, if it lies in `bounds`.
pub(crate) fn write_count(count: usize, bounds: (usize, usize), to: &mut Vec<u8>) -> Result<(), Refusal> {
    let in_bounds = u32::try_from(count).ok().filter(|_| (bounds.0..=bounds.1).contains(&count));
    to.extend_from_slice(&in_bounds.ok_or(Refusal::Length)?.to_le_bytes());
    Ok(())
}

pub(crate) fn read_count(from: &mut Reader<'_>, bounds: (usize, usize)) -> Result<usize, Refusal> {
    let count = from.array().map(u32::from_le_bytes).ok_or(Refusal::Truncated)?;
    let count = usize::try_from(count).ok().filter(|count| (bounds.0..=bounds.1).contains(count));
    count.ok_or(Refusal::Length)
}

/// The bytes of a list of items of `N` bytes each, all of them there before any is read.
pub(crate) fn read_items<'a, const N: usize>(
    from: &mut Reader<'a>,
    bounds: (usize, usize),
) -> Result<&'a [[u8; N]], Refusal> {
    let count = read_count(from, bounds)?;
    let bytes = count.checked_mul(N).and_then(|bytes| from.slice(bytes)).ok_or(Refusal::Truncated)?;
    Ok(bytes.as_chunks().0)
}

pub(crate) fn read_position(bytes: &[u8; POSITION_LEAF_BYTES]) -> Result<PositionLeaf, Refusal> {
    let leaf = PositionLeaf::decode(bytes).map_err(|_| Refusal::Leaf)?;
    check_bic(&leaf.bic)?;
    Ok(leaf)
}

/// Refuses characters that no BIC has; their order is the core's affair.
pub(crate) fn check_bic(bic: &[u8; 11]) -> Result<(), Refusal> {
    let is_text = bic.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if is_text { Ok(()) } else { Err(Refusal::Leaf) }
}

/// Reads a whole file: its magic, its fields, its end.
pub(crate) fn read_file<T>(
    bytes: &[u8],
    magic: &[u8; 8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let mut from = Reader::new(bytes);
    if from.slice(magic.len()) != Some(magic) {
        return Err(Refusal::Magic);
    }
    let proof = read(&mut from)?;
    if from.is_at_end() { Ok(proof) } else { Err(Refusal::TrailingBytes) }
}
