//! What a proof may cost, with reasons.

/// Bytes of the file of identities. A thousand callers with two proofs each have 400 KiB.
pub const REGISTER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Callers in it.
pub const CALLERS_MAX: usize = 16_384;
/// Proofs of one caller, of each kind. Two while one is replaced by the next; the rest is room for machines.
pub const PROOFS_MAX: usize = 64;
/// Bytes of a caller's name, or of a key's.
pub const NAME_BYTES_MAX: usize = 128;

/// Bytes of each of the headers that carry a signature. What HTTP clients in use write has some 300.
pub const SIGNATURE_HEADER_BYTES_MAX: usize = 4_096;
/// Signatures of one request: the sender's, and those of proxies on the way.
pub const SIGNATURES_MAX: usize = 4;
/// Components that one signature covers.
pub const COMPONENTS_MAX: usize = 32;
/// Parameters of one signature; RFC 9421 names six.
pub const PARAMETERS_MAX: usize = 16;

/// Seconds for which a signature is taken after it was made: time enough for any network, too short for who finds a log.
pub const SIGNATURE_AGE_S_MAX: u64 = 60;
/// Seconds by which a sender's clock may be ahead.
pub const CLOCK_AHEAD_S_MAX: u64 = 5;
/// Signatures that are remembered in each of two spans of [`NONCE_SPAN_S`], 16 bytes each and room: 20,000 a second.
pub const NONCES_MAX: usize = 1_400_000;
/// One key's share of them: 2,600 a second.
pub const NONCES_OF_KEY_MAX: usize = NONCES_MAX / 8;
/// Names of this house.
pub const AUTHORITIES_MAX: usize = 64;
/// Seconds after which no signature is taken any more that was seen in a span.
pub const NONCE_SPAN_S: u64 = SIGNATURE_AGE_S_MAX + CLOCK_AHEAD_S_MAX;

/// Bytes of a certificate, key, or list of revocations on disk.
pub const PEM_BYTES_MAX: u64 = 16 * 1024 * 1024;

const _: () = assert!(CLOCK_AHEAD_S_MAX < SIGNATURE_AGE_S_MAX);
