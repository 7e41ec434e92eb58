//! QR codes: made, read, paid, charged. What a code is, and why one pays once, stands in `codes/`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, rt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feiqian_core::account::AccountHandle;
use feiqian_core::currency::Currency;
use feiqian_core::outcome::Outcome as Decision;
use feiqian_core::participant::ParticipantHandle;
use feiqian_core::transfer::Record;
use feiqian_emvqr::limits::SCAN_PIXELS_MAX;
use feiqian_emvqr::pictures::{Correction, Picture, png_size};
use feiqian_files::timestamp::{date_time, now};
use feiqian_iso20022::codes as iso;

use super::shown::{agent, fault};
use crate::api::{Call, answer};
use crate::codes::{ChargeToken, CodeFault, Kind as CodeKind, Once, PaymentCode, Shown};
use crate::instruct::{self, Kind, id_text, shown};
use crate::limits::{
    CODE_ATTEMPTS_MAX, CODE_EXPIRES_S, CODE_EXPIRES_S_MAX, CODE_MODULE_PIXELS, TOKEN_EXPIRES_S,
    TOKEN_EXPIRES_S_MAX,
};
use crate::model::{
    Charge, CodeMeaning, CodePayment, CodeRequest, CodeView, Money, PaymentRequest, PictureKind, ScannedCode,
    Seconds, TokenRequest,
};
use crate::outcome::{Decided, told, view};
use crate::problem::{Outcome, Problem};
use crate::scanner::Scanned;

const SECOND: u64 = 1_000_000_000;

/// `POST /v1/codes`.
pub(crate) async fn make(call: Call) -> Outcome<HttpResponse> {
    let request: CodeRequest = call.json()?;
    let directory = call.api.engine.directory();
    let creditor = instruct::own_account(directory, call.own()?, &request.creditor, "/creditor")?;
    let (_, currency, _) = directory.account(creditor).ok_or_else(Problem::fault)?;
    if currency.product() != 0 {
        let detail = format!("a code says no product; show one of an account in {}", currency.iso());
        return Err(Problem::field("/creditor", detail));
    }
    let once = match (&request.amount, request.expires_s) {
        (Some(amount), expires) => Some(Once {
            amount: instruct::money_in(amount, currency, "/amount")?,
            code: instruct::new_id()?,
            expires_s: expiry(expires, (CODE_EXPIRES_S, CODE_EXPIRES_S_MAX))?,
        }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(Problem::field("/expires_s", "a code without an amount does not expire"));
        }
    };
    let code = PaymentCode {
        creditor,
        currency,
        shown: Shown {
            name: request.name,
            city: request.city,
            country: request.country,
            category: request.category.unwrap_or_else(|| "0000".to_owned()),
            reference: request.reference,
        },
        once,
    };
    let payload =
        code.write(&call.api.codes).map_err(|error| Problem::field(field_of(&error), error.to_string()))?;
    made(payload, once.map(|once| once.expires_s), request.picture)
}

/// `POST /v1/codes/read`.
pub(crate) async fn read(call: Call) -> Outcome<HttpResponse> {
    let request: ScannedCode = call.json()?;
    answer(&meaning(&call, &request.payload).await?)
}

/// `POST /v1/codes/scan`.
pub(crate) async fn scan(call: Call) -> Outcome<HttpResponse> {
    let Some(scanner) = &call.api.scanner else {
        return Err(Problem::absent("pictures are not read here: send the text to /v1/codes/read"));
    };
    // Before a process is begun for it: what its first bytes say it would take.
    let (width, height) = png_size(&call.body).ok_or_else(|| Problem::picture("it is no PNG"))?;
    if u64::from(width) * u64::from(height) > SCAN_PIXELS_MAX as u64 {
        return Err(Problem::picture(format!("it has more than {SCAN_PIXELS_MAX} pixels: scale it down")));
    }
    let busy = || Problem::busy("too many pictures at once");
    let turn = rt::time::timeout(call.api.options.answer_timeout, call.api.scans.acquire()).await;
    let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
    let payload = match scanner.scan(&call.body).await {
        Scanned::Payload(payload) => payload,
        Scanned::NoCode => return Err(Problem::picture("no code is found in it: take another")),
        Scanned::NoPicture => return Err(Problem::picture("it is no PNG, damaged, or too large")),
        Scanned::Failed => return Err(Problem::picture("it could not be read in time: take another")),
    };
    let meaning = meaning(&call, &payload).await?;
    answer(&CodeMeaning { payload: Some(payload), ..meaning })
}

