//! Pictures: their geometry, and with the feature `scan` that they hold what was drawn.

use feiqian_emvqr::limits::{PAYLOAD_BYTES_MAX, QUIET_MODULES, SCALE_MAX};
use feiqian_emvqr::pictures::{Correction, Picture, PictureError};

use crate::data::Random;
use crate::fixtures::full_payload;

const LEVELS: [Correction; 4] = [Correction::Low, Correction::Medium, Correction::Quartile, Correction::High];

#[test]
fn a_picture_has_the_finder_patterns_of_its_standard_and_a_quiet_zone() {
    let mut sizes = Vec::new();
    for level in LEVELS {
        let picture = Picture::of(&full_payload(), level).expect("a picture");
        let size = picture.size();
        assert_eq!(size % 4, 1, "17 + 4 × version");
        sizes.push(size);
        for (column, row) in [(0, 0), (size - 7, 0), (0, size - 7)] {
            let ring =
                (0..7).all(|at| picture.is_dark(column + at, row) && picture.is_dark(column, row + at));
            assert!(ring && !picture.is_dark(column + 1, row + 1) && picture.is_dark(column + 3, row + 3));
        }
        assert!(!picture.is_dark(size, 0) && !picture.is_dark(0, size));
        let svg = picture.to_svg();
        let side = size + 2 * QUIET_MODULES;
        assert!(svg.contains(&format!("viewBox=\"0 0 {side} {side}\"")));
        assert!(
            svg.contains(&format!("M{QUIET_MODULES} {QUIET_MODULES}h7v1h-7z")),
            "the first finder pattern"
        );
    }
    assert!(sizes.is_sorted() && sizes[0] < sizes[3], "more correction takes more modules: {sizes:?}");
}

