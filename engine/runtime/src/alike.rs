//! A transfer that comes again under other tariffs: the same payment, though other legs of a fee follow it now, or none.
//! Decides nothing; the id was taken once, and what became of it stands.

use feiqian_core::transfer::{Record, flags};

use crate::pipeline::Engine;
use crate::query::QueryFault;

impl Engine {
    /// The sequence of the entry that took the record's id, if that asked for the same: for who is told that the id stands
    /// for another transfer.
    ///
    /// # Errors
    /// [`QueryFault`] where the journal can't be read.
    pub fn find_alike(&self, record: &Record) -> Result<Option<u64>, QueryFault> {
        let Some(sequence) = self.find(record.uetr.get()) else { return Ok(None) };
        let unlinked =
            |record: &Record| Record { flags: (record.flags.get() & !flags::LINKED).into(), ..*record };
        let entry = self.entry(sequence)?;
        Ok(entry.is_some_and(|(entry, _)| unlinked(&entry.record) == unlinked(record)).then_some(sequence))
    }
}
