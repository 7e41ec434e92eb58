//! Sealed blocks and how far the chain has come, which everybody sees: a header says sums and roots alone.

use actix_web::HttpResponse;
use feiqian_files::timestamp::date_time;
use feiqian_identity::hex;
use feiqian_proof::header::Root;
use feiqian_runtime::book::SealedBlock;
use feiqian_runtime::pipeline::Engine;

use super::paging;
use super::shown::fault;
use crate::api::{Call, answer};
use crate::model::{BlockView, Blocks, CheckpointView, RootView};
use crate::number;
use crate::problem::{Outcome, Problem};

/// `GET /v1/blocks`.
pub(crate) async fn list(call: Call) -> Outcome<HttpResponse> {
    let query: paging::Page = call.query()?;
    let limit = query.limit()?;
    let before: Option<u64> = paging::number(query.cursor.as_deref())?;
    let page = call.ask(move |engine| {
        let last = engine.archive().blocks.last();
        let newest = before.map_or(last, |cursor| cursor.saturating_sub(1).min(last));
        let oldest = newest.saturating_sub(limit as u64 - 1).max(1);
        let mut blocks = Vec::new();
        for height in (oldest..=newest).rev() {
            blocks.extend(engine.archive().block(height).map_err(fault)?.map(|block| view(engine, &block)));
        }
        Ok(Blocks { blocks, next: (oldest > 1 && newest > 0).then(|| oldest.to_string()) })
    });
    answer(&page.await?)
}

/// `GET /v1/blocks/{height}`.
pub(crate) async fn one(call: Call) -> Outcome<HttpResponse> {
    let absent = || Problem::absent("there is no such block");
    let height: u64 = number::read(call.part("height"), "height")?;
    let found = call.ask(move |engine| {
        let block = engine.archive().block(height).map_err(fault)?;
        Ok(block.map(|block| view(engine, &block)))
    });
    answer(&found.await?.ok_or_else(absent)?)
}

fn view(engine: &Engine, block: &SealedBlock) -> BlockView {
    let header = &block.header;
    let root = |root: Root| RootView { hash: root.hash.to_string(), size: root.size };
    let is_witnessed = header.height <= engine.log().witnessed();
    BlockView {
        height: header.height,
        hash: header.hash().to_string(),
        previous: header.previous.to_string(),
        chain_id: hex::encode(&header.chain_id),
        first_sequence: header.first_sequence,
        count: header.count,
        time: date_time(header.timestamp),
        cycle: header.cycle,
        transfers: root(header.transfers),
        positions: root(header.positions),
        accounts: root(header.accounts),
        config: root(header.config),
        header: hex::encode(&header.encode()),
        signature: block.signature.to_string(),
        state: if is_witnessed { "WITNESSED" } else { "SEALED" },
    }
}

/// `GET /v1/checkpoint`.
pub(crate) async fn checkpoint(call: Call) -> Outcome<HttpResponse> {
    let engine = &call.api.engine;
    answer(&CheckpointView {
        chain_id: hex::encode(&call.api.genesis.chain_id),
        operator_key: call.api.genesis.operator_key.to_string(),
        sealed: engine.archive().blocks.last(),
        witnessed: engine.log().witnessed(),
    })
}
