//! Pictures of a payload, as SVG or PNG: ISO/IEC 18004 symbols in black on white with their quiet zone.
//!
//! The symbol is computed by `fast_qr`; drawing it is a row of squares. No file is written here.

use std::fmt;

use fast_qr::qr::QRBuilder;

use crate::limits::{PAYLOAD_BYTES_MAX, QUIET_MODULES, SCALE_MAX};

/// How much of a damaged picture can be restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Correction {
    /// 7 %.
    Low,
    /// 15 %, enough where nothing covers the picture.
    Medium,
    /// 25 %.
    Quartile,
    /// 30 %, for a logo in the middle.
    High,
}

/// Why there is no picture, or nothing in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PictureError {
    /// The payload is empty or longer than a symbol with this correction holds.
    PayloadSize,
    /// A scale of nothing, or above [`crate::limits::SCALE_MAX`].
    Scale,
    /// The PNG could not be written.
    Encoding,
    /// Not a PNG, damaged, or with more than [`crate::limits::SCAN_PIXELS_MAX`] pixels.
    NotAPicture,
    /// No code was found, or it can't be read.
    NoCode,
}

impl fmt::Display for PictureError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::PayloadSize => "the payload is empty or too long for a picture",
            Self::Scale => "the scale is not between one and its limit",
            Self::Encoding => "the PNG could not be written",
            Self::NotAPicture => "not a PNG, damaged, or too large",
            Self::NoCode => "no code in the picture",
        })
    }
}

impl std::error::Error for PictureError {}

/// Width and height that a PNG says it has, by its first bytes; none where it is no PNG. Decodes nothing, so it costs nothing.
#[must_use]
pub fn png_size(file: &[u8]) -> Option<(u32, u32)> {
    // ISO/IEC 15948, 5.2 and 11.2.2: the signature, then a chunk IHDR of 13 bytes that begins with the two.
    let rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let number = |at: usize| Some(u32::from_be_bytes(rest.get(at..at.checked_add(4)?)?.try_into().ok()?));
    Some((number(0)?, number(4)?))
}

/// The modules of a symbol, without its quiet zone.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    size: usize,
    dark: Vec<bool>,
}

impl Picture {
    /// The smallest symbol that holds `payload`.
    ///
    /// # Errors
    /// [`PictureError::PayloadSize`].
    pub fn of(payload: &str, correction: Correction) -> Result<Self, PictureError> {
        if payload.is_empty() || payload.len() > PAYLOAD_BYTES_MAX {
            return Err(PictureError::PayloadSize);
        }
        let level = match correction {
            Correction::Low => fast_qr::ECL::L,
            Correction::Medium => fast_qr::ECL::M,
            Correction::Quartile => fast_qr::ECL::Q,
            Correction::High => fast_qr::ECL::H,
        };
        let symbol = QRBuilder::new(payload).ecl(level).build().map_err(|_| PictureError::PayloadSize)?;
        let rows = (0..symbol.size).flat_map(|row| &symbol[row]);
        Ok(Self { size: symbol.size, dark: rows.map(|module| module.value()).collect() })
    }

    /// Modules of a side: 21 to 177.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether a module is dark; beyond the symbol all are light.
    #[must_use]
    pub fn is_dark(&self, column: usize, row: usize) -> bool {
        let at = row.saturating_mul(self.size).saturating_add(column);
        column < self.size && self.dark.get(at).copied().unwrap_or(false)
    }

    fn side_with_quiet_zone(&self) -> usize {
        self.size.saturating_add(2 * QUIET_MODULES)
    }

    /// An SVG document of one path; one unit is one module, so it scales to any size.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let side = self.side_with_quiet_zone();
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\""
        );
        for row in 0..self.size {
            let mut column = 0_usize;
            while column < self.size {
                let run = (column..self.size).take_while(|column| self.is_dark(*column, row)).count();
                if run > 0 {
                    let (x, y) = (column.saturating_add(QUIET_MODULES), row.saturating_add(QUIET_MODULES));
                    out.push_str(&format!("M{x} {y}h{run}v1h-{run}z"));
                }
                column = column.saturating_add(run.max(1));
            }
        }
        out.push_str("\"/></svg>\n");
        out
    }

    /// A PNG of one bit a pixel; a module is a square of `scale` pixels.
    ///
    /// # Errors
    /// [`PictureError::Scale`]; [`PictureError::Encoding`].
    pub fn to_png(&self, scale: usize) -> Result<Vec<u8>, PictureError> {
        if !(1..=SCALE_MAX).contains(&scale) {
            return Err(PictureError::Scale);
        }
        let side = self.side_with_quiet_zone().saturating_mul(scale);
        let pixels = u32::try_from(side).map_err(|_| PictureError::Scale)?;
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, pixels, pixels);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        // A module's rows are the same: as differences to the row above, all but the first are zeros.
        encoder.set_filter(png::Filter::Up);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(|_| PictureError::Encoding)?;
        let rows = (0..self.side_with_quiet_zone())
            .flat_map(|row| std::iter::repeat_n(self.png_row(row, side, scale), scale));
        let data: Vec<u8> = rows.flatten().collect();
        writer.write_image_data(&data).map_err(|_| PictureError::Encoding)?;
        writer.finish().map_err(|_| PictureError::Encoding)?;
        Ok(out)
    }

    /// One row of pixels, eight in a byte from the highest bit on; a light one is 1.
    fn png_row(&self, row: usize, side: usize, scale: usize) -> Vec<u8> {
        let mut bytes = vec![0xFF; side.div_ceil(8)];
        let Some(row) = row.checked_sub(QUIET_MODULES) else { return bytes };
        for column in (0..self.size).filter(|column| self.is_dark(*column, row)) {
            let start = column.saturating_add(QUIET_MODULES).saturating_mul(scale);
            for pixel in start..start.saturating_add(scale) {
                if let Some(byte) = bytes.get_mut(pixel / 8) {
                    *byte &= !(0x80 >> (pixel % 8));
                }
            }
        }
        bytes
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Picture({0}×{0} modules)", self.size)
    }
}
