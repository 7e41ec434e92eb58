//! CRC-16/CCITT-FALSE (ISO/IEC 13239 polynomial 1021 hex, initial value FFFF hex, not reflected), as EMV QRCPS MPM
//! demands it for the data object 63.

const POLYNOMIAL: u16 = 0x1021;

/// The remainder of each first byte.
const TABLE: [u16; 256] = table();

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time; 0 to 255 fit"
)]
const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// The checksum of `bytes`.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc: u16, byte| {
        let [high, _] = crc.to_be_bytes();
        (crc << 8) ^ TABLE[usize::from(high ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::crc16;

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(crc16(b"123456789"), 0x29B1);
        assert_eq!(crc16(b""), 0xFFFF);
    }
}
