//! What a bank's files tell, side by side: blocks by height, signed heads of the log by size, and what ties them
//! together. Two that can't both be are a difference, whichever file shows which. Reads no file, and believes only what
//! has been verified.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use feiqian_proof::header::BlockHeader;
use feiqian_proof::kinds::{Proof, SignedHead};
use feiqian_proof::log::{LogHead, leaf_hash};
use feiqian_proof::signature::{PublicKey, Signature};
use feiqian_proof::tiles::Edge;
use feiqian_runtime::follow::Evidence;
use feiqian_runtime::identity::Identity;
use feiqian_runtime::stores::StoredBlock;

use crate::fault::Fault;

/// A block, as a file shows it.
#[derive(Debug)]
struct HeldBlock {
    header: BlockHeader,
    /// None where another signed header covers it.
    signature: Option<Signature>,
    file: PathBuf,
}

/// What has been seen of the chain and its log.
#[derive(Debug, Default)]
pub(super) struct HeldChain {
    blocks: BTreeMap<u64, HeldBlock>,
    heads: BTreeMap<u64, (LogHead, PathBuf)>,
    ties: Vec<(Item, Item)>,
}

/// A block by its height, or a head of the log by its size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Item {
    Block(u64),
    Head(u64),
}

impl HeldChain {
    /// Takes the blocks and heads that a verified proof shows.
    pub(super) fn take(&mut self, proof: &Proof, (path, key): (&Path, &PublicKey)) -> Result<(), Fault> {
        match proof {
            Proof::Consistency(chain) => {
                let covered = chain.headers.iter().take(chain.headers.len().saturating_sub(1));
                covered.into_iter().try_for_each(|header| self.take_block(header, None, (path, key)))?;
            }
            Proof::FormerKey(proof) => self.take_block(&proof.before, None, (path, key))?,
            Proof::LogConsistency(proof) => {
                for SignedHead { head, .. } in [&proof.old, &proof.new] {
                    self.take_head(head, path)?;
                }
                self.tie(Item::Head(proof.old.head.size), Item::Head(proof.new.head.size));
            }
            Proof::LogInclusion(proof) => {
                self.take(&proof.proof, (path, key))?;
                self.take_head(&proof.checkpoint.head, path)?;
                let height = proof.block().map_or(0, |block| block.header.height);
                self.tie(Item::Block(height), Item::Head(proof.checkpoint.head.size));
            }
            _ => {}
        }
        match proof.block() {
            Some(block) => self.take_block(&block.header, Some(block.signature), (path, key)),
            None => Ok(()),
        }
    }

    fn tie(&mut self, one: Item, other: Item) {
        self.ties.push((one, other));
    }

    /// Two signed headers of one height are a fork, and evidence is written; so are two of which one is covered by the
    /// signature of a later block, which both files together show.
    fn take_block(
        &mut self,
        header: &BlockHeader,
        signature: Option<Signature>,
        (path, key): (&Path, &PublicKey),
    ) -> Result<(), Fault> {
        self.check_chain(&header.chain_id, path)?;
        let block = HeldBlock { header: *header, signature, file: path.to_owned() };
        let Some(known) = self.blocks.get_mut(&header.height) else {
            self.blocks.insert(header.height, block);
            return Ok(());
        };
        if known.header == *header {
            known.signature = known.signature.or(signature);
            return Ok(());
        }
        let signed = signed_block(known).zip(signed_block(&block));
        let Some((one, other)) = signed else {
            let (files, height) = ((known.file.display(), path.display()), header.height);
            let what =
                format!("{} and {}: the operator has signed for two blocks {height}", files.0, files.1);
            return Err(Fault::Check(format!("{what}; each file holds by itself, keep both: they convict")));
        };
        let identity = Identity { chain_id: header.chain_id, operator: *key };
        let evidence = Evidence::Fork { identity, blocks: Box::new([one, other]), seals: Box::default() };
        let file = write_evidence(path, header.height, &evidence.encode())?;
        let what = format!("the operator has signed two headers of height {}", header.height);
        Err(Fault::Check(format!("{}: {what}; evidence in {}", path.display(), file.display())))
    }

