//! Frames: a length in front, and what stands between it and the message. Bytes only; holds no socket.

use std::ops::Range;

use feiqian_iso8583::FrameError;
use feiqian_iso8583::framing::{INTERCHANGE_BYTES, InterchangeHeader, LengthHeader, Tpdu, split_terminal};

/// What stands between length and message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Envelope {
    /// Nothing.
    Bare,
    /// Five bytes: who on the line speaks to whom.
    Tpdu,
    /// UnionPay's terminals: TPDU and six bytes.
    Terminal,
    /// UnionPay's interchange: 46 bytes.
    Interchange,
}

/// How frames of a link look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Framing {
    /// The length in front.
    pub length: LengthHeader,
    /// What follows it.
    pub envelope: Envelope,
}

/// What stood around a message, for its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cover {
    Bare,
    Tpdu(Tpdu),
    Terminal(Tpdu, [u8; 6]),
    Interchange(InterchangeHeader),
}

/// The first frame of what was received.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// Bytes of the whole frame, length included.
    pub(crate) bytes: usize,
    /// The message's place and cover; none for a frame of nothing, which keeps a line open.
    pub(crate) message: Option<(Cover, Range<usize>)>,
}

impl Framing {
    /// The longest frame of a message of so many bytes.
    pub(crate) const fn bytes_max(self, message_max: usize) -> usize {
        self.length.bytes() + INTERCHANGE_BYTES + message_max
    }

    /// The first frame; none while more is to come.
    ///
    /// # Errors
    /// A length that is not decimal or above the bound, as soon as it is there; a header that is not as it must be.
    pub(crate) fn take(self, received: &[u8], max: usize) -> Result<Option<Taken>, FrameError> {
        let header = self.length.bytes();
        let frame = match self.length.split(received, max + INTERCHANGE_BYTES) {
            Ok(Some((frame, _))) => frame,
            Ok(None) => return Ok(None),
            // Four zeros are how switches keep a line open.
            Err(FrameError::Empty) if self.length == LengthHeader::Ascii4 => {
                return Ok(Some(Taken { bytes: header, message: None }));
            }
            Err(fault) => return Err(fault),
        };
        let (cover, message) = self.envelope.open(frame)?;
        if message.len() > max {
            return Err(FrameError::TooLong { length: message.len().try_into().unwrap_or(u64::MAX), max });
        }
        let bytes = header + frame.len();
        Ok(Some(Taken { bytes, message: Some((cover, bytes - message.len()..bytes)) }))
    }

    /// Writes a frame of an answer.
    ///
    /// # Errors
    /// A message that is longer than the headers can say.
    pub(crate) fn write(self, cover: Cover, message: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        let front = cover.answer(message.len())?;
        self.length.write(front.len() + message.len(), out)?;
        out.extend(front);
        out.extend(message);
        Ok(())
    }
}

impl Envelope {
    fn open(self, frame: &[u8]) -> Result<(Cover, &[u8]), FrameError> {
        Ok(match self {
            Self::Bare => (Cover::Bare, frame),
            Self::Tpdu => {
                let (tpdu, message) = Tpdu::split(frame)?;
                (Cover::Tpdu(tpdu), message)
            }
            Self::Terminal => {
                let (tpdu, header, message) = split_terminal(frame)?;
                (Cover::Terminal(tpdu, header), message)
            }
            Self::Interchange => {
                let (header, message) = InterchangeHeader::split(frame)?;
                header.check_length(frame.len())?;
                (Cover::Interchange(header), message)
            }
        })
    }
}

impl Cover {
    fn answer(self, message_bytes: usize) -> Result<Vec<u8>, FrameError> {
        Ok(match self {
            Self::Bare => Vec::new(),
            Self::Tpdu(tpdu) => tpdu.reply().to_bytes().to_vec(),
            Self::Terminal(tpdu, header) => [&tpdu.reply().to_bytes()[..], &header].concat(),
            Self::Interchange(header) => header.reply(message_bytes)?.to_bytes(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_whole_or_not_yet_and_never_beyond_its_bound() {
        let framing = Framing { length: LengthHeader::Binary2, envelope: Envelope::Tpdu };
        let received = b"\x00\x09\x60\x00\x01\x00\x02mess\x00";
        for end in 0..11 {
            assert!(framing.take(&received[..end], 100).expect("good so far").is_none(), "{end}");
        }
        let taken = framing.take(received, 100).expect("good").expect("whole");
        let (cover, message) = taken.message.expect("a message");
        assert_eq!((taken.bytes, &received[message]), (11, &b"mess"[..]));
        let mut out = Vec::new();
        framing.write(cover, b"answer", &mut out).expect("it fits");
        assert_eq!(out, b"\x00\x0B\x60\x00\x02\x00\x01answer");
        assert_eq!(
            framing.take(received, 3).expect_err("too long"),
            FrameError::TooLong { length: 4, max: 3 }
        );
    }

    #[test]
    fn four_zeros_keep_a_line_open_and_a_binary_zero_is_an_error() {
        let ascii = Framing { length: LengthHeader::Ascii4, envelope: Envelope::Interchange };
        let taken = ascii.take(b"0000", 100).expect("good").expect("whole");
        assert!(taken.bytes == 4 && taken.message.is_none());
        let binary = Framing { length: LengthHeader::Binary4, envelope: Envelope::Bare };
        assert_eq!(binary.take(&[0; 4], 100).expect_err("empty"), FrameError::Empty);
    }
}
