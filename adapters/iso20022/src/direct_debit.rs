//! Direct debits of the banks themselves (pacs.010): the references of each, so that it can be answered by a pacs.002. What
//! they ask for is validated and not kept: nobody debits another bank here.

use std::io::BufRead;

use crate::error::ReadError;
use crate::fields;
use crate::kept::{Element, Kept};
use crate::limits::Limits;
use crate::payment::{BusinessHead, MessageHead, TransferDetails};
use crate::schema::names::*;
use crate::schema::{Family, MessageType};
use crate::whole::{self, Whole};

/// A message of direct debits, `pacs.010.001.03`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DirectDebits {
    /// Its headers.
    pub head: MessageHead,
    /// `DrctDbtTxInf` of all `CdtInstr`, in order: `PmtId` alone.
    pub debits: Kept<TransferDetails>,
}

impl DirectDebits {
    /// Reads a pacs.010 of at most [`WHOLE_ITEMS_MAX`](crate::limits::WHOLE_ITEMS_MAX) repeated elements.
    ///
    /// # Errors
    /// [`ReadError`] where it can't be read, is another message, or is larger.
    pub fn read(input: impl BufRead, limits: Limits) -> Result<Self, ReadError> {
        let mut message: Self = whole::read(input, limits)?;
        message.debits.end(());
        Ok(message)
    }
}

impl Whole for DirectDebits {
    const FAMILY: Family = Family::Pacs010;
    const WHAT: &'static str = "direct debit of banks";

    fn begin(message_type: MessageType, business: Option<BusinessHead>) -> Self {
        Self {
            head: MessageHead { business, ..MessageHead::new(message_type, "", "") },
            debits: Kept::default(),
        }
    }

    fn open(&mut self, path: &[u16]) -> bool {
        let is_debit = matches!(path, [CDT_INSTR, DRCT_DBT_TX_INF]);
        if is_debit {
            self.debits.begin(0);
        }
        is_debit
    }

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        match path {
            [GRP_HDR, rest @ ..] => fields::group_head(&mut self.head, rest, text, currency),
            [CDT_INSTR, DRCT_DBT_TX_INF, rest @ ..] if rest.first() == Some(&PMT_ID) => {
                self.debits.value(rest, text, currency);
            }
            _ => {}
        }
    }

    fn reference(&self) -> (Option<&BusinessHead>, &str) {
        (self.head.business.as_ref(), &self.head.message_id)
    }
}

impl Element for TransferDetails {
    type Above = ();
    type Shared = ();

    fn shared(_: &(), _: u32) {}

    fn value(&mut self, path: &[u16], text: &str, currency: &str) {
        fields::details(self, path, text, currency);
    }
}
