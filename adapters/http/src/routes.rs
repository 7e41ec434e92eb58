//! Every route: its method and path, the roles that may use it, what it takes and what it answers. The one table that is
//! served (`server.rs`), described (`openapi.rs`) and tested (`tests/http/fences.rs`): a route that is not here is not there.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use actix_web::HttpResponse;
use actix_web::http::Method as HttpMethod;
use feiqian_identity::Role;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::api::{Call, read_json};
use crate::handlers::{
    accounts, blocks, bulk, codes, cycles, events, exchange, holds, iso20022, positions, proofs, queue,
    statements, transfers, webhooks,
};
use crate::limits::{BODY_BYTES_MAX, BULK_BYTES_MAX, PICTURE_BYTES_MAX, XML_BYTES_MAX};
use crate::model;
use crate::problem::{Outcome, Problem};
use crate::query;

/// What a handler does, once it has run.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome<HttpResponse>>>>;

/// Methods in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    /// Those that requests may use for it: what is answered to GET is to HEAD too, without its body (RFC 9110, 9.1).
    pub(crate) const fn of_http(self) -> &'static [HttpMethod] {
        match self {
            Self::Get => &[HttpMethod::GET, HttpMethod::HEAD],
            Self::Post => &[HttpMethod::POST],
            Self::Delete => &[HttpMethod::DELETE],
        }
    }

    /// As requests name it.
    pub(crate) const fn as_text(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    /// As descriptions name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }
}

/// A type as the description names it.
#[derive(Clone, Copy)]
pub(crate) struct Described {
    pub(crate) name: fn() -> Cow<'static, str>,
    pub(crate) schema: fn() -> RefOr<Schema>,
    pub(crate) others: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl fmt::Debug for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&(self.name)())
    }
}

const fn of<T: ToSchema>() -> Described {
    Described { name: T::name, schema: T::schema, others: T::schemas }
}

/// What a route takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body {
    pub(crate) media_types: &'static [&'static str],
    pub(crate) bytes_max: usize,
    /// None for what has a description of its own, as XML has.
    pub(crate) schema: Option<Described>,
    /// Whether it can be read at all; what it asks for is the handler's.
    pub(crate) reads: fn(&[u8]) -> Outcome<()>,
}

const fn json<T: ToSchema + DeserializeOwned>(bytes_max: usize) -> Option<Body> {
    let reads = |body: &[u8]| read_json::<T>(body).map(drop);
    Some(Body { media_types: &["application/json"], bytes_max, schema: Some(of::<T>()), reads })
}

/// What a route answers when all is well.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// 200 with JSON.
    Json(Described),
    /// 204.
    Nothing,
    /// A transfer: 201, or 200 where it was decided before, or 202 where its outcome is not known in time.
    Transfer,
    /// A proof, binary or JSON.
    Proof,
    /// An ISO 20022 message.
    Xml,
    /// What a message is answered by, or 204 where no answer is due.
    Reply,
    /// Server-sent events, whose data is this.
    Events(Described),
}

/// A parameter of the query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// What it may be.
    pub(crate) kind: Values,
    pub(crate) is_required: bool,
    pub(crate) text: &'static str,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    /// A name, of 1 to 64 characters.
    Text,
    /// A text of this form.
    Like(&'static str),
    Number(u64, u64),
    OneOf(&'static [&'static str]),
}

/// One route.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// With `{…}` where a part varies.
    pub(crate) path: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    /// Any of these may.
    pub(crate) roles: &'static [Role],
    pub(crate) query: &'static [Parameter],
    pub(crate) body: Option<Body>,
    pub(crate) answer: Answer,
    pub(crate) keeps_own_deadline: bool,
    /// Whether it answers 504 where what became of it is not known in time.
    pub(crate) may_stay_unknown: bool,
    pub(crate) run: fn(Call) -> Running,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.name(), self.path)
    }
}

/// Whoever acts for a participant, or looks after all.
const READ: &[Role] = &[Role::Submitter, Role::Approver, Role::Viewer, Role::Auditor, Role::Operator];
/// What says sums and roots alone, or proves: validators too.
const PROVE: &[Role] =
    &[Role::Submitter, Role::Approver, Role::Viewer, Role::Auditor, Role::Operator, Role::Validator];
