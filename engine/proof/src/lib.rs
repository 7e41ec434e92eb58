//! Trees, block headers, receipts and their verifier: no_std, no I/O, no unsafe.
