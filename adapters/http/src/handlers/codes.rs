//! QR codes: made, read, paid, charged. What a code is stands in `codes/`; that one pays once is the engine's doing, by
//! the id that the code carries.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use feiqian_core::currency::Currency;
use feiqian_emvqr::pictures::{Correction, Picture};
use feiqian_files::timestamp::{date_time, now};
use feiqian_iso20022::codes as iso;

use super::shown::agent;
use crate::api::{Call, answer};
use crate::codes::{ChargeToken, CodeFault, Once, PaymentCode, Shown};
use crate::instruct::{self, Kind, id_text, shown};
use crate::limits::{
    CODE_EXPIRES_S, CODE_EXPIRES_S_MAX, CODE_MODULE_PIXELS, TOKEN_EXPIRES_S, TOKEN_EXPIRES_S_MAX,
};
use crate::model::{
    Charge, CodeMeaning, CodePayment, CodeRequest, CodeView, Money, PaymentRequest, PictureKind, ScannedCode,
    TokenRequest,
};
use crate::problem::{Outcome, Problem};

const SECOND: u64 = 1_000_000_000;

/// `POST /v1/codes`.
pub(crate) async fn make(call: Call) -> Outcome<HttpResponse> {
    let request: CodeRequest = call.json()?;
    let directory = call.api.engine.directory();
    let creditor = instruct::own_account(directory, call.own()?, &request.creditor, "/creditor")?;
    let (_, currency, _) = directory.account(creditor).ok_or_else(Problem::fault)?;
    let once = match (&request.amount, request.expires_s) {
        (Some(amount), expires) => Some(Once {
            amount: instruct::money_in(amount, currency, "/amount")?,
            id: instruct::new_id()?,
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
    made(payload, once.map(|once| (once.id, once.expires_s)), request.picture)
}

/// `POST /v1/codes/read`.
pub(crate) async fn read(call: Call) -> Outcome<HttpResponse> {
    let request: ScannedCode = call.json()?;
    let code = PaymentCode::read(&request.payload, &call.api.codes).map_err(|fault| refused(&fault))?;
    let PaymentCode { creditor, currency, shown: Shown { name, city, country, category, reference }, once } =
        code;
    let agent = call.api.engine.directory().registry(|registry| agent(registry, creditor));
    answer(&CodeMeaning {
        creditor,
        creditor_agent: agent,
        name,
        city,
        country,
        category,
        currency: currency.code(),
        amount: once.map(|once| shown(once.amount, currency)),
        reference,
        uetr: once.map(|once| id_text(once.id)),
        expires: once.map(|once| time(once.expires_s)),
    })
}

/// `POST /v1/codes/pay`.
pub(crate) async fn pay(call: Call) -> Outcome<HttpResponse> {
    let request: CodePayment = call.json()?;
    let own = call.own()?;
    let code = PaymentCode::read(&request.payload, &call.api.codes).map_err(|fault| refused(&fault))?;
    let (amount, uetr) = match code.once {
        Some(once) => (amount_of(&request, &once, code.currency)?, once_id(&request, &once)?),
        None => {
            let missing = || Problem::field("/amount", "the code does not say how much: say it");
            (request.amount.clone().ok_or_else(missing)?, request.uetr.clone())
        }
    };
    instruct::money_in(&amount, code.currency, "/amount")?;
    let payment = payment(uetr, (request.debtor, code.creditor.to_string()), amount, code.shown.reference);
    let directory = call.api.engine.directory();
    let instruction = instruct::payment(directory, own, (&payment, Kind::Transfer), "")?;
    if let Some(once) = code.once {
        in_time(&call, once.id, once.expires_s).await?;
    }
    call.pay(own, instruction).await
}

/// `POST /v1/tokens`.
pub(crate) async fn make_token(call: Call) -> Outcome<HttpResponse> {
    let request: TokenRequest = call.json()?;
    let directory = call.api.engine.directory();
    let debtor = instruct::own_account(directory, call.own()?, &request.debtor, "/debtor")?;
    let (_, currency, _) = directory.account(debtor).ok_or_else(Problem::fault)?;
    let token = ChargeToken {
        id: instruct::new_id()?,
        debtor,
        limit: instruct::money_in(&request.limit, currency, "/limit")?,
        currency,
        expires_s: expiry(request.expires_s, (TOKEN_EXPIRES_S, TOKEN_EXPIRES_S_MAX))?,
    };
    let payload = token.write(&call.api.codes).map_err(|_| Problem::fault())?;
    made(payload, Some((token.id, token.expires_s)), request.picture)
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
    let (owner, ..) = directory.account(token.debtor).ok_or_else(Problem::fault)?;
    let accounts = (token.debtor.to_string(), creditor.to_string());
    let payment = payment(Some(id_text(token.id)), accounts, request.amount, request.reference);
    let instruction = instruct::payment(directory, owner, (&payment, Kind::Transfer), "")?;
    in_time(&call, token.id, token.expires_s).await?;
    call.pay(owner, instruction).await
}

fn payment(
    uetr: Option<String>,
    (debtor, creditor): (String, String),
    amount: Money,
    end_to_end_id: Option<String>,
) -> PaymentRequest {
    let (purpose, remittance, queue, timeout_s) = (None, None, None, None);
    PaymentRequest { uetr, debtor, creditor, amount, purpose, end_to_end_id, remittance, queue, timeout_s }
}

/// The code's amount; another that the payer says is a sign that something was shown to them that is not there.
fn amount_of(request: &CodePayment, once: &Once, currency: Currency) -> Outcome<Money> {
    let asked = shown(once.amount, currency);
    if let Some(said) = &request.amount
        && instruct::money_in(said, currency, "/amount")? != once.amount
    {
        let detail = format!("the code asks for {} {}", asked.currency, asked.amount);
        return Err(Problem::code("code_amount", "/amount", detail).because(iso::AM09));
    }
    Ok(Money { amount: asked.amount, currency: asked.currency.to_owned() })
}

fn once_id(request: &CodePayment, once: &Once) -> Outcome<Option<String>> {
    let own = id_text(once.id);
    match &request.uetr {
        Some(said) if !said.eq_ignore_ascii_case(&own) => {
            Err(Problem::field("/uetr", "the code says which transfer it is: leave this out"))
        }
        _ => Ok(Some(own)),
    }
}

/// Seconds since 1970 at which something made now expires.
fn expiry(given: Option<u32>, (otherwise, max): (u32, u32)) -> Outcome<u64> {
    let seconds = given.unwrap_or(otherwise);
    if !(1..=max).contains(&seconds) {
        return Err(Problem::field("/expires_s", format!("1 to {max} seconds")));
    }
    Ok(now() / SECOND + u64::from(seconds))
}

/// Refuses what has expired, unless it was paid before: then that is answered again.
async fn in_time(call: &Call, id: u128, expires_s: u64) -> Outcome<()> {
    if now() / SECOND < expires_s || call.ask(move |engine| Ok(engine.find(id).is_some())).await? {
        return Ok(());
    }
    let detail = format!("it was good until {}: ask for a new one", time(expires_s));
    Err(Problem::code("code_expired", "/payload", detail).because(iso::TM01))
}

fn refused(fault: &CodeFault) -> Problem {
    Problem::code(fault.kind(), "/payload", fault.to_string())
}

fn made(payload: String, once: Option<(u128, u64)>, picture: Option<PictureKind>) -> Outcome<HttpResponse> {
    let picture = picture.map(|kind| draw(&payload, kind)).transpose()?;
    answer(&CodeView {
        payload,
        uetr: once.map(|(id, _)| id_text(id)),
        expires: once.map(|(_, expires_s)| time(expires_s)),
        picture,
    })
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