/// What moves money or binds the participant.
const WRITE: &[Role] = &[Role::Submitter];
/// What tells a participant's events elsewhere, and moves nothing.
const REGISTER: &[Role] = &[Role::Submitter, Role::Approver];
/// What shows everybody's positions.
const PROVE_ALL: &[Role] = &[Role::Auditor, Role::Operator, Role::Validator];

const fn text(name: &'static str, text: &'static str) -> Parameter {
    Parameter { name, kind: Values::Text, is_required: false, text }
}

const fn number(name: &'static str, text: &'static str) -> Parameter {
    Parameter { name, kind: Values::Number(0, i64::MAX as u64), is_required: false, text }
}

const fn required(parameter: Parameter) -> Parameter {
    Parameter { is_required: true, ..parameter }
}

const fn bank(name: &'static str, text: &'static str) -> Parameter {
    Parameter { name, kind: Values::Like(BIC), is_required: true, text }
}

const BIC: &str = "^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$";
const PLACE: &str =
    "^(0|[1-9][0-9]{0,18})[.][A-Za-z0-9]{1,35}[.][A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{5}[.][a-z]{4}[.][0-9]{3}$";
const CURSOR: Parameter = text("cursor", "Where to go on: the `next` of the page before.");
const LIMIT: Parameter = Parameter {
    name: "limit",
    kind: Values::Number(1, 1_000),
    is_required: false,
    text: "Items of the page at the most; 100 where it is missing.",
};
const HANDLING: Parameter = Parameter {
    name: "handling",
    kind: Values::OneOf(&["instant", "queued"]),
    is_required: false,
    text: "How payments of the message are paid: once their receiver's bank has confirmed, or once there are funds; at once or \
           not at all where it is missing.",
};
const AFTER: Parameter = Parameter {
    name: "after",
    kind: Values::Like(PLACE),
    is_required: false,
    text: "Go on behind this place: the `next` of the list before, or the `place` of any message.",
};
const PARTICIPANT: Parameter = Parameter {
    name: "participant",
    kind: Values::Like(BIC),
    is_required: false,
    text: "BIC of the participant whose things are asked for: the caller's own, or for auditors and the operator any.",
};
const FORMAT: Parameter = Parameter {
    name: "format",
    kind: Values::OneOf(&["binary", "json"]),
    is_required: false,
    text: "The file's form; binary where it is missing.",
};
/// As a query says it.
const YES_OR_NO: Values = Values::OneOf(&["true", "false"]);
const CHECKPOINT: Parameter = Parameter {
    name: "checkpoint",
    kind: YES_OR_NO,
    is_required: false,
    text: "With the path from the block to a checkpoint of the log, and the witnesses' cosignatures of that; not where it \
           is missing.",
};
const DETAILS: Parameter = Parameter {
    name: "details",
    kind: YES_OR_NO,
    is_required: false,
    text: "Whether the receipt holds the payment's details, or their digest alone; it does where this is missing.",
};
const LOG: Parameter = Parameter {
    name: "log",
    kind: YES_OR_NO,
    is_required: false,
    text: "By the log of blocks and its checkpoints, the blocks any distance apart; by all headers between where it is \
           missing.",
};
const BLOCK: Parameter = number("block", "Height of the block; the last one where it is missing.");
const CURRENCY: Parameter = Parameter {
    name: "currency",
    kind: Values::Like("^[A-Z]{3}([.][1-9][0-9]?)?$"),
    is_required: false,
    text: "ISO 4217 code, with the number of a product that is cleared apart: `EUR.1`.",
};
const PAGE: &[Parameter] = &[CURSOR, LIMIT];
const OWN_PAGE: &[Parameter] = &[PARTICIPANT, CURSOR, LIMIT];

/// The parts of a route that most have alike.
const fn get(path: &'static str, answer: Answer, run: fn(Call) -> Running) -> Route {
    Route {
        method: Method::Get,
        path,
        operation: "",
        tag: "",
        summary: "",
        roles: READ,
        query: &[],
        body: None,
        answer,
        keeps_own_deadline: false,
        may_stay_unknown: false,
        run,
    }
}

const fn post(path: &'static str, body: Option<Body>, answer: Answer, run: fn(Call) -> Running) -> Route {
    Route { method: Method::Post, body, roles: WRITE, keeps_own_deadline: true, ..get(path, answer, run) }
}

