//! I8 for those who run the system together: a validator that follows an honest operator has its every root and cosigns;
//! one that is cheated, in each way that is known, finds it at the first block and holds what convicts; and none ever
//! signs less than it signed, whatever its disk does.

#[path = "validators/house.rs"]
mod house;
#[path = "validators/honest.rs"]
mod honest;
#[path = "validators/lives.rs"]
mod lives;
#[path = "validators/repairs.rs"]
mod repairs;
#[path = "validators/takeovers.rs"]
mod takeovers;
#[path = "validators/defaults.rs"]
mod defaults;
#[path = "validators/traces.rs"]
mod traces;
#[path = "validators/tampered.rs"]
mod tampered;
#[path = "validators/suspicions.rs"]
mod suspicions;
