//! Which entry of a false block differs first, as the operator's own signature says: its root of transfers is made of the roots
//! of groups of 256, and such a root of 256 rows. Asks the source for both, and believes only what leads to the signed root.

use feiqian_proof::groups::GROUP_LEAVES;
use feiqian_proof::hash::Domain;
use feiqian_proof::header::BlockHeader;
use feiqian_proof::tree::root_of;

use super::{Replica, Source};
use crate::query::leaves_between;
use crate::storage::Storage;
use crate::stores::OUTCOME_ROW_BYTES;

impl<S: Storage> Replica<S> {
    /// The first sequence of the block whose transfer or outcome is another one in the signed block than in the replay: exactly
    /// where the source gives the rows that were signed, or the first of its group. None where the transfers are the same, or
    /// the source gives nothing that leads to the signed root.
    pub(super) fn first_that_differs(
        &self,
        source: &mut impl Source,
        (signed, own): (&BlockHeader, &BlockHeader),
    ) -> Option<u64> {
        if signed.transfers == own.transfers || signed.first_sequence != own.first_sequence {
            return None;
        }
        let theirs = source.groups(signed.height).ok()?;
        if root_of(Domain::TransferNode, &theirs) != signed.transfers.hash {
            return None;
        }
        let ours = self.groups.read(own).ok()??;
        let at = (0..theirs.len().max(ours.len())).find(|at| theirs.get(*at) != ours.get(*at))?;
        let first = own.first_sequence + (at * GROUP_LEAVES) as u64;
        let end = (first + GROUP_LEAVES as u64).min(signed.first_sequence + signed.count);
        let row = self.row_that_differs(source, (first, end), (own, theirs.get(at)?));
        Some(row.unwrap_or(first))
    }

    /// Of a group by its rows, if they are those that were signed over the transfers that are here.
    fn row_that_differs(
        &self,
        source: &mut impl Source,
        (first, end): (u64, u64),
        (own, group): (&BlockHeader, &feiqian_proof::Hash),
    ) -> Option<u64> {
        let count = usize::try_from(end.checked_sub(first)?).ok()?;
        let theirs = source.rows(first, count).ok()?;
        let seed = self.state().registry().block_seed(own.height);
        let given = |from: u64, count: usize| {
            let begin = usize::try_from(from - first).unwrap_or(usize::MAX).saturating_mul(OUTCOME_ROW_BYTES);
            let rows = theirs.get(begin..begin.saturating_add(count * OUTCOME_ROW_BYTES));
            rows.map(<[u8]>::to_vec).ok_or(crate::stores::StoreFault::Absent(from))
        };
        let leaves = leaves_between(&self.reader(), &seed, (first, end), given).ok()?;
        if leaves.len() != count || root_of(Domain::TransferNode, &leaves) != *group {
            return None;
        }
        let ours = self.outcomes.read(first, count).ok()?;
        let rows = |bytes: &[u8]| bytes.as_chunks::<OUTCOME_ROW_BYTES>().0.to_vec();
        let at = rows(&ours).iter().zip(rows(&theirs)).position(|(ours, theirs)| *ours != theirs)?;
        Some(first + at as u64)
    }
}
