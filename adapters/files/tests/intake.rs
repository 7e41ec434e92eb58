//! The file transport against a real engine in a directory of its own: the demo's inbox, crashes between any two
//! steps, hostile and foreign files, what comes after a payment, settlement, and the watch.

#[path = "intake/house.rs"]
mod house;
#[path = "intake/shared.rs"]
mod shared;

#[path = "intake/after.rs"]
mod after;
#[path = "intake/covers.rs"]
mod covers;
#[path = "intake/crashes.rs"]
mod crashes;
#[path = "intake/customers.rs"]
mod customers;
#[path = "intake/demo.rs"]
mod demo;
#[path = "intake/fees.rs"]
mod fees;
#[path = "intake/foreign.rs"]
mod foreign;
#[path = "intake/inquiries.rs"]
mod inquiries;
#[path = "intake/instant.rs"]
mod instant;
#[path = "intake/investigations.rs"]
mod investigations;
#[path = "intake/payment_requests.rs"]
mod payment_requests;
#[path = "intake/queued.rs"]
mod queued;
#[path = "intake/recalls.rs"]
mod recalls;
#[path = "intake/reports.rs"]
mod reports;
#[path = "intake/settling.rs"]
mod settling;
#[path = "intake/statements.rs"]
mod statements;
#[path = "intake/tables.rs"]
mod tables;
#[path = "intake/usages.rs"]
mod usages;
#[path = "intake/watching.rs"]
mod watching;
