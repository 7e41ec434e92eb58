//! The API from outside, through real sockets: what every route answers, to whom, and what it never does.

mod bounds;
mod bulk;
mod codes;
mod day;
mod description;
mod events;
mod fences;
mod house;
mod messages;
mod receiver;
mod registered;
mod webhooks;
