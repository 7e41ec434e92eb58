//! The token that a cardholder shows to be charged once, up to an amount: an application of this house in a
//! consumer-presented payload, all of it under the seal.
//!
//! ```text
//!  61 4F  F0 "feiqian"
//!     63 DF01  number 16 │ debtor 8 │ limit 8 │ currency 2 │ expiry 8 │ seal 16      big-endian, 58 bytes
//! ```

use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_emvqr::cpm::{ConsumerCode, DataObjects, Tag};

use super::{CodeFault, CodeKey, Kind, Seal};

/// A proprietary application identifier, unregistered (ISO/IEC 7816-4: category F).
const APPLICATION: &[u8] = b"\xF0feiqian";
const CONTENT_BYTES: usize = 42;
const TOKEN_BYTES: usize = CONTENT_BYTES + 16;

/// What a cardholder lets be charged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ChargeToken {
    /// Its number: of no other token.
    pub(crate) code: u128,
    pub(crate) debtor: AccountHandle,
    /// Minor units at the most.
    pub(crate) limit: u64,
    pub(crate) currency: Currency,
    /// Seconds since 1970.
    pub(crate) expires_s: u64,
}

impl ChargeToken {
    /// The payload: base64 of BER-TLV.
    pub(crate) fn write(&self, key: &CodeKey) -> Result<String, feiqian_emvqr::Error> {
        let content = self.content();
        let token = [&content[..], &key.seal(Kind::Charge, &content).0].concat();
        let inside = DataObjects::new().with(Tag::PRIVATE, &token);
        let application =
            DataObjects::application(APPLICATION).template(Tag::APPLICATION_TRANSPARENT, inside);
        let code = DataObjects::payload().template(Tag::APPLICATION, application).build()?;
        Ok(code.to_base64())
    }

    /// Reads a payload that this house has sealed.
    pub(crate) fn read(payload: &str, key: &CodeKey) -> Result<Self, CodeFault> {
        let code = ConsumerCode::read(payload).map_err(CodeFault::Unreadable)?;
        let mut applications = code.applications();
        let own = applications.find(|one| one.adf_name() == Some(APPLICATION)).ok_or(CodeFault::Foreign)?;
        let token =
            own.transparent().and_then(|objects| objects.get(Tag::PRIVATE)).ok_or(CodeFault::Altered)?;
        let token: &[u8; TOKEN_BYTES] = token.value.try_into().map_err(|_| CodeFault::Altered)?;
        let (content, seal) = token.split_first_chunk::<CONTENT_BYTES>().ok_or(CodeFault::Altered)?;
        let seal: [u8; 16] = seal.try_into().map_err(|_| CodeFault::Altered)?;
        if key.seal(Kind::Charge, content) != Seal(seal) {
            return Err(CodeFault::Altered);
        }
        Self::of(content).ok_or(CodeFault::Altered)
    }

    fn content(&self) -> [u8; CONTENT_BYTES] {
        let parts: [&[u8]; 5] = [
            &self.code.to_be_bytes(),
            &self.debtor.to_be_bytes(),
            &self.limit.to_be_bytes(),
            &self.currency.numeric().to_be_bytes(),
            &self.expires_s.to_be_bytes(),
        ];
        let mut content = [0; CONTENT_BYTES];
        content.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        content
    }

    fn of(content: &[u8; CONTENT_BYTES]) -> Option<Self> {
        let (code, rest) = content.split_first_chunk::<16>()?;
        let (debtor, rest) = rest.split_first_chunk::<8>()?;
        let (limit, rest) = rest.split_first_chunk::<8>()?;
        let (currency, rest) = rest.split_first_chunk::<2>()?;
        Some(Self {
            code: u128::from_be_bytes(*code),
            debtor: u64::from_be_bytes(*debtor),
            limit: u64::from_be_bytes(*limit),
            currency: Currency::from_numeric(u16::from_be_bytes(*currency))?,
            expires_s: u64::from_be_bytes(rest.try_into().ok()?),
        })
    }
}
