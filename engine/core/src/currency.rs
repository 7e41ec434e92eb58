//! Currencies and their minor units, and the products that are cleared apart in one of them. Source: ISO 4217:2015, list
//! one (active codes with a minor unit), as of amendment 180; codes without a minor unit (XAU, XDR, XTS, …) can't be
//! cleared and are left out.
//!
//! A product (card disputes beside authorised payments, say) is to every rule a currency of its own: accounts, positions,
//! limits, queues, models and cycles are of one product, and nothing moves between two of them but by a trade. Outside,
//! its money is money of the currency: messages have the ISO code alone, and the accounts that they name say which product.

use core::fmt;

/// An active ISO 4217 currency, or one product of it, kept as 1,000 × the product's number + the numeric code: 978 is EUR,
/// 1978 is `EUR.1`, its first product.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u16);

/// The highest number of a product; 0 is what the currency's code alone means.
pub const PRODUCT_MAX: u16 = 64;

/// Alphabetic code, numeric code, exponent; ascending by alphabetic code.
#[rustfmt::skip]
const TABLE: &[([u8; 3], u16, u8)] = &[
    (*b"AED", 784, 2), (*b"AFN", 971, 2), (*b"ALL", 8, 2), (*b"AMD", 51, 2), (*b"AOA", 973, 2),
    (*b"ARS", 32, 2), (*b"AUD", 36, 2), (*b"AWG", 533, 2), (*b"AZN", 944, 2), (*b"BAM", 977, 2),
    (*b"BBD", 52, 2), (*b"BDT", 50, 2), (*b"BGN", 975, 2), (*b"BHD", 48, 3), (*b"BIF", 108, 0),
    (*b"BMD", 60, 2), (*b"BND", 96, 2), (*b"BOB", 68, 2), (*b"BOV", 984, 2), (*b"BRL", 986, 2),
    (*b"BSD", 44, 2), (*b"BTN", 64, 2), (*b"BWP", 72, 2), (*b"BYN", 933, 2), (*b"BZD", 84, 2),
    (*b"CAD", 124, 2), (*b"CDF", 976, 2), (*b"CHE", 947, 2), (*b"CHF", 756, 2), (*b"CHW", 948, 2),
    (*b"CLF", 990, 4), (*b"CLP", 152, 0), (*b"CNY", 156, 2), (*b"COP", 170, 2), (*b"COU", 970, 2),
    (*b"CRC", 188, 2), (*b"CUP", 192, 2), (*b"CVE", 132, 2), (*b"CZK", 203, 2), (*b"DJF", 262, 0),
    (*b"DKK", 208, 2), (*b"DOP", 214, 2), (*b"DZD", 12, 2), (*b"EGP", 818, 2), (*b"ERN", 232, 2),
    (*b"ETB", 230, 2), (*b"EUR", 978, 2), (*b"FJD", 242, 2), (*b"FKP", 238, 2), (*b"GBP", 826, 2),
    (*b"GEL", 981, 2), (*b"GHS", 936, 2), (*b"GIP", 292, 2), (*b"GMD", 270, 2), (*b"GNF", 324, 0),
    (*b"GTQ", 320, 2), (*b"GYD", 328, 2), (*b"HKD", 344, 2), (*b"HNL", 340, 2), (*b"HTG", 332, 2),
    (*b"HUF", 348, 2), (*b"IDR", 360, 2), (*b"ILS", 376, 2), (*b"INR", 356, 2), (*b"IQD", 368, 3),
    (*b"IRR", 364, 2), (*b"ISK", 352, 0), (*b"JMD", 388, 2), (*b"JOD", 400, 3), (*b"JPY", 392, 0),
    (*b"KES", 404, 2), (*b"KGS", 417, 2), (*b"KHR", 116, 2), (*b"KMF", 174, 0), (*b"KPW", 408, 2),
    (*b"KRW", 410, 0), (*b"KWD", 414, 3), (*b"KYD", 136, 2), (*b"KZT", 398, 2), (*b"LAK", 418, 2),
    (*b"LBP", 422, 2), (*b"LKR", 144, 2), (*b"LRD", 430, 2), (*b"LSL", 426, 2), (*b"LYD", 434, 3),
    (*b"MAD", 504, 2), (*b"MDL", 498, 2), (*b"MGA", 969, 2), (*b"MKD", 807, 2), (*b"MMK", 104, 2),
    (*b"MNT", 496, 2), (*b"MOP", 446, 2), (*b"MRU", 929, 2), (*b"MUR", 480, 2), (*b"MVR", 462, 2),
    (*b"MWK", 454, 2), (*b"MXN", 484, 2), (*b"MXV", 979, 2), (*b"MYR", 458, 2), (*b"MZN", 943, 2),
    (*b"NAD", 516, 2), (*b"NGN", 566, 2), (*b"NIO", 558, 2), (*b"NOK", 578, 2), (*b"NPR", 524, 2),
    (*b"NZD", 554, 2), (*b"OMR", 512, 3), (*b"PAB", 590, 2), (*b"PEN", 604, 2), (*b"PGK", 598, 2),
    (*b"PHP", 608, 2), (*b"PKR", 586, 2), (*b"PLN", 985, 2), (*b"PYG", 600, 0), (*b"QAR", 634, 2),
    (*b"RON", 946, 2), (*b"RSD", 941, 2), (*b"RUB", 643, 2), (*b"RWF", 646, 0), (*b"SAR", 682, 2),
    (*b"SBD", 90, 2), (*b"SCR", 690, 2), (*b"SDG", 938, 2), (*b"SEK", 752, 2), (*b"SGD", 702, 2),
    (*b"SHP", 654, 2), (*b"SLE", 925, 2), (*b"SOS", 706, 2), (*b"SRD", 968, 2), (*b"SSP", 728, 2),
    (*b"STN", 930, 2), (*b"SVC", 222, 2), (*b"SYP", 760, 2), (*b"SZL", 748, 2), (*b"THB", 764, 2),
    (*b"TJS", 972, 2), (*b"TMT", 934, 2), (*b"TND", 788, 3), (*b"TOP", 776, 2), (*b"TRY", 949, 2),
    (*b"TTD", 780, 2), (*b"TWD", 901, 2), (*b"TZS", 834, 2), (*b"UAH", 980, 2), (*b"UGX", 800, 0),
    (*b"USD", 840, 2), (*b"USN", 997, 2), (*b"UYI", 940, 0), (*b"UYU", 858, 2), (*b"UYW", 927, 4),
    (*b"UZS", 860, 2), (*b"VED", 926, 2), (*b"VES", 928, 2), (*b"VND", 704, 0), (*b"VUV", 548, 0),
    (*b"WST", 882, 2), (*b"XAF", 950, 0), (*b"XCD", 951, 2), (*b"XCG", 532, 2), (*b"XOF", 952, 0),
    (*b"XPF", 953, 0), (*b"YER", 886, 2), (*b"ZAR", 710, 2), (*b"ZMW", 967, 2), (*b"ZWG", 924, 2),
];

