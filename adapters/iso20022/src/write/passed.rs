//! Messages that are passed on as they were received, in their version, under another head: requests to pay (pain.013) and
//! investigations (camt.026, camt.028). Element by element out of the validating reader, so that nothing that a bank said
//! is lost, and what was valid stays so. Supplementary data, which is not validated, is left out.

use std::io::{self, BufRead, Write};

use feiqian_core::uetr::Uetr;

use crate::case::Assignment;
use crate::events::{Event, Events};
use crate::limits::Limits;
use crate::payment::BusinessHead;
use crate::payment_request::{PaymentRequest, RequestedPayment};
use crate::schema::names::*;
use crate::transfers::read_until_document;
use crate::write::camt056::assignment;
use crate::write::head::start_versioned;
use crate::write::xml::XmlWriter;

/// A message of requests to pay as it goes to one debtor's bank.
#[derive(Clone, Copy, Debug)]
pub struct PassedRequest<'a> {
    /// Its header.
    pub business: &'a BusinessHead,
    /// `MsgId`, at most 35 characters.
    pub id: &'a str,
    /// `CreDtTm`.
    pub creation: &'a str,
    /// What was received.
    pub request: &'a PaymentRequest,
    /// For each request whether it goes along, and by which UETR the payment will name it: written where the version has
    /// one and the creditor gave none.
    pub kept: &'a [Option<Uetr>],
}

/// Writes those requests of a pain.013 that are kept, read again from `input`. `CtrlSum` is left out.
///
/// # Errors
/// Those of `out`, and of an input that is not what `passed.request` was read from.
pub fn passed_request(
    out: impl Write,
    input: impl BufRead,
    limits: Limits,
    passed: &PassedRequest<'_>,
) -> io::Result<()> {
    let count = passed.kept.iter().flatten().count().to_string();
    // Of each request the place of its block, and whether it has a UETR.
    let has_uetr = |one: &RequestedPayment| one.details.ids.uetr.is_some();
    let all: Vec<_> = passed.request.requests.iter().map(|one| (one.place, has_uetr(&one))).collect();
    let (mut blocks, mut next) = (0_usize, 0_usize);
    copy(out, (input, limits), passed.business, |to, event, path| {
        Ok(match (event, path) {
            (Event::Value, [GRP_HDR, MSG_ID]) => Act::Say(passed.id.to_owned()),
            (Event::Value, [GRP_HDR, CRE_DT_TM]) => Act::Say(passed.creation.to_owned()),
            (Event::Value, [GRP_HDR, NB_OF_TXS]) => Act::Say(count.clone()),
            (Event::Value, [GRP_HDR, CTRL_SUM]) => Act::Drop,
            (Event::Open, [PMT_INF]) => {
                next = all.partition_point(|(block, _)| *block < blocks);
                let own =
                    all.iter().zip(passed.kept).skip(next).take_while(|((block, _), _)| *block == blocks);
                let any = own.into_iter().any(|(_, kept)| kept.is_some());
                blocks += 1;
                if any { Act::Keep } else { Act::Drop }
            }
            (Event::Open, [PMT_INF, CDT_TRF_TX]) => {
                next += 1;
                if kept(passed, next).is_some() { Act::Keep } else { Act::Drop }
            }
            (Event::Close, [PMT_INF, CDT_TRF_TX, PMT_ID]) => {
                let has_none = all.get(next.wrapping_sub(1)).is_some_and(|(_, has_uetr)| !has_uetr);
                if let Some(uetr) = kept(passed, next).filter(|_| has_none && to.has("UETR")) {
                    to.value("UETR", &uetr.to_string())?;
                }
                Act::Keep
            }
            _ => Act::Keep,
        })
    })
}

/// The UETR of the request before `next`, if it goes along.
fn kept(passed: &PassedRequest<'_>, next: usize) -> Option<Uetr> {
    passed.kept.get(next.checked_sub(1)?).copied().flatten()
}

/// Writes a camt.026 or camt.028, read again from `input`, as assigned by `own`.
///
/// # Errors
/// Those of `out` and of `input`.
pub fn passed_investigation(
    out: impl Write,
    input: impl BufRead,
    limits: Limits,
    (business, own): (&BusinessHead, &Assignment),
) -> io::Result<()> {
    copy(out, (input, limits), business, |to, event, path| match (event, path) {
        (Event::Open, [ASSGNMT]) => assignment(to, own).map(|()| Act::Drop),
        _ => Ok(Act::Keep),
    })
}

/// What becomes of an element.
enum Act {
    Keep,
    /// It is left out, with all that stands below it.
    Drop,
    /// Its value is that.
    Say(String),
}

/// Copies the elements below the document's only child, which `act` is asked about when they begin, and end.
fn copy<R: BufRead, W: Write>(
    out: W,
    (input, limits): (R, Limits),
    business: &BusinessHead,
    mut act: impl FnMut(&mut XmlWriter<W>, Event, &[u16]) -> io::Result<Act>,
) -> io::Result<()> {
    let mut events = Events::new(input, &limits);
    let (message, _) = read_until_document(&mut events).map_err(io::Error::other)?;
    let mut to = start_versioned(out, Some(business), message)?;
    let mut dropped: Option<usize> = None;
    loop {
        let event = events.next_event().map_err(io::Error::other)?;
        let depth = events.path().len();
        let is_left_out = dropped.is_some_and(|at| depth >= at);
        if event == Event::Close && dropped == Some(depth) {
            dropped = None;
        }
        match (event, events.path()) {
            (Event::End, _) => return to.finish().map(drop),
            (_, [_, _, .., SPLMTRY_DATA]) if event == Event::Open && !is_left_out => dropped = Some(depth),
            (_, [_, _, path @ ..]) if !path.is_empty() && !is_left_out => {
                let act = act(&mut to, event, path)?;
                if matches!((event, &act), (Event::Open, Act::Drop)) {
                    dropped = Some(depth);
                } else {
                    element(&mut to, &events, event, act)?;
                }
            }
            _ => {}
        }
    }
}

fn element<R: BufRead, W: Write>(
    to: &mut XmlWriter<W>,
    events: &Events<R>,
    event: Event,
    act: Act,
) -> io::Result<()> {
    match (event, act) {
        (Event::Open, _) => to.start(events.name()),
        (Event::Close, _) => to.end(),
        (Event::Value, Act::Say(text)) => to.value(events.name(), &text),
        (Event::Value, Act::Keep) => match events.attribute() {
            Some((_, currency)) => to.amount(events.name(), events.text(), currency),
            None => to.value(events.name(), events.text()),
        },
        _ => Ok(()),
    }
}
