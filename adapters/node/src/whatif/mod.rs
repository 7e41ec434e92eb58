//! What a day would have been with other limits, other liquidity, or one bank less: the real journal on the real engine,
//! in memory, compared with what was. Changes nothing and has no rule of clearing.
//!
//! What it can't answer: how the banks would have acted. Every payment is submitted when it was, cycles close and
//! settle when they did, and nobody sends again what was rejected. Queued payments are released at the time of the block
//! behind which they can be, where the real engine takes a moment longer.

pub mod question;
pub mod omission;
pub mod tally;
pub mod day;
pub mod report;
pub mod plots;
