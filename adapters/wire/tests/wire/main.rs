//! The bulk protocol against a real engine in a directory of its own, over TCP and Unix sockets.

mod house;
mod logins;
mod refusals;
mod sessions;
mod strangers;
