//! Receipts and proofs, checked before they leave: files that a bank verifies offline, binary or as JSON.

use std::sync::Arc;

use actix_web::HttpResponse;
use feiqian_core::account::SlotHandle;
use feiqian_core::currency::Currency;
use feiqian_core::participant::{CycleNumber, CycleState, ParticipantHandle};
use feiqian_proof::json::to_json;
use feiqian_proof::kinds::{Obligation, Proof, SettlementProof};
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::prover::{Prover, ProverFault, consistency};
use feiqian_runtime::query::QueryFault;
use feiqian_runtime::storage::files::FileStorage;
use serde::Deserialize;

use super::shown::{account_seen, fault, find, path_id};
use crate::api::{Api, Call};
use crate::instruct;
use crate::limits::CONSISTENCY_BLOCKS_MAX;
use crate::number::{Digits, optional};
use crate::problem::{Outcome, Problem};

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    #[default]
    Binary,
    Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptQuery {
    #[serde(default = "yes")]
    details: bool,
    #[serde(default)]
    checkpoint: bool,
    #[serde(default)]
    format: Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchQuery {
    #[serde(default)]
    checkpoint: bool,
    #[serde(default)]
    format: Form,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionQuery {
    participant: Option<String>,
    currency: String,
    block: Option<Digits>,
    #[serde(default)]
    checkpoint: bool,
    #[serde(default)]
    format: Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BalanceQuery {
    account: String,
    block: Option<Digits>,
    #[serde(default)]
    checkpoint: bool,
    #[serde(default)]
    format: Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettlementQuery {
    cycle: Digits,
    currency: String,
    debtor: String,
    creditor: String,
    #[serde(default)]
    checkpoint: bool,
    #[serde(default)]
    format: Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsistencyQuery {
    old: Digits,
    new: Option<Digits>,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    format: Form,
}

/// `GET /v1/transfers/{uetr}/receipt`.
pub(crate) async fn receipt(call: Call) -> Outcome<HttpResponse> {
    let ReceiptQuery { details, checkpoint, format } = call.query()?;
    let (id, asker) = (path_id(call.part("uetr"))?, call.asker);
    make(&call, format, move |engine| {
        let (sequence, ..) = find(engine, asker, id)?;
        let mut receipt = engine.receipt(sequence).map_err(|found| match found {
            QueryFault::NotSealed(_) => Problem::absent("its block is still open; ask again in a moment"),
            other => fault(other),
        })?;
        if !details {
            receipt.details.clear();
        }
        in_log(engine, Proof::Receipt(receipt), checkpoint)
    })
    .await
}

/// `GET /v1/proofs/position`.
pub(crate) async fn position(call: Call) -> Outcome<HttpResponse> {
    of_slot(call, |prover, slot| prover.position(slot).map(Proof::Position)).await
}

/// `GET /v1/proofs/completeness`.
pub(crate) async fn completeness(call: Call) -> Outcome<HttpResponse> {
    of_slot(call, |prover, slot| prover.completeness(slot).map(Proof::Completeness)).await
}

async fn of_slot(
    call: Call,
    prove: impl FnOnce(&Prover<FileStorage>, SlotHandle) -> Result<Proof, ProverFault> + Send + 'static,
) -> Outcome<HttpResponse> {
    let query: PositionQuery = call.query()?;
    let missing = || Problem::parameter("participant", "say whose");
    let owner = call.whose(query.participant.as_deref())?.ok_or_else(missing)?;
    let currency = instruct::currency_asked(&query.currency)?;
    let block = optional(query.block.as_ref(), "block")?;
    make(&call, query.format, move |engine| {
        let prover = prover(engine, block)?;
        let proof = prove(&prover, slot(&prover, owner, currency)?).map_err(|found| told(&found))?;
        in_log(engine, proof, query.checkpoint)
    })
    .await
}

/// `GET /v1/proofs/balance`.
pub(crate) async fn balance(call: Call) -> Outcome<HttpResponse> {
    let query: BalanceQuery = call.query()?;
    let account = account_seen(&call, &query.account)?;
    let block = optional(query.block.as_ref(), "block")?;
    make(&call, query.format, move |engine| {
        let proof = prover(engine, block)?.balance(account).map_err(|found| told(&found))?;
        in_log(engine, Proof::Balance(proof), query.checkpoint)
    })
    .await
}

/// `GET /v1/proofs/consistency`.
pub(crate) async fn of_blocks(call: Call) -> Outcome<HttpResponse> {
    let query: ConsistencyQuery = call.query()?;
    let (old, new): (u64, Option<u64>) = (query.old.read("old")?, optional(query.new.as_ref(), "new")?);
    make(&call, query.format, move |engine| {
        let archive = engine.archive();
        let new = new.unwrap_or_else(|| archive.blocks.last());
        if query.log {
            let proof = engine.log().consistency(old, new).map_err(|_| Problem::fault())?;
            let absent = || Problem::absent("the log does not hold both blocks, the older one first");
            return proof.map(Proof::LogConsistency).ok_or_else(absent);
        }
        if old == 0 || old >= new || new - old > CONSISTENCY_BLOCKS_MAX {
            let detail =
                format!("before the later block, which is {new}, by {CONSISTENCY_BLOCKS_MAX} at the most");
            return Err(Problem::parameter("old", detail));
        }
        consistency(archive, old, new).map(Proof::Consistency).map_err(|found| told(&found))
    })
    .await
}

/// `GET /v1/proofs/settlement`. It shows every position, so it is for those who see all.
pub(crate) async fn settlement(call: Call) -> Outcome<HttpResponse> {
    let query: SettlementQuery = call.query()?;
    if !call.asker.sees_all() {
        return Err(Problem::forbidden("the proof shows the positions of all participants"));
    }
    let cycle: CycleNumber = query.cycle.read("cycle")?;
    let currency = instruct::currency_asked(&query.currency)?;
    let named = |name: &str| call.whose(Some(name))?.ok_or_else(Problem::fault);
    let (debtor, creditor) = (named(&query.debtor)?, named(&query.creditor)?);
    make(&call, query.format, move |engine| {
        let prover = prover(engine, Some(last_block(engine, cycle)?))?;
        let sides = (slot(&prover, debtor, currency)?, slot(&prover, creditor, currency)?);
        let proof = obligation(&prover, currency, sides)?;
        in_log(engine, Proof::Settlement(proof), query.checkpoint)
    })
    .await
}

/// The last block of a cycle that is over.
fn last_block(engine: &Engine, cycle: CycleNumber) -> Outcome<u64> {
    let found = engine.directory().registry(|registry| {
        let found = registry.cycle(cycle).filter(|found| found.state != CycleState::Open);
        found.and_then(|found| found.end_block.checked_sub(1))
    });
    found.ok_or_else(|| Problem::absent("there is no such cycle, or it is open"))
}

/// The obligation between two positions, as everyone computes it from all of them.
fn obligation(
    prover: &Prover<FileStorage>,
    currency: Currency,
    (debtor, creditor): (SlotHandle, SlotHandle),
) -> Outcome<SettlementProof> {
    let sought = Obligation { currency: currency.numeric(), debtor, creditor, amount: 0 };
    let proof = prover.settlement(sought).map_err(|found| told(&found))?;
    let all = proof.obligations().map_err(|_| Problem::fault())?;
    let found = all.into_iter().find(|one| (one.debtor, one.creditor) == (debtor, creditor));
    let obligation = found.ok_or_else(|| Problem::absent("no such obligation settles the cycle"))?;
    Ok(SettlementProof { obligation, ..proof })
}

/// `GET /v1/transfers/{uetr}/batch`. It shows the whole batch, so it is for who submitted it and those who see all.
pub(crate) async fn batch(call: Call) -> Outcome<HttpResponse> {
    let query: BatchQuery = call.query()?;
    let (id, asker) = (path_id(call.part("uetr"))?, call.asker);
    make(&call, query.format, move |engine| {
        let (sequence, entry, _) = find(engine, asker, id)?;
        if !entry.submitter.is_some_and(|submitter| asker.sees(submitter)) {
            return Err(Problem::absent("the caller has submitted no such transfer"));
        }
        let open = || Problem::absent("its block is still open; ask again in a moment");
        let block = engine.archive().block_of(sequence).map_err(fault)?.ok_or_else(open)?;
        let prover = prover(engine, Some(block.header.height))?;
        let proof = prover.signed_batch(sequence).map_err(|found| told(&found))?;
        in_log(engine, proof, query.checkpoint)
    })
    .await
}

/// The proof, with its block's inclusion in the log if that is asked for.
fn in_log(engine: &Engine, proof: Proof, with_checkpoint: bool) -> Outcome<Proof> {
    if !with_checkpoint {
        return Ok(proof);
    }
    let logged = engine.log().inclusion(proof).map_err(|_| Problem::fault())?;
    let absent = || Problem::absent("no checkpoint of the log holds its block yet; ask again in a moment");
    logged.map(Proof::LogInclusion).ok_or_else(absent)
}

fn prover(engine: &Engine, block: Option<u64>) -> Outcome<Prover<FileStorage>> {
    let height = block.unwrap_or_else(|| engine.archive().blocks.last());
    Prover::at(engine.archive().clone(), height).map_err(|found| told(&found))
}

fn slot(prover: &Prover<FileStorage>, owner: ParticipantHandle, currency: Currency) -> Outcome<SlotHandle> {
    let registry = &prover.sealer().mirror().registry;
    let bic = registry.participants().get(owner as usize).map(|found| found.bic);
    let slot = bic.and_then(|bic| registry.slot_of(bic, currency));
    slot.ok_or_else(|| Problem::absent("there was no such position at that block"))
}

fn told(found: &ProverFault) -> Problem {
    match found {
        ProverFault::Absent(_) | ProverFault::NoBlock(_) => Problem::absent(found.to_string()),
        _ => Problem::fault(),
    }
}

/// Makes a proof where there is room for one more, and checks it: one that does not verify never leaves.
async fn make(
    call: &Call,
    form: Form,
    prove: impl FnOnce(&Engine) -> Outcome<Proof> + Send + 'static,
) -> Outcome<HttpResponse> {
    let room = Arc::clone(&call.api.proofs).try_acquire_owned();
    let room = room.map_err(|_| Problem::busy("as many proofs as may be are being made"))?;
    let api = Arc::clone(&call.api);
    let (kind, bytes) = call
        .ask(move |engine| {
            let made = encoded(&api, &prove(engine)?, form);
            drop(room);
            made
        })
        .await?;
    Ok(HttpResponse::Ok().content_type(kind).body(bytes))
}

fn encoded(api: &Api, proof: &Proof, form: Form) -> Outcome<(&'static str, Vec<u8>)> {
    let genesis = &api.genesis;
    proof.verify(&genesis.operator_key, Some(&genesis.chain_id)).map_err(|_| Problem::fault())?;
    match form {
        Form::Binary => proof.encode().map(|bytes| ("application/octet-stream", bytes)),
        Form::Json => to_json(proof).map(|text| ("application/json", text.into_bytes())),
    }
    .map_err(|_| Problem::fault())
}
