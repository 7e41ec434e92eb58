//! That the participant itself signed the batch that holds a receipt's transfer.
//!
//! Shows the whole batch, for the signature is over all of it: this proof is for the participant, the operator and
//! whoever decides between them, and not for the receipt's other side.

use alloc::vec::Vec;

use crate::bytes::Reader;
use crate::hash::{Domain, Hasher};
use crate::header::BlockHeader;
use crate::kinds::Proven;
use crate::kinds::config::ConfigProof;
use crate::kinds::parts::{SignedHeader, read_file, read_items, write_count};
use crate::kinds::refusal::Refusal;
use crate::leaf::RECORD_BYTES;
use crate::receipt::Receipt;
use crate::record::DECIDED;
use crate::signature::{PublicKey, Signature, verify_message};

/// What participants sign is bound to this purpose.
pub const BATCH_CONTEXT: &str = "feiqian batch v1";
/// Records in one batch.
pub const BATCH_RECORDS_MAX: usize = 8_190;
const BOUNDS: (usize, usize) = (1, BATCH_RECORDS_MAX);

/// A receipt, the batch in which its transfer came, and the participant's signature over that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedBatchProof {
    /// The transfer in its block.
    pub receipt: Receipt,
    /// The configuration's entry of the participant, with its key, in force after that block.
    pub participant: ConfigProof,
    /// The participant's own number of the batch.
    pub batch_id: u128,
    /// The transfer's index in the batch.
    pub place: u32,
    /// The participant's signature over chain, number and records.
    pub signature: Signature,
    /// The batch's records as submitted; 1 to [`BATCH_RECORDS_MAX`].
    pub records: Vec<[u8; RECORD_BYTES]>,
}

impl SignedBatchProof {
    pub(crate) const MAGIC: &[u8; 8] = b"FQSIGN01";

    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Refusal`]: nothing that can't be read is written.
    pub fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Self::MAGIC.to_vec();
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends all that stands behind the magic.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Refusal> {
        self.receipt.write(bytes)?;
        self.participant.write(bytes)?;
        bytes.extend_from_slice(&self.batch_id.to_le_bytes());
        bytes.extend_from_slice(&self.place.to_le_bytes());
        bytes.extend_from_slice(&self.signature.0);
        write_count(self.records.len(), BOUNDS, bytes)?;
        bytes.extend_from_slice(self.records.as_flattened());
        Ok(())
    }

    /// Reads a file's bytes, all of them; nothing is verified yet.
    ///
    /// # Errors
    /// [`Refusal`] says where the bytes leave the format.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        read_file(bytes, Self::MAGIC, Self::read)
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        const SHORT: Refusal = Refusal::Truncated;
        Ok(Self {
            receipt: Receipt::read(from)?,
            participant: ConfigProof::read(from)?,
            batch_id: from.array().map(u128::from_le_bytes).ok_or(SHORT)?,
            place: from.array().map(u32::from_le_bytes).ok_or(SHORT)?,
            signature: Signature(from.array().ok_or(SHORT)?),
            records: read_items(from, BOUNDS)?.to_vec(),
        })
    }

    /// Checks the place in the batch, the participant's entry, the receipt and the participant's signature.
    ///
    /// `chain_id` is the chain that the reader expects; without one the proof's own word stands.
    ///
    /// # Errors
    /// [`Refusal`] names the first check that fails.
    pub fn verify(&self, key: &PublicKey, chain_id: Option<&[u8; 16]>) -> Result<Proven<'_, Self>, Refusal> {
        self.check(key, chain_id, &self.receipt.header)?;
        Ok(Proven(self))
    }

    /// [`Self::verify`] with the participant's entry in the configuration of the block with the header `keys`.
    pub(crate) fn check(
        &self,
        key: &PublicKey,
        chain_id: Option<&[u8; 16]>,
        keys: &BlockHeader,
    ) -> Result<(), Refusal> {
        let Receipt { header, signature, .. } = self.receipt;
        SignedHeader { header, signature }.check_chain(chain_id)?;
        if self.records.len() > BATCH_RECORDS_MAX {
            return Err(Refusal::Length);
        }
        self.check_place()?;
        self.participant.participant()?;
        self.participant.check(keys)?;
        self.receipt.verify(key)?;
        let signer = self.participant.participant()?.public_key()?;
        let is_signed = verify_message(&signer, BATCH_CONTEXT, &self.signed_bytes(), &self.signature);
        if is_signed { Ok(()) } else { Err(Refusal::BatchSignature) }
    }

    /// The batch holds the receipt's record at the place: equal in all that the engine doesn't set.
    fn check_place(&self) -> Result<(), Refusal> {
        let submitted = usize::try_from(self.place).ok().and_then(|place| self.records.get(place));
        let mut expected = self.receipt.record;
        let record = *submitted.ok_or(Refusal::NotInBatch)?;
        expected[DECIDED].copy_from_slice(&record[DECIDED]);
        if record == expected { Ok(()) } else { Err(Refusal::NotInBatch) }
    }

    /// `chain id 16 ‖ batch id 16 ‖ digest of the records' bytes 32`.
    fn signed_bytes(&self) -> [u8; 64] {
        let digest = Hasher::new(Domain::Batch).update(self.records.as_flattened()).finish();
        let mut bytes = [0; 64];
        bytes[..16].copy_from_slice(&self.receipt.header.chain_id);
        bytes[16..32].copy_from_slice(&self.batch_id.to_le_bytes());
        bytes[32..].copy_from_slice(&digest.0);
        bytes
    }
}