/// Answers with nothing.
const fn delete(path: &'static str, run: fn(Call) -> Running) -> Route {
    Route { method: Method::Delete, ..get(path, Answer::Nothing, run) }
}

const fn named(route: Route, tag: &'static str, operation: &'static str, summary: &'static str) -> Route {
    Route { tag, operation, summary, ..route }
}

const fn asks(route: Route, query: &'static [Parameter]) -> Route {
    Route { query, ..route }
}

const fn may_stay_unknown(route: Route) -> Route {
    Route { may_stay_unknown: true, ..route }
}

const fn by(route: Route, roles: &'static [Role]) -> Route {
    Route { roles, ..route }
}

const fn view<T: ToSchema>() -> Answer {
    Answer::Json(of::<T>())
}

const XML: Option<Body> = Some(Body {
    media_types: &["application/xml", "text/xml"],
    bytes_max: XML_BYTES_MAX,
    schema: None,
    reads: |_| Ok(()),
});

const PNG: Option<Body> =
    Some(Body { media_types: &["image/png"], bytes_max: PICTURE_BYTES_MAX, schema: None, reads: |_| Ok(()) });

type Payment = model::PaymentRequest;
const ONE: usize = BODY_BYTES_MAX;

/// All routes.
pub(crate) static ROUTES: &[Route] = &[
    named(
        asks(get("/v1/accounts", view::<model::Accounts>(), |call| Box::pin(accounts::list(call))), OWN_PAGE),
        "accounts",
        "listAccounts",
        "Accounts with their balances as of the last block",
    ),
    named(
        get("/v1/accounts/{account}", view::<model::AccountView>(), |call| Box::pin(accounts::one(call))),
        "accounts",
        "getAccount",
        "One account with its balance, by its number or one of its names",
    ),
    named(
        asks(
            get("/v1/accounts/{account}/postings", view::<model::Postings>(), |call| {
                Box::pin(accounts::postings(call))
            }),
            PAGE,
        ),
        "accounts",
        "listPostings",
        "What was posted on an account, newest first",
    ),
    named(
        get("/v1/aliases/{alias}", view::<model::Alias>(), |call| Box::pin(accounts::alias(call))),
        "accounts",
        "resolveAlias",
        "The account that a name stands for, of any participant",
    ),
    named(
        post("/v1/transfers", json::<Payment>(ONE), Answer::Transfer, |call| Box::pin(transfers::pay(call))),
        "transfers",
        "createTransfer",
        "Pay; answered once it is durable and decided",
    ),
    named(
        post(
            "/v1/transfers/bulk",
            json::<model::Bulk>(BULK_BYTES_MAX),
            view::<model::BulkReport>(),
            |call| Box::pin(bulk::pay(call)),
        ),
        "transfers",
        "createTransfers",
        "Pay many: all or none, each on its own, or in order until one is refused",
    ),
    named(
        get("/v1/transfers/{uetr}", view::<model::TransferDetail>(), |call| Box::pin(transfers::one(call))),
        "transfers",
        "getTransfer",
        "What became of a transfer, and how far it has come",
    ),
    named(
        by(
            asks(
                get("/v1/transfers/{uetr}/receipt", Answer::Proof, |call| Box::pin(proofs::receipt(call))),
                &[DETAILS, CHECKPOINT, FORMAT],
            ),
            PROVE,
        ),
        "proofs",
        "getReceipt",
        "The file that proves offline what became of a transfer",
    ),
    named(
        by(
            asks(
                get("/v1/transfers/{uetr}/batch", Answer::Proof, |call| Box::pin(proofs::batch(call))),
                &[CHECKPOINT, FORMAT],
            ),
            PROVE,
        ),
        "proofs",
        "proveBatch",
        "Proof that its submitter signed the batch of a transfer; for the submitter, and those who see all",
    ),
    named(
        asks(post("/v1/iso20022", XML, Answer::Reply, |call| Box::pin(iso20022::take(call))), &[HANDLING]),
        "messages",
        "sendMessage",
        "Send any message that the inbox takes; answered as a file is, by an admi.002 (400) where it can't be read",
    ),
    named(
        asks(
            get("/v1/iso20022/messages", view::<model::Messages>(), |call| Box::pin(iso20022::list(call))),
            &[PARTICIPANT, AFTER, LIMIT],
        ),
        "messages",
        "listMessages",
        "Messages to the caller that answer none of its own at once: passed on by others, or told later; oldest first",
    ),
    named(
        get("/v1/iso20022/messages/{message}", Answer::Xml, |call| Box::pin(iso20022::one(call))),
        "messages",
        "getMessage",
        "A message to the caller, as XML",
    ),
    named(
        post("/v1/returns", json::<model::ReturnRequest>(ONE), Answer::Transfer, |call| {
            Box::pin(transfers::give_back_to(call))
        }),
        "transfers",
        "createReturn",
        "Send back what a payment brought, in full or in part",
    ),
    named(
        post("/v1/codes", json::<model::CodeRequest>(ONE), view::<model::CodeView>(), |call| {
            Box::pin(codes::make(call))
        }),
        "codes",
        "createCode",
        "Make a QR code by which an own account is paid: once, or any number of times",
    ),
    named(
        by(
            post("/v1/codes/read", json::<model::ScannedCode>(ONE), view::<model::CodeMeaning>(), |call| {
                Box::pin(codes::read(call))
            }),
            READ,
        ),
        "codes",
        "readCode",
        "What a scanned code asks to be paid, to be shown before it is",
    ),
    named(
        by(
            post("/v1/codes/scan", PNG, view::<model::CodeMeaning>(), |call| Box::pin(codes::scan(call))),
            READ,
        ),
        "codes",
        "scanCode",
        "What the code in a picture asks to be paid, with its payload",
    ),
    named(
        post("/v1/codes/pay", json::<model::CodePayment>(ONE), Answer::Transfer, |call| {
            Box::pin(codes::pay(call))
        }),
        "codes",
        "payCode",
        "Pay a scanned code",
    ),
    named(
        post("/v1/tokens", json::<model::TokenRequest>(ONE), view::<model::CodeView>(), |call| {
            Box::pin(codes::make_token(call))
        }),
        "codes",
        "createToken",
        "Make a token by which an own account is charged once, up to an amount",
    ),
    named(
        post("/v1/tokens/charge", json::<model::Charge>(ONE), Answer::Transfer, |call| {
            Box::pin(codes::charge(call))
        }),
        "codes",
        "chargeToken",
        "Charge a scanned token in favour of an own account",
    ),
    named(
        post("/v1/holds", json::<Payment>(ONE), Answer::Transfer, |call| Box::pin(holds::place(call))),
        "holds",
        "createHold",
        "Reserve an amount",
    ),
    named(
        asks(get("/v1/holds", view::<model::Holds>(), |call| Box::pin(holds::list(call))), OWN_PAGE),
        "holds",
        "listHolds",
        "Pending holds from and to the caller's accounts",
    ),
    named(
        post("/v1/holds/{uetr}/post", json::<model::PostRequest>(ONE), Answer::Transfer, |call| {
            Box::pin(holds::post(call))
        }),
        "holds",
        "postHold",
        "Move a hold, in full or in part",
    ),
    named(
        post("/v1/holds/{uetr}/void", json::<model::OptionalId>(ONE), Answer::Transfer, |call| {
            Box::pin(holds::void(call))
        }),
        "holds",
        "voidHold",
        "Give a hold back",
    ),
    named(
        asks(get("/v1/queue", view::<model::Queued>(), |call| Box::pin(queue::list(call))), OWN_PAGE),
        "queue",
        "listQueue",
        "Payments of the caller's that wait",
    ),
    named(
        post("/v1/queue/{uetr}/amend", json::<model::Amend>(ONE), Answer::Transfer, |call| {
            Box::pin(queue::amend(call))
        }),
        "queue",
        "amendQueued",
        "Give a payment that waits another class, time or place",
    ),
    named(
        post("/v1/queue/{uetr}/revoke", json::<model::OptionalId>(ONE), Answer::Transfer, |call| {
            Box::pin(queue::revoke(call))
        }),
        "queue",
        "revokeQueued",
        "Take a payment that waits back",
    ),
    named(
        get("/v1/fx/rates", view::<model::Rates>(), |call| Box::pin(exchange::rates(call))),
        "exchange",
        "listRates",
        "Firm rates of all providers",
    ),
    named(
        post("/v1/fx/quotes/draft", json::<model::QuoteRequest>(ONE), view::<model::Draft>(), |call| {
            Box::pin(exchange::draft(call))
        }),
        "exchange",
        "draftQuote",
        "What the caller's participant signs to lock a quote",
    ),
    named(
        may_stay_unknown(post(
            "/v1/fx/quotes",
            json::<model::QuoteOrder>(ONE),
            view::<model::QuoteView>(),
            |call| Box::pin(exchange::lock(call)),
        )),
        "exchange",
        "lockQuote",
        "Lock a rate: two amounts, firm until the quote ends",
    ),
    named(
        get("/v1/fx/quotes/{uetr}", view::<model::QuoteView>(), |call| Box::pin(exchange::quote(call))),
        "exchange",
        "getQuote",
        "A locked quote of the caller's, as its requester or provider",
    ),
    named(
        may_stay_unknown(post(
            "/v1/fx/trades",
            json::<model::TradeRequest>(ONE),
            view::<model::TradeView>(),
            |call| Box::pin(exchange::trade(call)),
        )),
        "exchange",
        "createTrade",
        "Trade on a quote: payment versus payment",
    ),
    named(
        by(
            asks(get("/v1/cycles", view::<model::Cycles>(), |call| Box::pin(cycles::list(call))), PAGE),
            PROVE,
        ),
        "settlement",
        "listCycles",
        "Settlement cycles, newest first",
    ),
    named(
        by(get("/v1/cycles/{cycle}", view::<model::CycleView>(), |call| Box::pin(cycles::one(call))), PROVE),
        "settlement",
        "getCycle",
        "One settlement cycle",
    ),
    named(
        asks(
            get("/v1/positions", view::<model::Positions>(), |call| Box::pin(positions::list(call))),
            &[
                PARTICIPANT,
                CURRENCY,
                number("cycle", "Number of the cycle; the open one where it is missing."),
            ],
        ),
        "settlement",
        "listPositions",
        "Positions in a cycle",
    ),
    named(
        asks(
            get("/v1/statements", Answer::Xml, |call| Box::pin(statements::one(call))),
            &[
                Parameter {
                    name: "message",
                    kind: Values::OneOf(&["camt.052", "camt.053", "camt.054"]),
                    is_required: false,
                    text: "Report, statement (of a closed cycle) or notification; camt.053 where it is missing.",
                },
                PARTICIPANT,
                CURRENCY,
                text("account", "An account instead of a position: its number or one of its names."),
                number(
                    "cycle",
                    "Number of the cycle; the last closed (camt.053) or the open one where it is missing.",
                ),
            ],
        ),
        "settlement",
        "getStatement",
        "A statement of a cycle as an ISO 20022 message",
    ),
    named(
        by(
            asks(get("/v1/blocks", view::<model::Blocks>(), |call| Box::pin(blocks::list(call))), PAGE),
            PROVE,
        ),
        "blocks",
        "listBlocks",
        "Sealed blocks, newest first",
    ),
    named(
        by(get("/v1/blocks/{height}", view::<model::BlockView>(), |call| Box::pin(blocks::one(call))), PROVE),
        "blocks",
        "getBlock",
        "The signed header of a sealed block",
    ),
    named(
        by(
            get("/v1/checkpoint", view::<model::CheckpointView>(), |call| Box::pin(blocks::checkpoint(call))),
            PROVE,
        ),
        "blocks",
        "getCheckpoint",
        "Which chain this is, who signs it, and how far it has come",
    ),
    named(
        by(
            asks(
                get("/v1/proofs/position", Answer::Proof, |call| Box::pin(proofs::position(call))),
                &[PARTICIPANT, required(CURRENCY), BLOCK, CHECKPOINT, FORMAT],
            ),
            PROVE,
        ),
        "proofs",
        "provePosition",
        "Proof of a position at the end of a block",
    ),
    named(
        by(
            asks(
                get("/v1/proofs/completeness", Answer::Proof, |call| Box::pin(proofs::completeness(call))),
                &[PARTICIPANT, required(CURRENCY), BLOCK, CHECKPOINT, FORMAT],
            ),
            PROVE,
        ),
        "proofs",
        "proveCompleteness",
        "All transfers of a participant in a block, and the proof that there are no others",
    ),
    named(
        by(
            asks(
                get("/v1/proofs/balance", Answer::Proof, |call| Box::pin(proofs::balance(call))),
                &[required(text("account", "Its number or one of its names.")), BLOCK, CHECKPOINT, FORMAT],
            ),
            PROVE,
        ),
        "proofs",
        "proveBalance",
        "Proof of an account's balance after a block",
    ),
    named(
        by(
            asks(
                get("/v1/proofs/consistency", Answer::Proof, |call| Box::pin(proofs::of_blocks(call))),
                &[
                    required(number("old", "Height of the earlier block.")),
                    number("new", "Height of the later block; the last one where it is missing."),
                    LOG,
                    FORMAT,
                ],
            ),
            PROVE,
        ),
        "proofs",
        "proveConsistency",
        "Proof that one block is an ancestor of another",
    ),
    named(
        by(
            asks(
                get("/v1/proofs/settlement", Answer::Proof, |call| Box::pin(proofs::settlement(call))),
                &[
                    required(number("cycle", "Number of a cycle that is closed.")),
                    required(CURRENCY),
                    bank("debtor", "BIC of who pays."),
                    bank("creditor", "BIC of who is paid."),
                    CHECKPOINT,
                    FORMAT,
                ],
            ),
            PROVE_ALL,
        ),
        "proofs",
        "proveSettlement",
        "Proof of an obligation of a closed cycle; it shows all positions, so it is for those who see all",
    ),
    named(
        by(
            post("/v1/webhooks", json::<model::WebhookRequest>(ONE), view::<model::NewWebhook>(), |call| {
                Box::pin(webhooks::register(call))
            }),
            REGISTER,
        ),
        "events",
        "createWebhook",
        "Have the participant's events told to an address that the operator allows it; the secret is shown this once",
    ),
    named(
        asks(
            get("/v1/webhooks", view::<model::Webhooks>(), |call| Box::pin(webhooks::list(call))),
            &[PARTICIPANT],
        ),
        "events",
        "listWebhooks",
        "Registered webhooks, and how far each was told",
    ),
    named(
        by(delete("/v1/webhooks/{webhook}", |call| Box::pin(webhooks::remove(call))), REGISTER),
        "events",
        "deleteWebhook",
        "Have nothing more told to a registered webhook",
    ),
    named(
        by(
            post(
                "/v1/webhooks/{webhook}/replay",
                json::<model::ReplayRequest>(ONE),
                view::<model::WebhookView>(),
                |call| Box::pin(webhooks::replay(call)),
            ),
            REGISTER,
        ),
        "events",
        "replayWebhook",
        "Have everything from a sequence on told again",
    ),
    named(
        asks(
            get("/v1/events", Answer::Events(of::<model::EventView>()), |call| {
                Box::pin(events::stream(call))
            }),
            &[number("after", "Go on behind this sequence, as the header Last-Event-ID says it.")],
        ),
        "events",
        "streamEvents",
        "The caller's transfers as server-sent events, once they are sealed",
    ),
];

