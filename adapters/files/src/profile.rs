//! What is different for the payments of a folder of the inbox: `instant/` asks the receiver's bank before it pays,
//! `queued/` lets what can't be paid at once wait. Which flags a record gets, and nothing else.

use feiqian_core::transfer::{Record, flags};
use feiqian_iso20022::Family;
use feiqian_iso20022::codes;
use feiqian_iso20022::payment::{CreditTransfer, MessageHead, Refusal};

/// How long payments wait, by the folder that they come in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// Seconds of the engine's time for the receiver's bank to confirm a payment of `instant/`.
    pub instant_s: u32,
    /// Seconds of the engine's time that a payment of `queued/` waits; 0 for as long as it takes.
    pub queued_s: u32,
}

impl Default for Deadlines {
    /// 10 seconds, as SCT Inst has it, and a day.
    fn default() -> Self {
        Self { instant_s: 10, queued_s: 86_400 }
    }
}

/// What a file asks for by where it lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    /// Paid at once or rejected.
    Plain,
    /// Held until the receiver's bank confirms, so many seconds at the most.
    Instant(u32),
    /// Waits for funds, so many seconds at the most.
    Queued(u32),
}

impl Profile {
    /// Of a file, by its path below the inbox.
    pub(crate) fn of(name: &str, deadlines: Deadlines) -> Self {
        match name.split_once('/').map(|(folder, _)| folder) {
            Some("instant") => Self::Instant(deadlines.instant_s),
            Some("queued") => Self::Queued(deadlines.queued_s),
            _ => Self::Plain,
        }
    }

    /// Marks a payment's record.
    ///
    /// # Errors
    /// The [`Refusal`] of a message that the profile is not for.
    pub(crate) fn mark(
        self,
        head: &MessageHead,
        transfer: &CreditTransfer,
        record: &mut Record,
    ) -> Result<(), Refusal> {
        match self {
            Self::Plain => {}
            Self::Instant(_) if head.family() != Family::Pacs008 => {
                let text =
                    format!("{} can't be confirmed by its receiver; send a pacs.008", head.message_type);
                return Err(Refusal { code: codes::AG03, text });
            }
            Self::Instant(seconds) => {
                record.flags = flags::HOLD.into();
                record.timeout = seconds.into();
            }
            Self::Queued(seconds) => {
                record.flags = (flags::QUEUE | class(transfer)).into();
                record.timeout = seconds.into();
            }
        }
        Ok(())
    }
}

/// `SttlmPrty` and `InstrPrty`: URGT, HIGH, and NORM or none.
fn class(transfer: &CreditTransfer) -> u16 {
    match transfer.details.priority.as_deref() {
        Some("URGT") => flags::URGENT,
        Some("HIGH") => flags::HIGH,
        _ => 0,
    }
}
