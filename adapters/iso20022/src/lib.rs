//! ISO 20022 codec: bytes to payments and answers to bytes.
