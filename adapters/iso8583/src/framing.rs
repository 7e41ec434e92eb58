//! What stands in front of a message on a line: length headers, TPDU, terminals' header, UnionPay's interchange header.
//! Functions over bytes; whoever holds the socket calls them.

use crate::error::FrameError;

/// A frame and the bytes behind it.
pub type Split<'a> = (&'a [u8], &'a [u8]);

/// How a message's length is written in front of it; the length doesn't count itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthHeader {
    /// Two bytes, big-endian.
    Binary2,
    /// Four bytes, big-endian.
    Binary4,
    /// Four ASCII digits.
    Ascii4,
}

impl LengthHeader {
    /// Bytes of the header.
    #[must_use]
    pub const fn bytes(self) -> usize {
        if matches!(self, LengthHeader::Binary2) { 2 } else { 4 }
    }

    /// The first frame of what was received and the rest behind it; none while more is to come.
    ///
    /// # Errors
    /// A length that is not decimal, nothing, or above `max`: told as soon as the header is there.
    pub fn split(self, received: &[u8], max: usize) -> Result<Option<Split<'_>>, FrameError> {
        let Some((header, rest)) = received.split_at_checked(self.bytes()) else { return Ok(None) };
        let length = match self {
            LengthHeader::Ascii4 => header.iter().try_fold(0_u64, |sum, byte| {
                byte.is_ascii_digit()
                    .then(|| sum * 10 + u64::from(byte - b'0'))
                    .ok_or(FrameError::LengthNotNumeric)
            })?,
            _ => header.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        };
        match usize::try_from(length) {
            Ok(0) => Err(FrameError::Empty),
            Ok(bytes) if bytes <= max => Ok(rest.split_at_checked(bytes)),
            _ => Err(FrameError::TooLong { length, max }),
        }
    }

    /// The header of a message.
    ///
    /// # Errors
    /// Nothing, or more than the header can say.
    pub fn write(self, length: usize, out: &mut Vec<u8>) -> Result<(), FrameError> {
        let max = match self {
            LengthHeader::Binary2 => 65_535,
            LengthHeader::Binary4 => 4_294_967_295,
            LengthHeader::Ascii4 => 9_999,
        };
        match u32::try_from(length) {
            Ok(0) => return Err(FrameError::Empty),
            Ok(said) if length <= max => match self {
                LengthHeader::Ascii4 => out.extend(format!("{said:04}").into_bytes()),
                _ => out.extend(said.to_be_bytes().iter().skip(4 - self.bytes())),
            },
            _ => return Err(FrameError::TooLong { length: length.try_into().unwrap_or(u64::MAX), max }),
        }
        Ok(())
    }
}

/// Transport protocol data unit: who on the line speaks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tpdu {
    /// 0x60 for transactions.
    pub id: u8,
    pub destination: [u8; 2],
    pub origin: [u8; 2],
}

impl Tpdu {
    /// The TPDU and what is behind it.
    ///
    /// # Errors
    /// Fewer than five bytes.
    pub fn split(frame: &[u8]) -> Result<(Tpdu, &[u8]), FrameError> {
        match frame {
            [id, d1, d2, o1, o2, rest @ ..] => {
                Ok((Tpdu { id: *id, destination: [*d1, *d2], origin: [*o1, *o2] }, rest))
            }
            _ => Err(FrameError::Truncated { needed: 5, have: frame.len() }),
        }
    }

    /// The way back.
    #[must_use]
    pub const fn reply(self) -> Tpdu {
        Tpdu { id: self.id, destination: self.origin, origin: self.destination }
    }

    #[must_use]
    pub const fn to_bytes(self) -> [u8; 5] {
        let ([d1, d2], [o1, o2]) = (self.destination, self.origin);
        [self.id, d1, d2, o1, o2]
    }
}

/// TPDU and the six bytes (twelve digits) that UnionPay's terminals put behind it: kept, and sent back.
///
/// # Errors
/// Too short, or the six bytes are not decimal.
pub fn split_terminal(frame: &[u8]) -> Result<(Tpdu, [u8; 6], &[u8]), FrameError> {
    let (tpdu, behind) = Tpdu::split(frame)?;
    let (header, rest) =
        behind.split_first_chunk::<6>().ok_or(FrameError::Truncated { needed: 11, have: frame.len() })?;
    match header.iter().position(|byte| byte >> 4 > 9 || byte & 0x0F > 9) {
        Some(place) => Err(FrameError::NotDecimal { offset: place + 5 }),
        None => Ok((tpdu, *header, rest)),
    }
}