/// What a payload asks to be paid.
async fn meaning(call: &Call, payload: &str) -> Outcome<CodeMeaning> {
    let code = PaymentCode::read(payload, &call.api.codes).map_err(|fault| refused(&fault))?;
    let PaymentCode { creditor, currency, shown: Shown { name, city, country, category, reference }, once } =
        code;
    let paid_by = match &once {
        Some(once) => match standing(call, CodeKind::Payment, once.code).await? {
            Standing::Paid(paid) => Some(id_text(paid.record.uetr.get())),
            Standing::Open(_) => None,
        },
        None => None,
    };
    let agent = call.api.engine.directory().registry(|registry| agent(registry, creditor));
    Ok(CodeMeaning {
        payload: None,
        creditor,
        creditor_agent: agent,
        name,
        city,
        country,
        category,
        currency: currency.code(),
        amount: once.map(|once| shown(once.amount, currency)),
        reference,
        expires: once.map(|once| time(once.expires_s)),
        paid_by,
    })
}

/// `POST /v1/codes/pay`.
pub(crate) async fn pay(call: Call) -> Outcome<HttpResponse> {
    let request: CodePayment = call.json()?;
    let own = call.own()?;
    let code = PaymentCode::read(&request.payload, &call.api.codes).map_err(|fault| refused(&fault))?;
    let directory = call.api.engine.directory();
    let debtor = instruct::own_account(directory, own, &request.debtor, "/debtor")?;
    let accounts = [debtor, code.creditor];
    let Some(once) = code.once else {
        let missing = || Problem::field("/amount", "the code does not say how much: say it");
        let amount = request.amount.ok_or_else(missing)?;
        instruct::money_in(&amount, code.currency, "/amount")?;
        let payment = payment(request.uetr, accounts, amount, code.shown.reference);
        return submit(&call, own, &payment).await;
    };
    if request.uetr.is_some() {
        return Err(Problem::field("/uetr", "the code says which transfer it is: leave this out"));
    }
    let amount = amount_of(request.amount.as_ref(), &once, code.currency)?;
    match standing(&call, CodeKind::Payment, once.code).await? {
        Standing::Paid(paid) => again(&paid, accounts, once.amount),
        Standing::Open(id) => {
            in_time(once.expires_s)?;
            let payment = payment(Some(id_text(id)), accounts, amount, code.shown.reference);
            submit(&call, own, &payment).await
        }
    }
}

/// `POST /v1/tokens`.
pub(crate) async fn make_token(call: Call) -> Outcome<HttpResponse> {
    let request: TokenRequest = call.json()?;
    let directory = call.api.engine.directory();
    let debtor = instruct::own_account(directory, call.own()?, &request.debtor, "/debtor")?;
    let (_, currency, _) = directory.account(debtor).ok_or_else(Problem::fault)?;
    let token = ChargeToken {
        code: instruct::new_id()?,
        debtor,
        limit: instruct::money_in(&request.limit, currency, "/limit")?,
        currency,
        expires_s: expiry(request.expires_s, (TOKEN_EXPIRES_S, TOKEN_EXPIRES_S_MAX))?,
    };
    let payload = token.write(&call.api.codes).map_err(|_| Problem::fault())?;
    made(payload, Some(token.expires_s), request.picture)
}

/// `POST /v1/tokens/charge`: submitted for the participant that has made the token, whose word it is.
pub(crate) async fn charge(call: Call) -> Outcome<HttpResponse> {
    let request: Charge = call.json()?;
    let directory = call.api.engine.directory();
    let creditor = instruct::own_account(directory, call.own()?, &request.creditor, "/creditor")?;
    let token = ChargeToken::read(&request.payload, &call.api.codes).map_err(|fault| refused(&fault))?;
    let amount = instruct::money_in(&request.amount, token.currency, "/amount")?;
    if amount > token.limit {
        let limit = shown(token.limit, token.currency);
        let detail = format!("the token lets {} {} be charged at the most", limit.currency, limit.amount);
        return Err(Problem::code("code_amount", "/amount", detail).because(iso::AM02));
    }
    let accounts = [token.debtor, creditor];
    match standing(&call, CodeKind::Charge, token.code).await? {
        Standing::Paid(paid) => again(&paid, accounts, amount),
        Standing::Open(id) => {
            in_time(token.expires_s)?;
            let (owner, ..) = directory.account(token.debtor).ok_or_else(Problem::fault)?;
            let payment = payment(Some(id_text(id)), accounts, request.amount, request.reference);
            submit(&call, owner, &payment).await
        }
    }
}

async fn submit(call: &Call, payer: ParticipantHandle, payment: &PaymentRequest) -> Outcome<HttpResponse> {
    let directory = call.api.engine.directory();
    call.pay(payer, instruct::payment(directory, payer, (payment, Kind::Transfer), "")?).await
}

