//! Account queries (camt.003), answered by a camt.004: what is on the accounts of who asks, as of the last block. Another's
//! account is answered as one that there is not (I7).

use feiqian_core::account::{AccountHandle, UNLIMITED};
use feiqian_core::currency::Currency;
use feiqian_core::participant::ParticipantHandle;
use feiqian_iso20022::account_query::{
    AccountAnswer, AccountCriteria, AccountQuery, AccountTold, BalanceTold,
};
use feiqian_iso20022::codes;
use feiqian_iso20022::payment::{AccountId, Refusal};
use feiqian_iso20022::write::camt004;
use feiqian_runtime::directory::Directory;
use feiqian_runtime::pipeline::Engine;

use super::answering;
use crate::after::AfterFault;
use crate::inbox::InboxFile;
use crate::intake::Intake;
use crate::limits::QUERIED_ACCOUNTS_MAX;
use crate::report::{Disposition, FileReport};
use crate::resolve::{Names, aliases_of, refuse};
use crate::source::Source;
use crate::timestamp::date_time;

/// Said of an account that is not the asker's, or that there is not.
const UNKNOWN: &str = "UNKNOWN ACCOUNT";

/// Answers an account query.
pub(crate) fn tell(intake: &Intake<'_>, file: &InboxFile, source: &Source) -> Result<FileReport, AfterFault> {
    let query = AccountQuery::read(source.reader()?, intake.options.limits)?;
    let accounts = accounts(intake, &query);
    let reason = accounts.as_ref().err().map(|refusal| refusal.text.clone());
    let (id, message_type) = (format!("FQB{}", source.tag(24)), query.answer_type());
    let answer = AccountAnswer {
        message_type,
        business: answering(intake, query.business.as_ref(), (&id, message_type)),
        message_id: id,
        creation: date_time(intake.now),
        query: (query.message_id.clone(), query.message_type, query.creation.clone()),
        accounts,
    };
    let name = format!("{}.camt.004.xml", source.stem());
    intake.answer(&name, |out| camt004(out, &answer))?;
    intake.dispose(source, &intake.options.work.archive())?;
    Ok(FileReport {
        message_type: Some(query.message_type.identifier().to_owned()),
        message_id: Some(query.message_id),
        answer: Some(name),
        reason,
        ..FileReport::new(&file.name, Disposition::Answered)
    })
}

/// An account of the asker's, or none, with the name that it is told under.
type Found = (AccountId, Option<AccountHandle>);

fn accounts(intake: &Intake<'_>, query: &AccountQuery) -> Result<Vec<AccountTold>, Refusal> {
    let (engine, names) = (intake.engine, intake.engine.directory());
    let asker = intake.sender(None, query.business.as_ref())?;
    if let Some(element) = query.other {
        let text = format!("{element} asks for what is not told here; ask by AcctId/EQ and Ccy");
        return refuse(codes::AG03, text);
    }
    let all = [AccountCriteria::default()];
    let criteria = if query.criteria.is_empty() { all.as_slice() } else { &query.criteria };
    let found: Vec<Found> = criteria.iter().flat_map(|one| found(names, asker, one)).collect();
    match found.len() {
        0 => refuse(codes::AC01, "no account of the asker fits; ask for others".to_owned()),
        count if count > QUERIED_ACCOUNTS_MAX => refuse(
            codes::AG03,
            format!("more than {QUERIED_ACCOUNTS_MAX} accounts are asked for; ask for fewer"),
        ),
        _ => Ok(told(engine, found)),
    }
}

/// The accounts of one criterion: those named, or all that the asker clears by.
fn found(names: &Directory, asker: ParticipantHandle, criterion: &AccountCriteria) -> Vec<Found> {
    let is_wanted = |currency: Currency| {
        criterion.currencies.is_empty() || criterion.currencies.iter().any(|code| code == currency.iso_code())
    };
    let is_own = |account: &AccountHandle| {
        names.account(*account).is_some_and(|(owner, currency, _)| owner == asker && is_wanted(currency))
    };
    if criterion.accounts.is_empty() {
        let slots = names.registry(|registry| registry.slots().to_vec());
        let clearing = slots.iter().map(|slot| slot.clearing_account).filter(is_own);
        return clearing.map(|account| (numbered(account), Some(account))).collect();
    }
    let named = criterion.accounts.iter();
    named.map(|account| (account.clone(), handle(account, names).filter(is_own))).collect()
}

/// An account by its alias, or by its number here, which statements name it by.
pub(super) fn handle(account: &AccountId, names: &Directory) -> Option<AccountHandle> {
    let by_alias =
        aliases_of(account).iter().find_map(|alias| Names::alias(names, alias)).map(|found| found.0);
    let by_number = || match account {
        AccountId::Other { id, scheme: None } => id.parse().ok(),
        _ => None,
    };
    by_alias.or_else(by_number)
}

fn numbered(account: AccountHandle) -> AccountId {
    AccountId::Other { id: account.to_string(), scheme: None }
}

/// What is on the accounts.
fn told(engine: &Engine, found: Vec<Found>) -> Vec<AccountTold> {
    let handles: Vec<Option<AccountHandle>> = found.iter().map(|(_, handle)| *handle).collect();
    // Opened since the last block: nothing has moved on it as of that.
    let cells = engine.ask(move |sealer| {
        let cell = |handle: Option<AccountHandle>| {
            Some(sealer.mirror().account(handle?).copied().unwrap_or_default())
        };
        handles.into_iter().map(cell).collect::<Vec<_>>()
    });
    let told = found.into_iter().zip(cells).map(|((id, handle), cell)| {
        let terms = handle.and_then(|handle| terms(engine.directory(), handle));
        let told = terms.zip(cell).map(|((currency, credit_line), cell)| {
            let book = BalanceTold { kind: "BOOK", minor: cell.balance };
            let available = BalanceTold { kind: "AVLB", minor: cell.available(credit_line) };
            let is_bound = credit_line != UNLIMITED;
            (currency, [book].into_iter().chain(is_bound.then_some(available)).collect())
        });
        AccountTold { id, told: told.ok_or(UNKNOWN) }
    });
    told.collect()
}

fn terms(names: &Directory, account: AccountHandle) -> Option<(Currency, u64)> {
    let (_, currency, _) = names.account(account)?;
    names.registry(|registry| registry.account(account).map(|terms| (currency, terms.credit_line)))
}