/// A route as it is served: what a test holds against its own table.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// `GET`, `POST` or `DELETE`. What is answered to GET is to HEAD too, without its body.
    pub method: &'static str,
    /// With `{…}` where a part varies.
    pub path: &'static str,
    /// Any of these may.
    pub roles: &'static [Role],
}

/// All routes, in the order in which they are matched.
pub fn served() -> impl Iterator<Item = Served> {
    ROUTES.iter().map(|route| Served { method: route.method.as_text(), path: route.path, roles: route.roles })
}

/// For the fuzz target and the test of costs: reads JSON as the body of a route that takes it.
///
/// # Errors
/// The status of the problem.
#[doc(hidden)]
pub fn read_body(route: Served, body: &[u8]) -> Result<(), u16> {
    let found = found(route).and_then(|route| route.body.as_ref());
    found.map_or(Ok(()), |taken| (taken.reads)(body)).map_err(|problem| status(&problem))
}

/// For the fuzz target and the test of costs: holds a text to what a route takes as its query.
///
/// # Errors
/// The status of the problem.
#[doc(hidden)]
pub fn read_query(route: Served, text: &str) -> Result<(), u16> {
    found(route).map_or(Ok(()), |route| query::check(route, text)).map_err(|problem| status(&problem))
}

fn found(served: Served) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.method.as_text() == served.method && route.path == served.path)
}

/// As it is answered: a problem that can't be written is a fault.
fn status(problem: &Problem) -> u16 {
    problem.response().status().as_u16()
}