    /// A head that the operator signed.
    pub(super) fn take_head(&mut self, head: &LogHead, path: &Path) -> Result<(), Fault> {
        match self.heads.get(&head.size) {
            Some((known, other)) if known != head => {
                let what = format!("the operator has signed another root at size {}", head.size);
                Err(Fault::Check(format!("{}: {what} in {}", path.display(), other.display())))
            }
            _ => {
                self.heads.insert(head.size, (*head, path.to_owned()));
                Ok(())
            }
        }
    }

    fn check_chain(&self, chain_id: &[u8; 16], path: &Path) -> Result<(), Fault> {
        match self.chain_id() {
            Some(known) if known != *chain_id => {
                let chain = feiqian_identity::hex::encode(chain_id);
                Err(Fault::Check(format!("{}: of another chain, {chain}", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// The chain of the blocks; none where there is none.
    pub(super) fn chain_id(&self) -> Option<[u8; 16]> {
        self.blocks.values().next().map(|block| block.header.chain_id)
    }

    /// Different blocks.
    pub(super) fn blocks(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Different signed heads of the log.
    pub(super) fn heads(&self) -> u64 {
        self.heads.len() as u64
    }

    /// Holds neighbours against each other, and heads of the log against the blocks from the first on; gives how many
    /// pairs of neighbours there are.
    pub(super) fn check(&mut self) -> Result<u64, Fault> {
        let mut links = 0;
        for (height, block) in &self.blocks {
            let before = height.checked_sub(1).and_then(|before| self.blocks.get(&before));
            let Some(before) = before.map(|before| &before.header) else { continue };
            let header = &block.header;
            let next = before.first_sequence.checked_add(before.count);
            if header.previous != before.hash() || next != Some(header.first_sequence) {
                return Err(Fault::Check(format!("block {height} does not continue the block before it")));
            }
            self.ties.push((Item::Block(height - 1), Item::Block(*height)));
            links += 1;
        }
        self.check_heads()?;
        Ok(links)
    }

    fn check_heads(&mut self) -> Result<(), Fault> {
        let mut edge = Edge::default();
        for (height, block) in (1..).zip(self.blocks.values()) {
            if block.header.height != height {
                break;
            }
            edge.push(leaf_hash(&block.header.encode()));
            let Some((head, file)) = self.heads.get(&height) else { continue };
            if head.root != edge.root() {
                let what = format!("blocks 1 to {height} have another root than this signed checkpoint");
                return Err(Fault::Check(format!("{}: {what}", file.display())));
            }
            self.ties.push((Item::Block(height), Item::Head(height)));
        }
        Ok(())
    }

    /// In how many parts all this falls, between which nothing here tells that they are of one chain.
    pub(super) fn parts(&self) -> u64 {
        let blocks = self.blocks.keys().map(|height| Item::Block(*height));
        let mut left: BTreeSet<Item> =
            blocks.chain(self.heads.keys().map(|size| Item::Head(*size))).collect();
        let mut neighbours: BTreeMap<Item, Vec<Item>> = BTreeMap::new();
        for (one, other) in &self.ties {
            neighbours.entry(*one).or_default().push(*other);
            neighbours.entry(*other).or_default().push(*one);
        }
        let mut parts = 0;
        while let Some(first) = left.pop_first() {
            parts += 1;
            let mut reached = vec![first];
            while let Some(item) = reached.pop() {
                let next = neighbours.get(&item).into_iter().flatten();
                reached.extend(next.filter(|next| left.remove(next)));
            }
        }
        parts
    }
}

fn signed_block(block: &HeldBlock) -> Option<StoredBlock> {
    Some(StoredBlock { header: block.header.encode(), signature: block.signature?.0 })
}

/// Writes evidence beside the file that showed it, under a name that nothing has yet.
fn write_evidence(path: &Path, height: u64, bytes: &[u8]) -> Result<PathBuf, Fault> {
    let names = (1..).map(|number| match number {
        1 => format!("fork-{height}.fqe"),
        _ => format!("fork-{height}-{number}.fqe"),
    });
    for name in names {
        let file = path.with_file_name(name);
        match std::fs::read(&file) {
            Ok(there) if there == bytes => return Ok(file),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let written = std::fs::write(&file, bytes);
                return written
                    .map(|()| file.clone())
                    .map_err(|error| Fault::file(&file, "write the evidence", &error));
            }
            Err(error) => return Err(Fault::file(&file, "read the evidence", &error)),
        }
    }
    Err(Fault::Data("no name is left for the evidence".to_owned()))
}