/// Bytes of UnionPay's interchange header.
pub const INTERCHANGE_BYTES: usize = 46;

/// UnionPay's interchange header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterchangeHeader {
    /// Highest bit: test; the rest: version.
    pub flag_version: u8,
    /// Bytes of header and message.
    pub total_length: u16,
    /// Institution that it goes to: digits, filled with blanks.
    pub destination: [u8; 11],
    /// Institution that it comes from: digits, filled with blanks.
    pub source: [u8; 11],
    pub reserved: [u8; 3],
    pub batch: u8,
    pub transaction: [u8; 8],
    pub user: u8,
    /// Five digits; other than 00000, the switch refused the message and sent it back.
    pub reject_code: [u8; 5],
}

impl InterchangeHeader {
    /// The header and what is behind it. Whether the frame has the length that the header says is for
    /// [`InterchangeHeader::check_length`].
    ///
    /// # Errors
    /// Too short, another length byte than 0x2E, or lengths and codes that are not decimal.
    pub fn split(frame: &[u8]) -> Result<(InterchangeHeader, &[u8]), FrameError> {
        let too_short = FrameError::Truncated { needed: INTERCHANGE_BYTES, have: frame.len() };
        let (header, rest) = frame.split_first_chunk::<INTERCHANGE_BYTES>().ok_or(too_short)?;
        let [first, flag_version, behind @ ..] = header;
        if *first != 0x2E {
            return Err(FrameError::HeaderLength(*first));
        }
        let (total, behind) = behind.split_first_chunk::<4>().ok_or(too_short)?;
        let (destination, behind) = behind.split_first_chunk::<11>().ok_or(too_short)?;
        let (source, behind) = behind.split_first_chunk::<11>().ok_or(too_short)?;
        let (reserved, behind) = behind.split_first_chunk::<3>().ok_or(too_short)?;
        let (batch, behind) = behind.split_first().ok_or(too_short)?;
        let (transaction, behind) = behind.split_first_chunk::<8>().ok_or(too_short)?;
        let (user, behind) = behind.split_first().ok_or(too_short)?;
        let (reject_code, _) = behind.split_first_chunk::<5>().ok_or(too_short)?;
        if !reject_code.iter().all(u8::is_ascii_digit) {
            return Err(FrameError::NotDecimal { offset: 41 });
        }
        let total_length = total.iter().try_fold(0_u16, |sum, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + u16::from(byte - b'0'))
                .ok_or(FrameError::NotDecimal { offset: 2 })
        })?;
        let header = InterchangeHeader {
            flag_version: *flag_version,
            total_length,
            destination: *destination,
            source: *source,
            reserved: *reserved,
            batch: *batch,
            transaction: *transaction,
            user: *user,
            reject_code: *reject_code,
        };
        Ok((header, rest))
    }

    /// Whether header and message have together what the header says.
    ///
    /// # Errors
    /// They have not.
    pub fn check_length(&self, frame_bytes: usize) -> Result<(), FrameError> {
        let said = usize::from(self.total_length);
        if said == frame_bytes { Ok(()) } else { Err(FrameError::TotalLength { said, have: frame_bytes }) }
    }

    /// The header of an answer of so many bytes behind the header: source and destination change places.
    ///
    /// # Errors
    /// More than four digits can say.
    pub fn reply(&self, message_bytes: usize) -> Result<InterchangeHeader, FrameError> {
        let total = message_bytes.saturating_add(INTERCHANGE_BYTES);
        let too_long = FrameError::TooLong { length: total.try_into().unwrap_or(u64::MAX), max: 9_999 };
        let total_length = u16::try_from(total).ok().filter(|total| *total <= 9_999).ok_or(too_long)?;
        Ok(InterchangeHeader { total_length, destination: self.source, source: self.destination, ..*self })
    }

    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![0x2E, self.flag_version];
        out.extend(format!("{:04}", self.total_length).into_bytes());
        out.extend(self.destination.iter().chain(&self.source).chain(&self.reserved));
        out.push(self.batch);
        out.extend(self.transaction);
        out.push(self.user);
        out.extend(self.reject_code);
        out
    }
}
