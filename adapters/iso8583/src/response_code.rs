//! Response codes of field 39 (1987, two characters) with their names, and where UnionPay's meaning differs.

/// A code, its name in ISO 8583:1987, and UnionPay's meaning where it is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseCode {
    pub code: [u8; 2],
    pub name: &'static str,
    pub unionpay: Option<&'static str>,
}

const fn row(code: &[u8; 2], name: &'static str) -> ResponseCode {
    ResponseCode { code: *code, name, unionpay: None }
}

const fn differs(code: &[u8; 2], name: &'static str, unionpay: &'static str) -> ResponseCode {
    ResponseCode { code: *code, name, unionpay: Some(unionpay) }
}

/// The codes that switches answer with, by code.
pub const RESPONSE_CODES: [ResponseCode; 44] = [
    row(b"00", "approved or completed successfully"),
    row(b"01", "refer to card issuer"),
    row(b"03", "invalid merchant"),
    row(b"04", "pick up card"),
    row(b"05", "do not honour"),
    row(b"06", "error"),
    row(b"09", "request in progress"),
    row(b"10", "approved for partial amount"),
    row(b"12", "invalid transaction"),
    row(b"13", "invalid amount"),
    row(b"14", "invalid card number"),
    row(b"15", "no such issuer"),
    row(b"19", "re-enter transaction"),
    row(b"20", "invalid response"),
    row(b"21", "no action taken"),
    row(b"22", "suspected malfunction"),
    row(b"25", "unable to locate record on file"),
    row(b"30", "format error"),
    row(b"34", "suspected fraud"),
    row(b"36", "restricted card"),
    row(b"38", "allowable PIN tries exceeded"),
    row(b"40", "requested function not supported"),
    row(b"41", "lost card"),
    row(b"43", "stolen card"),
    row(b"51", "not sufficient funds"),
    row(b"54", "expired card"),
    row(b"55", "incorrect PIN"),
    row(b"57", "transaction not permitted to cardholder"),
    row(b"58", "transaction not permitted to terminal"),
    row(b"59", "suspected fraud"),
    row(b"61", "exceeds withdrawal amount limit"),
    row(b"62", "restricted card"),
    row(b"64", "original amount incorrect"),
    row(b"65", "exceeds withdrawal frequency limit"),
    row(b"68", "response received too late"),
    row(b"75", "allowable number of PIN tries exceeded"),
    row(b"90", "cutoff is in process"),
    row(b"91", "issuer or switch is inoperative"),
    row(b"92", "financial institution or intermediate network facility cannot be found for routing"),
    row(b"94", "duplicate transmission"),
    row(b"95", "reconcile error"),
    row(b"96", "system malfunction"),
    differs(b"98", "reserved for national use", "no response of the issuer to the switch"),
    differs(b"99", "reserved for national use", "PIN format error"),
];

/// The row of a code; none for one that is not in the table.
#[must_use]
pub fn response_code(code: &[u8]) -> Option<&'static ResponseCode> {
    RESPONSE_CODES.iter().find(|row| row.code == code)
}