const ISO_END: u16 = 1_000;
const NUMERIC_END: usize = 1_000;
const PRODUCTS: usize = 64;

/// Position in [`TABLE`] by numeric code; 255 where the code is free.
const BY_NUMERIC: [u8; NUMERIC_END] = by_numeric();

#[expect(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where an overflow or a bad index is a build error"
)]
const fn by_numeric() -> [u8; NUMERIC_END] {
    assert!(TABLE.len() < 255);
    let mut by = [255; NUMERIC_END];
    let mut at = 0;
    while at < TABLE.len() {
        by[TABLE[at].1 as usize] = at as u8;
        at += 1;
    }
    by
}

/// A code with the number of a product: `EUR.1`, `EUR.64`; blanks fill up.
const NAME_BYTES: usize = 6;

/// By row of [`TABLE`], the names of its products from 1 on.
static NAMES: [[[u8; NAME_BYTES]; PRODUCTS]; TABLE.len()] = names();

#[expect(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, where an overflow or a bad index is a build error"
)]
const fn names() -> [[[u8; NAME_BYTES]; PRODUCTS]; TABLE.len()] {
    let mut names = [[[b' '; NAME_BYTES]; PRODUCTS]; TABLE.len()];
    let mut at = 0;
    while at < TABLE.len() {
        let [first, second, third] = TABLE[at].0;
        let mut product = 1;
        while product <= PRODUCTS {
            let (tens, units) = (b'0' + (product / 10) as u8, b'0' + (product % 10) as u8);
            names[at][product - 1] = match tens {
                b'0' => [first, second, third, b'.', units, b' '],
                _ => [first, second, third, b'.', tens, units],
            };
            product += 1;
        }
        at += 1;
    }
    names
}

