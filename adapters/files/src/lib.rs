//! The file transport: inbox, outbox, archive and rejected.
