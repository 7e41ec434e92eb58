//! Proofs as files that the log makes: that a block is in it, under which cosignatures, and that one of its sizes extends
//! another. Changes nothing; heads are signed as they were published, for a signature here has one form.

use feiqian_proof::checkpoint::Checkpoint;
use feiqian_proof::cosignature_book::CosignatureBook;
use feiqian_proof::kinds::{Cosignature, LogConsistencyProof, LogInclusionProof, Proof, SignedHead};
use feiqian_proof::log::LogHead;
use feiqian_proof::signature::Signature;

use super::{LogStore, StoreFault};
use crate::storage::Storage;

impl<S: Storage> LogStore<S> {
    /// That the block of a proof is in the log: under the largest checkpoint that is WITNESSED where that holds the block,
    /// else under the newest one, with all cosignatures that there are of it. None for a block that no checkpoint holds
    /// yet, and for a proof that is about none.
    ///
    /// # Errors
    /// The storage's faults, and [`StoreFault::Damaged`] where a tile is.
    pub fn inclusion(&self, proof: Proof) -> Result<Option<LogInclusionProof>, StoreFault> {
        let Some(height) = proof.block().map(|block| block.header.height) else { return Ok(None) };
        let (signed, head, cosignatures) = {
            let state = self.state.lock();
            let witnessed = state.book.as_ref().and_then(CosignatureBook::witnessed_head);
            let head = witnessed.filter(|head| head.size >= height).unwrap_or(state.signed);
            (state.signed, head, cosignatures(state.book.as_ref(), head.size))
        };
        if height == 0 || height > head.size {
            return Ok(None);
        }
        let path = self.prover_of(head.size, signed.size).inclusion(height - 1)?;
        let checkpoint = self.sign_head(head);
        Ok(Some(LogInclusionProof { checkpoint, path, cosignatures, proof: Box::new(proof) }))
    }

    /// That the log of `new` blocks begins with the log of `old`, both signed as they are or were published; none where
    /// there are not 1 ≤ `old` ≤ `new` in the newest checkpoint.
    ///
    /// # Errors
    /// The storage's faults, and [`StoreFault::Damaged`] where a tile is.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Option<LogConsistencyProof>, StoreFault> {
        let signed = self.head().size;
        if old == 0 || old > new || new > signed {
            return Ok(None);
        }
        let head = |size| {
            let root = self.prover_of(size, signed).root()?;
            Ok::<_, StoreFault>(self.sign_head(LogHead { size, root }))
        };
        let (old_head, new_head) = (head(old)?, head(new)?);
        let path = if old == new { Vec::new() } else { self.prover_of(new, signed).consistency(old)? };
        Ok(Some(LogConsistencyProof { chain_id: self.chain_id, old: old_head, new: new_head, path }))
    }

    /// The head with the operator's signature over its checkpoint: the one that it was published with.
    fn sign_head(&self, head: LogHead) -> SignedHead {
        let line = Checkpoint::new(self.log_key.name(), head).sign(&self.key).expect("an origin names a key");
        SignedHead { head, signature: Signature(line.bytes.try_into().expect("a signature has 64 bytes")) }
    }
}

/// The cosignatures of a size, ascending by key.
fn cosignatures(book: Option<&CosignatureBook>, size: u64) -> Vec<Cosignature> {
    let Some(book) = book else { return Vec::new() };
    let of_line = |line| book.policy().keys().iter().find_map(|key| Cosignature::of(key, line));
    let mut all: Vec<_> = book.lines(size).iter().filter_map(of_line).collect();
    all.sort_by_key(|line| line.key);
    all
}