impl Currency {
    /// The currency of an alphabetic code such as `EUR`, or with the number of a product, `EUR.1` to `EUR.64`.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let (code, product) = match code.split_once('.') {
            Some((code, product)) => (code, product_of(product)?),
            None => (code, 0),
        };
        let code: [u8; 3] = code.as_bytes().try_into().ok()?;
        let at = TABLE.binary_search_by(|row| row.0.cmp(&code)).ok()?;
        TABLE.get(at).and_then(|row| Self(row.1).of_product(product))
    }

    /// The currency of a numeric code such as 978, or 1978 for its first product.
    #[must_use]
    pub fn from_numeric(numeric: u16) -> Option<Self> {
        let currency = Self(numeric);
        let is_known = BY_NUMERIC.get(usize::from(currency.iso().0)).is_some_and(|at| *at != 255);
        (is_known && currency.product() <= PRODUCT_MAX).then_some(currency)
    }

    /// The numeric code, with the product in the thousands.
    #[must_use]
    pub const fn numeric(self) -> u16 {
        self.0
    }

    /// The number of the product; 0 where it is the currency itself.
    #[must_use]
    pub const fn product(self) -> u16 {
        self.0 / ISO_END
    }

    /// The currency without the product: what ISO 4217 knows, and every message says.
    #[must_use]
    pub const fn iso(self) -> Self {
        Self(self.0 % ISO_END)
    }

    /// A product of the same ISO currency; none above [`PRODUCT_MAX`].
    #[must_use]
    pub fn of_product(self, product: u16) -> Option<Self> {
        let thousands = product.checked_mul(ISO_END).filter(|_| product <= PRODUCT_MAX)?;
        thousands.checked_add(self.iso().0).map(Self)
    }

    /// Decimals of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.row().2
    }

    /// The alphabetic code, with the product's number where it is one: `EUR`, `EUR.1`.
    #[must_use]
    pub fn code(self) -> &'static str {
        let Some(product) = self.product().checked_sub(1) else { return self.iso_code() };
        let name = NAMES.get(self.row_number()).and_then(|names| names.get(usize::from(product)));
        name.map_or("", |name| core::str::from_utf8(name).unwrap_or("").trim_end())
    }

    /// The alphabetic code of ISO 4217, for messages, whatever the product.
    #[must_use]
    pub fn iso_code(self) -> &'static str {
        core::str::from_utf8(&self.row().0).unwrap_or("")
    }

    fn row_number(self) -> usize {
        BY_NUMERIC.get(usize::from(self.iso().0)).copied().unwrap_or(0).into()
    }

    fn row(self) -> &'static ([u8; 3], u16, u8) {
        TABLE.get(self.row_number()).unwrap_or(&TABLE[0])
    }
}

/// The number behind the point, written in one way only.
fn product_of(text: &str) -> Option<u16> {
    let is_plain = matches!(text.as_bytes(), [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']);
    text.parse().ok().filter(|product| is_plain && *product <= PRODUCT_MAX)
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString as _;

    #[test]
    fn the_table_is_sorted_and_found_by_both_codes() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (code, numeric, exponent) in TABLE {
            let code = core::str::from_utf8(code).expect("ASCII");
            let currency = Currency::from_code(code).expect("found");
            assert_eq!(
                (currency.numeric(), currency.exponent(), currency.code()),
                (*numeric, *exponent, code)
            );
            assert_eq!(Currency::from_numeric(*numeric), Some(currency));
        }
        for unknown in ["XAU", "XXX", "eur", "EURO", ""] {
            assert_eq!(Currency::from_code(unknown), None, "{unknown}");
        }
        assert_eq!(Currency::from_numeric(0), None);
        assert_eq!(Currency::from_numeric(1000), None);
    }

    #[test]
    fn a_product_is_another_currency_of_the_same_iso_code_written_in_one_way() {
        for (code, numeric, exponent) in TABLE {
            let code = core::str::from_utf8(code).expect("ASCII");
            for product in 1..=PRODUCT_MAX {
                let text = format!("{code}.{product}");
                let currency = Currency::from_code(&text).expect("a product");
                assert_eq!(PRODUCTS, usize::from(PRODUCT_MAX));
                assert_eq!(
                    (currency.code(), currency.iso_code(), currency.to_string()),
                    (&*text, code, text.clone())
                );
                assert_eq!((currency.product(), currency.exponent()), (product, *exponent));
                assert_eq!(currency.numeric(), product * 1_000 + numeric);
                assert_eq!(Currency::from_numeric(currency.numeric()), Some(currency));
                assert_eq!(Some(currency.iso()), Currency::from_code(code));
                assert_eq!(currency.iso().of_product(product), Some(currency));
            }
        }
        for wrong in
            ["EUR.", "EUR.0", "EUR.01", "EUR.65", "EUR.100", "EUR.1.1", "EUR.+1", ".1", "EURO.1", "XAU.1"]
        {
            assert_eq!(Currency::from_code(wrong), None, "{wrong}");
        }
        let eur = Currency::from_code("EUR").expect("known");
        assert_eq!(
            (eur.product(), eur.iso(), eur.of_product(0), eur.of_product(65)),
            (0, eur, Some(eur), None)
        );
        assert_eq!(Currency::from_numeric(65_000 + 8), None);
    }
}
