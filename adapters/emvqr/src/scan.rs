//! The payload of a picture: a PNG in, the text of its QR code out.
//!
//! The picture is decoded by `png` within [`SCAN_PIXELS_MAX`], the symbol found by `rxing`. That is a large crate which
//! is not hardened like the parsers here: it is behind the feature `scan`, and pictures of strangers belong into a
//! process of their own.

use std::io::Cursor;

use png::{ColorType, Decoder, Limits, Transformations};
use rxing::helpers::detect_in_luma_slice_with_hints;
use rxing::{BarcodeFormat, DecodeHints};

use crate::limits::SCAN_PIXELS_MAX;
use crate::pictures::PictureError;

/// Black and white of a picture.
struct Gray {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// The text of the QR code in a PNG; upside down, rotated or inverted ones too.
///
/// # Errors
/// [`PictureError::NotAPicture`]; [`PictureError::NoCode`].
pub fn scan_png(file: &[u8]) -> Result<String, PictureError> {
    let gray = gray_of(file)?;
    let mut hints = DecodeHints {
        // Names are UTF-8 without a mark that says so, and would be taken for some Asian encoding.
        CharacterSet: Some("UTF-8".to_owned()),
        AlsoInverted: Some(true),
        TryHarder: Some(true),
        ..DecodeHints::default()
    };
    let format = Some(BarcodeFormat::QR_CODE);
    detect_in_luma_slice_with_hints(&gray.pixels, gray.width, gray.height, format, &mut hints)
        .map(|found| found.getText().to_owned())
        .map_err(|_| PictureError::NoCode)
}

fn gray_of(file: &[u8]) -> Result<Gray, PictureError> {
    let mut decoder = Decoder::new_with_limits(Cursor::new(file), Limits { bytes: 4 * SCAN_PIXELS_MAX });
    // Of no use here, and packed on their own.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|_| PictureError::NotAPicture)?;
    let (width, height) = (reader.info().width, reader.info().height);
    let pixels = u64::from(width).saturating_mul(u64::from(height));
    let size = reader.output_buffer_size().ok_or(PictureError::NotAPicture)?;
    if usize::try_from(pixels).map_or(true, |pixels| pixels > SCAN_PIXELS_MAX) {
        return Err(PictureError::NotAPicture);
    }
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(|_| PictureError::NotAPicture)?;
    bytes.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        ColorType::Grayscale => bytes,
        ColorType::GrayscaleAlpha => each(&bytes, 2, |pixel| over_white(at(pixel, 0), at(pixel, 1))),
        ColorType::Rgb => each(&bytes, 3, luma),
        ColorType::Rgba => each(&bytes, 4, |pixel| over_white(luma(pixel), at(pixel, 3))),
        ColorType::Indexed => return Err(PictureError::NotAPicture),
    };
    Ok(Gray { width, height, pixels })
}

fn each(bytes: &[u8], size: usize, gray: impl Fn(&[u8]) -> u8) -> Vec<u8> {
    bytes.chunks_exact(size).map(gray).collect()
}

fn at(pixel: &[u8], channel: usize) -> u8 {
    pixel.get(channel).copied().unwrap_or_default()
}

/// Brightness by ITU-R BT.601, in 256ths.
fn luma(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(at(pixel, channel)));
    let sum = 77_u32.saturating_mul(red).saturating_add(150_u32.saturating_mul(green));
    u8::try_from(sum.saturating_add(29_u32.saturating_mul(blue)) >> 8).unwrap_or(u8::MAX)
}

/// What is transparent lies on white.
fn over_white(gray: u8, alpha: u8) -> u8 {
    let (gray, alpha) = (u32::from(gray), u32::from(alpha));
    let sum =
        gray.saturating_mul(alpha).saturating_add(255_u32.saturating_mul(255_u32.saturating_sub(alpha)));
    u8::try_from(sum / 255).unwrap_or(u8::MAX)
}
