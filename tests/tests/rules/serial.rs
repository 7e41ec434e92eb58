//! The plain loop with its batcher, as the reference that everything else is compared with.

use feiqian_core::block::Sealer;
use feiqian_core::outcome::OutcomeRow;
use feiqian_core::state::State;
use feiqian_proof::header::BlockHeader;
use feiqian_tests::oracle::Oracle;
use feiqian_tests::picture::Picture;
use feiqian_tests::world::{Frame, Past, World};

/// What became of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Applied {
    pub(crate) expired: u32,
    pub(crate) rows: Vec<OutcomeRow>,
    pub(crate) header: Option<BlockHeader>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Serial {
    pub(crate) state: State,
    pub(crate) sealer: Sealer,
}

impl Serial {
    /// Applies the next frame. At a block's end the mirror must show what the state shows.
    pub(crate) fn apply(&mut self, world: &World, frame: &Frame) -> Applied {
        let mut rows = Vec::new();
        let past = Past { world, before: frame.first_sequence };
        let applied =
            self.state.apply(&frame.view(), &past, &mut rows).expect("the world makes whole frames");
        let sealed = self.sealer.absorb(&frame.view(), &rows, applied.delta.as_ref());
        let header = sealed.expect("the world makes whole frames");
        if header.is_some() {
            assert_eq!(
                Picture::of_mirror(self.sealer.mirror()),
                Picture::of_state(&self.state),
                "the mirror"
            );
        }
        Applied { expired: applied.expired, rows, header }
    }

    pub(crate) fn of(world: &World) -> (Self, Vec<Applied>) {
        let mut serial = Self::default();
        let applied = world.frames().iter().map(|frame| serial.apply(world, frame)).collect();
        (serial, applied)
    }
}

/// Applies a frame to both, and gives the first difference.
pub(crate) fn apply_both(
    serial: &mut Serial,
    oracle: &mut Oracle,
    world: &World,
    frame: &Frame,
) -> Result<Applied, String> {
    let applied = serial.apply(world, frame);
    let (expired, rows) = oracle.apply(frame);
    let first = frame.first_sequence;
    for ((row, wanted), sequence) in applied.rows.iter().zip(&rows).zip(first..) {
        if row != wanted {
            let record = world.records()[usize::try_from(sequence).expect("few") - 1];
            return Err(format!("sequence {sequence}: {row:?}\noracle: {wanted:?}\n{record:?}"));
        }
    }
    if (applied.rows.len(), applied.expired) != (rows.len(), expired) {
        return Err(format!(
            "frame at {first}: rows or expired holds: {applied:?}\noracle: {expired} {rows:?}"
        ));
    }
    let (seen, wanted) = (Picture::of_state(&serial.state), oracle.picture());
    if seen != wanted {
        return Err(format!("frame at {first}: {seen:?}\noracle: {wanted:?}"));
    }
    Ok(applied)
}