fn payment(
    uetr: Option<String>,
    accounts: [AccountHandle; 2],
    amount: Money,
    end_to_end_id: Option<String>,
) -> PaymentRequest {
    let [debtor, creditor] = accounts.map(|account| account.to_string());
    let (purpose, remittance, queue, timeout_s) = (None, None, None, None);
    PaymentRequest { uetr, debtor, creditor, amount, purpose, end_to_end_id, remittance, queue, timeout_s }
}

/// How far a code that pays once, or a token, has come.
enum Standing {
    /// A transfer has paid it.
    Paid(Box<Paid>),
    /// The transfer of this id is to pay it: those before it were refused.
    Open(u128),
}

/// The transfer that has paid a code.
struct Paid {
    record: Record,
    decided: Decided,
}

async fn standing(call: &Call, kind: CodeKind, code: u128) -> Outcome<Standing> {
    let key = call.api.codes.clone();
    call.ask(move |engine| {
        for attempt in 0..CODE_ATTEMPTS_MAX {
            let id = key.transfer(kind, code, attempt);
            let Some(sequence) = engine.find(id) else { return Ok(Standing::Open(id)) };
            let under_way = || Problem::busy("it is being paid");
            let (entry, row) = engine.entry(sequence).map_err(fault)?.ok_or_else(under_way)?;
            if row.outcome() != Some(Decision::Rejected) {
                let decided = Decided { sequence, timestamp: entry.timestamp, row, is_repeated: true };
                return Ok(Standing::Paid(Box::new(Paid { record: entry.record, decided })));
            }
        }
        let detail = "its payment was refused too often: ask for a new one";
        Err(Problem::code("code_spent", "/payload", detail))
    })
    .await
}

/// What was paid before, to whoever pays the same again; to others that it is paid.
fn again(paid: &Paid, [debtor, creditor]: [AccountHandle; 2], amount: u64) -> Outcome<HttpResponse> {
    let record = &paid.record;
    if (record.debtor.get(), record.creditor.get(), record.amount.get()) != (debtor, creditor, amount) {
        return Err(Problem::code_paid());
    }
    let currency = Currency::from_numeric(record.currency.get());
    Ok(told(StatusCode::OK, &view(record.uetr.get(), &paid.decided, currency)))
}

/// The code's amount; another that the payer says is a sign that something was shown to them that is not there.
fn amount_of(said: Option<&Money>, once: &Once, currency: Currency) -> Outcome<Money> {
    let asked = shown(once.amount, currency);
    if let Some(said) = said
        && instruct::money_in(said, currency, "/amount")? != once.amount
    {
        let detail = format!("the code asks for {} {}", asked.currency, asked.amount);
        return Err(Problem::code("code_amount", "/amount", detail).because(iso::AM09));
    }
    Ok(Money { amount: asked.amount, currency: asked.currency.to_owned() })
}

/// Seconds since 1970 at which something made now expires.
fn expiry(given: Option<Seconds>, (otherwise, max): (u32, u32)) -> Outcome<u64> {
    let seconds = given.map_or(otherwise, Seconds::get);
    if !(1..=max).contains(&seconds) {
        return Err(Problem::field("/expires_s", format!("1 to {max} seconds")));
    }
    Ok(now() / SECOND + u64::from(seconds))
}

/// Refuses what has expired and was not paid before.
fn in_time(expires_s: u64) -> Outcome<()> {
    if now() / SECOND < expires_s {
        return Ok(());
    }
    let detail = format!("it was good until {}: ask for a new one", time(expires_s));
    Err(Problem::code("code_expired", "/payload", detail).because(iso::TM01))
}

fn refused(fault: &CodeFault) -> Problem {
    Problem::code(fault.kind(), "/payload", fault.to_string()).because(fault.reason())
}

fn made(payload: String, expires_s: Option<u64>, picture: Option<PictureKind>) -> Outcome<HttpResponse> {
    let picture = picture.map(|kind| draw(&payload, kind)).transpose()?;
    answer(&CodeView { payload, expires: expires_s.map(time), picture })
}

fn draw(payload: &str, kind: PictureKind) -> Outcome<String> {
    let picture = Picture::of(payload, Correction::Medium).map_err(|_| Problem::fault())?;
    match kind {
        PictureKind::Svg => Ok(picture.to_svg()),
        PictureKind::Png => {
            let png = picture.to_png(CODE_MODULE_PIXELS).map_err(|_| Problem::fault())?;
            Ok(STANDARD.encode(png))
        }
    }
}

fn time(seconds: u64) -> String {
    date_time(seconds.saturating_mul(SECOND))
}

/// The request's field that a data object was made of.
fn field_of(error: &feiqian_emvqr::Error) -> &'static str {
    let place = error.place.to_string();
    match place.split('.').next() {
        Some("52") => "/category",
        Some("54") => "/amount",
        Some("58") => "/country",
        Some("59") => "/name",
        Some("60") => "/city",
        Some("62") => "/reference",
        _ => "",
    }
}