/// Texts of digits, of the alphanumeric set, and of any characters: a symbol encodes each in another way.
const ALPHABETS: [&str; 3] = ["0123456789", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", "0aZ+/=é演😀"];

#[test]
fn texts_of_any_length_and_kind_are_drawn_or_refused() {
    let mut random = Random(5);
    let mut drawn = 0;
    for round in 0..300_usize {
        let text = random.text(ALPHABETS[round % 3], PAYLOAD_BYTES_MAX);
        match Picture::of(&text, LEVELS[random.below(4)]) {
            Ok(picture) => {
                assert!((21..=177).contains(&picture.size()));
                drawn += 1;
            }
            Err(error) => assert_eq!(error, PictureError::PayloadSize),
        }
    }
    assert!((50..250).contains(&drawn), "{drawn} of 300");
}

/// The pixels of a PNG, true for dark.
fn pixels(file: &[u8]) -> (usize, Vec<bool>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("a PNG");
    let (width, line) = (reader.info().width, reader.info().raw_row_length() - 1);
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    reader.next_frame(&mut bytes).expect("a frame");
    let width = usize::try_from(width).expect("fits");
    let bit = |row: usize, at: usize| bytes[row * line + at / 8] & (0x80 >> (at % 8)) == 0;
    (
        width,
        (0..width)
            .flat_map(|row| (0..width).map(move |at| (row, at)))
            .map(|(row, at)| bit(row, at))
            .collect(),
    )
}

#[test]
fn png_and_svg_show_the_same_modules() {
    let picture = Picture::of(&full_payload(), Correction::Medium).expect("a picture");
    let side = picture.size() + 2 * QUIET_MODULES;
    let svg = picture.to_svg();
    let mut dark = vec![false; side * side];
    let path = svg.split("d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a path");
    for run in path.split('M').skip(1) {
        let (x, rest) = run.split_once(' ').expect("x");
        let (y, rest) = rest.split_once('h').expect("y");
        let (length, _) = rest.split_once('v').expect("a run");
        let [x, y, length] = [x, y, length].map(|text| text.parse::<usize>().expect("a number"));
        dark[y * side + x..y * side + x + length].fill(true);
    }
    for scale in [1, 3, 8] {
        let (width, pixels) = pixels(&picture.to_png(scale).expect("a PNG"));
        assert_eq!(width, side * scale);
        let is_same = (0..width * width).all(|at| {
            let (row, column) = (at / width / scale, at % width / scale);
            pixels[at] == dark[row * side + column]
        });
        assert!(is_same, "scale {scale}");
    }
}

#[test]
fn what_does_not_fit_into_a_picture_is_refused() {
    let of = |length: usize, level| Picture::of(&"x".repeat(length), level).map(|picture| picture.size());
    assert_eq!(of(0, Correction::Low), Err(PictureError::PayloadSize));
    assert_eq!(of(PAYLOAD_BYTES_MAX, Correction::Low), Ok(177));
    assert_eq!(of(PAYLOAD_BYTES_MAX + 1, Correction::Low), Err(PictureError::PayloadSize));
    assert_eq!(of(1_273, Correction::High), Ok(177));
    assert_eq!(of(1_274, Correction::High), Err(PictureError::PayloadSize));
    let picture = Picture::of("x", Correction::Low).expect("a picture");
    assert_eq!(picture.size(), 21);
    for scale in [0, SCALE_MAX + 1] {
        assert_eq!(picture.to_png(scale), Err(PictureError::Scale));
    }
}

#[cfg(feature = "scan")]
mod scanned {
    use feiqian_emvqr::limits::SCAN_PIXELS_MAX;
    use feiqian_emvqr::mpm::{MerchantCode, Profile};
    use feiqian_emvqr::pictures::{Picture, PictureError};
    use feiqian_emvqr::scan::scan_png;

    use super::{ALPHABETS, LEVELS};
    use crate::data::{self, Random};
    use crate::fixtures::{consumer, full_payload, least_payload};

    #[test]
    fn what_is_drawn_is_read_again() {
        let consumers = consumer().build().expect("a code").to_base64();
        for payload in [full_payload(), least_payload(), consumers] {
            for level in LEVELS {
                for scale in [3, 8] {
                    let png = Picture::of(&payload, level).and_then(|picture| picture.to_png(scale));
                    assert_eq!(scan_png(&png.expect("a PNG")).as_deref(), Ok(payload.as_str()), "{level:?}");
                }
            }
        }
    }

    #[test]
    fn texts_of_any_kind_are_read_as_they_were_drawn() {
        let mut random = Random(6);
        for round in 0..60_usize {
            let text = random.text(ALPHABETS[round % 3], 500);
            let level = LEVELS[random.below(4)];
            let png = Picture::of(&text, level).and_then(|picture| picture.to_png(4)).expect("a PNG");
            assert_eq!(scan_png(&png).as_deref(), Ok(text.as_str()), "{level:?}");
        }
    }

    #[test]
    fn shared_pictures_rotated_noisy_and_inverted_are_read_to_their_vectors() {
        let Some(folder) = data::folder() else { return };
        let vectors: Vec<_> = ["mpm", "cpm"].into_iter().flat_map(data::vectors).collect();
        let index = std::fs::read_to_string(folder.join("images/INDEX.tsv")).expect("an index");
        let mut read = 0;
        for row in index.lines().skip(1) {
            let cells: Vec<&str> = row.split('\t').collect();
            let file = std::fs::read(folder.join("images").join(cells[0])).expect("a picture");
            let vector = vectors.iter().find(|vector| vector.name == cells[1]).expect("a vector");
            assert_eq!(scan_png(&file).as_deref(), Ok(vector.payload()), "{}", cells[0]);
            if vector.text("kind") == "mpm" {
                assert!(MerchantCode::read(vector.payload(), Profile::Emvco).is_ok(), "{}", cells[0]);
            }
            read += 1;
        }
        assert!(read > 0);
    }

    #[test]
    fn what_is_no_picture_or_holds_no_code_is_refused() {
        assert_eq!(scan_png(b"GIF89a"), Err(PictureError::NotAPicture));
        let png = |width: u32, height: u32, gray: &[u8]| {
            let mut out = Vec::new();
            let mut encoder = png::Encoder::new(&mut out, width, height);
            encoder.set_color(png::ColorType::Grayscale);
            let mut writer = encoder.write_header().expect("a header");
            if !gray.is_empty() {
                writer.write_image_data(gray).expect("pixels");
                writer.finish().expect("an end");
            } else {
                drop(writer);
            }
            out
        };
        assert_eq!(scan_png(&png(64, 64, &[200; 4_096])), Err(PictureError::NoCode));
        let large = u32::try_from(SCAN_PIXELS_MAX).expect("fits");
        assert_eq!(scan_png(&png(large, 2, &[])), Err(PictureError::NotAPicture));
        assert_eq!(scan_png(&png(u32::MAX >> 1, u32::MAX >> 1, &[])), Err(PictureError::NotAPicture));
        let whole = Picture::of("x", super::Correction::Low).expect("a picture").to_png(4).expect("a PNG");
        for cut in 0..whole.len() - 16 {
            let _ = scan_png(&whole[..cut]);
        }
    }
}
