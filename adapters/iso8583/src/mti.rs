//! Message type indicators: version, class, function and origin; which response belongs to a request.

use std::fmt;

/// Four digits, as 0200.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mti(u16);

/// The second digit: what the message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 1: authorisation.
    Authorisation,
    /// 2: financial.
    Financial,
    /// 3: file action.
    FileAction,
    /// 4: reversal or chargeback.
    Reversal,
    /// 5: reconciliation.
    Reconciliation,
    /// 6: administrative.
    Administrative,
    /// 7: fee collection.
    FeeCollection,
    /// 8: network management.
    NetworkManagement,
    /// 0 and 9.
    Reserved,
}

/// The third digit: who says it, and whether an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// 0.
    Request,
    /// 1.
    RequestResponse,
    /// 2: it happened already.
    Advice,
    /// 3.
    AdviceResponse,
    /// 4: no answer is wanted.
    Notification,
    /// 5 to 9.
    Other,
}

impl Mti {
    /// None above 9999.
    #[must_use]
    pub const fn new(number: u16) -> Option<Mti> {
        if number > 9_999 { None } else { Some(Mti(number)) }
    }

    /// As a number: 0200 is 200.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The first digit: 0 is the edition of 1987, 1 that of 1993.
    #[must_use]
    pub const fn version(self) -> u16 {
        self.0 / 1_000
    }

    #[must_use]
    pub const fn class(self) -> Class {
        match self.0 / 100 % 10 {
            1 => Class::Authorisation,
            2 => Class::Financial,
            3 => Class::FileAction,
            4 => Class::Reversal,
            5 => Class::Reconciliation,
            6 => Class::Administrative,
            7 => Class::FeeCollection,
            8 => Class::NetworkManagement,
            _ => Class::Reserved,
        }
    }

    #[must_use]
    pub const fn function(self) -> Function {
        match self.0 / 10 % 10 {
            0 => Function::Request,
            1 => Function::RequestResponse,
            2 => Function::Advice,
            3 => Function::AdviceResponse,
            4 => Function::Notification,
            _ => Function::Other,
        }
    }

    /// The last digit is odd: the sender repeats what it sent before.
    #[must_use]
    pub const fn is_repeat(self) -> bool {
        self.0 % 2 == 1
    }

    /// The message without its mark of repetition: 0421 is 0420.
    #[must_use]
    pub const fn original(self) -> Mti {
        Mti(self.0 - self.0 % 2)
    }

    /// The response's MTI: 0200 and 0201 are answered by 0210, 0420 and 0421 by 0430; none for what is no request.
    #[must_use]
    pub const fn response(self) -> Option<Mti> {
        match self.function() {
            Function::Request | Function::Advice => Some(Mti(self.original().0 + 10)),
            _ => None,
        }
    }

    pub(crate) fn digits(self) -> [u8; 4] {
        let digit = |by: u16| u8::try_from(self.0 / by % 10).unwrap_or(0);
        [digit(1_000), digit(100), digit(10), digit(1)]
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}", self.0)
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}
