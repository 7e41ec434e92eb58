//! What a profile asks of charges (`ChrgBr`, `ChrgsInf`).

use super::checks::{Checked, refuse};
use super::{BearerRule, ChargesRule, Profile};
use crate::codes;
use crate::payment::{CreditTransfer, TransferDetails};
use crate::schema::Family;

impl Profile {
    /// `ChrgBr` of a customer's transfer; between banks there is none.
    pub(super) fn check_bearer(&self, family: Family, transfer: &CreditTransfer) -> Checked {
        let given = transfer.details.charge_bearer.as_deref();
        if family == Family::Pacs009 && given.is_none() {
            return Ok(());
        }
        let is_by_service = given == Some("SLEV");
        let way = match self.bearer {
            BearerRule::ServiceLevel if !is_by_service => "give SLEV",
            BearerRule::NotServiceLevel if is_by_service || given.is_none() => "give DEBT, CRED or SHAR",
            _ => return Ok(()),
        };
        let given = given.unwrap_or("missing");
        let text = format!("ChrgBr is {given}, which {} does not have; {way}", self.name);
        refuse("ChrgBr", codes::CH16, text)
    }

    /// `ChrgsInf`: whether there may or must be charges, and what goes with them.
    pub(super) fn check_charges(&self, transfer: &CreditTransfer) -> Checked {
        let details = &transfer.details;
        match self.charges {
            ChargesRule::Any => Ok(()),
            ChargesRule::None if details.charges.is_empty() => Ok(()),
            ChargesRule::None => {
                let text = format!("ChrgsInf is there, which {} does not have; leave it out", self.name);
                refuse("ChrgsInf", codes::CH17, text)
            }
            ChargesRule::ByBearer => self.check_charges_by_bearer(details),
        }
    }

    fn check_charges_by_bearer(&self, details: &TransferDetails) -> Checked {
        match (details.charge_bearer.as_deref(), details.charges.as_slice()) {
            (Some("CRED"), []) => self.needs("ChrgsInf", false)?,
            (Some("DEBT"), [_, _, ..]) => {
                let text = format!(
                    "ChrgsInf is there more than once beside ChrgBr DEBT, {} allows what is paid in advance alone; \
                     give one",
                    self.name
                );
                refuse("ChrgsInf", codes::CH17, text)?;
            }
            _ => {}
        }
        self.needs("InstdAmt", details.charges.is_empty() || details.instructed_amount.is_some())?;
        for charge in &details.charges {
            self.check_agent("ChrgsInf/Agt", Some(charge.agent().as_ref()), self.banks, codes::CH16)?;
        }
        Ok(())
    }
}
