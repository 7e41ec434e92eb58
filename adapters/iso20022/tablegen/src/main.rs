//! Compiles ISO 20022 XSDs into the compact tables of feiqian-iso20022.
fn main() {}
