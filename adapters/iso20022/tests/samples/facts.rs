//! The facts of a message in the form of the samples' `*.expected.json`, out of the events of the reader.
//!
//! Test code only: it keeps a small tree, which the library never does. The keys are those of the samples.

use feiqian_iso20022::Limits;
use feiqian_iso20022::ReadError;
use feiqian_iso20022::events::{Event, Events};
use serde_json::{Map, Value, json};

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) currency: String,
    pub(crate) children: Vec<Node>,
}

impl Node {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element at a path such as `PmtId/EndToEndId`.
    fn at(&self, path: &str) -> Option<&Node> {
        path.split('/').try_fold(self, |node, name| node.children.iter().find(|child| child.name == name))
    }

    fn text(&self, path: &str) -> Option<Value> {
        self.at(path).map(|node| Value::from(node.text.clone()))
    }

    /// The first value under a path, whatever the choice.
    fn choice(&self, path: &str) -> Option<Value> {
        let node = self.at(path)?;
        node.children.first().map(|child| Value::from(child.text.clone()))
    }

    fn first(&self, paths: &[&str]) -> Option<Value> {
        paths.iter().find_map(|path| self.text(path))
    }

    fn amount(&self, path: &str) -> Option<Value> {
        self.at(path).map(|node| json!({"amt": node.text, "ccy": node.currency}))
    }
}

/// The header and the document of a file, as trees.
pub(crate) fn trees(bytes: &[u8]) -> Result<Vec<(String, Node)>, ReadError> {
    let mut events = Events::new(bytes, &Limits::default());
    let mut roots = Vec::new();
    let mut open: Vec<Node> = Vec::new();
    loop {
        match events.next_event()? {
            Event::Root(_) | Event::Open => open.push(Node { name: events.name(), ..Node::default() }),
            Event::Value => {
                let currency = events.attribute().map_or(String::new(), |(_, value)| value.to_owned());
                let node = Node {
                    name: events.name(),
                    text: events.text().to_owned(),
                    currency,
                    children: Vec::new(),
                };
                open.last_mut().expect("a value has a parent").children.push(node);
            }
            Event::Close => {
                let node = open.pop().expect("what closes was open");
                open.last_mut().expect("an element has a parent").children.push(node);
            }
            Event::RootEnd(message) => {
                roots.push((message.identifier().to_owned(), open.pop().expect("the root is open")));
            }
            Event::End => return Ok(roots),
        }
    }
}

/// Facts without empty ones: what the message does not say is not there.
fn object(facts: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Value {
    let is_full = |value: &Value| match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    let facts = facts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.filter(is_full)?)));
    Value::Object(facts.collect::<Map<String, Value>>())
}

fn list<'a>(nodes: impl Iterator<Item = &'a Node>, facts: impl Fn(&Node) -> Value) -> Option<Value> {
    Some(nodes.map(facts).collect::<Vec<Value>>().into())
}

fn texts<'a>(nodes: impl Iterator<Item = &'a Node>) -> Option<Value> {
    list(nodes, |node| Value::from(node.text.clone()))
}

/// All facts of a file.
pub(crate) fn of(bytes: &[u8]) -> Result<Value, ReadError> {
    let roots = trees(bytes)?;
    let header = roots.iter().find(|(_, node)| node.name == "AppHdr");
    let document = roots.iter().find(|(_, node)| node.name == "Document");
    let message = document.or(header).map(|(message, _)| Value::from(message.clone()));
    let body = document.and_then(|(_, node)| node.children.first());
    let mut facts = vec![
        ("bah", header.map(|(_, node)| business(node))),
        ("msg_type", message),
        ("root", body.map(|body| Value::from(body.name))),
    ];
    if let (Some(body), Some((message, _))) = (body, document) {
        facts.push(("grp", body.at("GrpHdr").map(group)));
        match message.get(..8) {
            Some("pacs.008" | "pacs.009") => facts.push(("txs", list(body.all("CdtTrfTxInf"), transaction))),
            Some("pain.001") => facts.push(("pmt", list(body.all("PmtInf"), payment))),
            Some("pacs.002") => {
                facts.push(("orgnl_grp", list(body.all("OrgnlGrpInfAndSts"), original_group)));
                facts.push(("txs", list(body.all("TxInfAndSts"), transaction_status)));
            }
            Some("pain.002") => {
                let payments: Vec<&Node> = body.all("OrgnlPmtInfAndSts").collect();
                facts.push(("orgnl_grp", list(body.all("OrgnlGrpInfAndSts"), customers_group)));
                facts.push(("pmt", list(payments.iter().copied(), payment_status)));
                let transactions = payments.iter().flat_map(|payment| payment.all("TxInfAndSts"));
                facts.push(("txs", list(transactions, customers_status)));
            }
            Some("admi.004") => facts.push(("evt", body.at("EvtInf").map(system_event))),
            Some("camt.055") => facts.push(("assgnmt", body.at("Assgnmt").map(assignment))),
            Some("pacs.004") => {
                facts.push(("orgnl_grp", list(body.all("OrgnlGrpInf"), original_message)));
                facts.push(("txs", list(body.all("TxInf"), payment_return)));
            }
            Some("pacs.028") => {
                facts.push(("orgnl_grp", list(body.all("OrgnlGrpInf"), original_message)));
                facts.push(("txs", list(body.all("TxInf"), status_request)));
            }
            Some("camt.056") => {
                facts.push(("assgnmt", body.at("Assgnmt").map(assignment)));
                facts.push(("case", body.text("Case/Id")));
                let sets: Vec<&Node> = body.all("Undrlyg").collect();
                let groups = sets.iter().flat_map(|set| set.all("OrgnlGrpInfAndCxl"));
                facts.push(("orgnl_grp", list(groups, original_message)));
                facts.push(("txs", list(sets.iter().flat_map(|set| set.all("TxInf")), recalled)));
            }
            Some("camt.029") => {
                facts.push(("assgnmt", body.at("Assgnmt").map(assignment)));
                facts.push(("conf", body.text("Sts/Conf")));
                let sets: Vec<&Node> = body.all("CxlDtls").collect();
                facts.push(("txs", list(sets.iter().flat_map(|set| set.all("TxInfAndSts")), resolved)));
            }
            Some("camt.052") => facts.push(("stmts", list(body.all("Rpt"), statement))),
            Some("camt.053") => facts.push(("stmts", list(body.all("Stmt"), statement))),
            Some("camt.054") => facts.push(("stmts", list(body.all("Ntfctn"), statement))),
            _ => {}
        }
    }
    Ok(object(facts))
}

fn business(node: &Node) -> Value {
    let side = |name: &str| {
        let node = node.at(name)?;
        node.first(&[
            "FIId/FinInstnId/BICFI",
            "FIId/FinInstnId/ClrSysMmbId/MmbId",
            "FIId/FinInstnId/Othr/Id",
            "OrgId/Id/OrgId/AnyBIC",
            "OrgId/Id/OrgId/Othr/Id",
        ])
    };
    object([
        ("fr", side("Fr")),
        ("to", side("To")),
        ("biz_msg_idr", node.text("BizMsgIdr")),
        ("msg_def_idr", node.text("MsgDefIdr")),
        ("biz_svc", node.text("BizSvc")),
        ("cre_dt", node.text("CreDt")),
        ("cpy_dplct", node.text("CpyDplct")),
        ("pssbl_dplct", node.text("PssblDplct")),
        ("prty", node.text("Prty")),
        ("has_signature", node.at("Sgntr").map(|_| Value::from(true))),
    ])
}

fn group(node: &Node) -> Value {
    object([
        ("msg_id", node.text("MsgId")),
        ("cre_dt_tm", node.text("CreDtTm")),
        ("nb_of_txs", node.text("NbOfTxs")),
        ("ctrl_sum", node.text("CtrlSum")),
        ("ttl_amt", node.amount("TtlIntrBkSttlmAmt").or(node.amount("TtlRtrdIntrBkSttlmAmt"))),
        ("sttlm_dt", node.text("IntrBkSttlmDt")),
        ("sttlm_mtd", node.text("SttlmInf/SttlmMtd")),
        ("clr_sys", node.choice("SttlmInf/ClrSys")),
        ("instg_agt", node.at("InstgAgt").map(agent)),
        ("instd_agt", node.at("InstdAgt").map(agent)),
        ("initg_pty", node.at("InitgPty").map(party)),
    ])
}

fn agent(node: &Node) -> Value {
    let Some(node) = node.at("FinInstnId") else { return json!({}) };
    object([
        ("bic", node.first(&["BICFI", "BIC"])),
        ("clr_sys", node.choice("ClrSysMmbId/ClrSysId")),
        ("mmb_id", node.text("ClrSysMmbId/MmbId")),
        ("lei", node.text("LEI")),
        ("name", node.text("Nm")),
        ("other", node.text("Othr/Id")),
    ])
}

fn party(node: &Node) -> Value {
    if node.at("FinInstnId").is_some() {
        return agent(node);
    }
    let node = node.at("Pty").unwrap_or(node);
    object([
        ("name", node.text("Nm")),
        ("any_bic", node.first(&["Id/OrgId/AnyBIC", "Id/OrgId/BICOrBEI"])),
        ("lei", node.text("Id/OrgId/LEI")),
        ("org_othr", node.text("Id/OrgId/Othr/Id")),
        ("prvt_othr", node.text("Id/PrvtId/Othr/Id")),
        ("country", node.text("PstlAdr/Ctry")),
        ("town", node.text("PstlAdr/TwnNm")),
    ])
}

fn account(node: &Node) -> Option<Value> {
    node.first(&["Id/IBAN", "Id/Othr/Id"])
}

fn remittance(node: &Node) -> Value {
    let references = node.all("Strd").filter_map(|strd| strd.text("CdtrRefInf/Ref")).collect::<Vec<Value>>();
    object([("ustrd", texts(node.all("Ustrd"))), ("strd_ref", Some(references.into()))])
}

fn transaction(node: &Node) -> Value {
    let agents = ["IntrmyAgt1", "IntrmyAgt2", "IntrmyAgt3"];
    let intermediaries = agents.iter().filter_map(|name| node.at(name)).map(agent).collect::<Vec<Value>>();
    object([
        ("instr_id", node.text("PmtId/InstrId")),
        ("e2e_id", node.text("PmtId/EndToEndId")),
        ("tx_id", node.text("PmtId/TxId")),
        ("uetr", node.text("PmtId/UETR")),
        ("clr_sys_ref", node.text("PmtId/ClrSysRef")),
        ("amount", node.amount("IntrBkSttlmAmt")),
        ("instd_amt", node.amount("InstdAmt")),
        ("xchg_rate", node.text("XchgRate")),
        ("sttlm_dt", node.text("IntrBkSttlmDt")),
        ("prty", node.first(&["SttlmPrty", "PmtTpInf/InstrPrty"])),
        ("svc_lvl", node.choice("PmtTpInf/SvcLvl")),
        ("lcl_instrm", node.choice("PmtTpInf/LclInstrm")),
        ("ctgy_purp", node.choice("PmtTpInf/CtgyPurp")),
        ("chrg_br", node.text("ChrgBr")),
        ("charges", list(node.all("ChrgsInf"), charge)),
        ("instg_agt", node.at("InstgAgt").map(agent)),
        ("instd_agt", node.at("InstdAgt").map(agent)),
        ("intrmy", Some(intermediaries.into())),
        ("ultmt_dbtr", node.at("UltmtDbtr").map(party)),
        ("dbtr", node.at("Dbtr").map(party)),
        ("dbtr_acct", node.at("DbtrAcct").and_then(account)),
        ("dbtr_agt", node.at("DbtrAgt").map(agent)),
        ("cdtr_agt", node.at("CdtrAgt").map(agent)),
        ("cdtr", node.at("Cdtr").map(party)),
        ("cdtr_acct", node.at("CdtrAcct").and_then(account)),
        ("ultmt_cdtr", node.at("UltmtCdtr").map(party)),
        ("purp", node.choice("Purp")),
        ("rmt", node.at("RmtInf").map(remittance)),
        ("cov", node.at("UndrlygCstmrCdtTrf").map(cover)),
    ])
}

fn charge(node: &Node) -> Value {
    object([("amt", node.amount("Amt")), ("agt", node.at("Agt").or(node.at("Pty")).map(agent))])
}

fn cover(node: &Node) -> Value {
    object([
        ("dbtr", node.at("Dbtr").map(party)),
        ("dbtr_acct", node.at("DbtrAcct").and_then(account)),
        ("cdtr", node.at("Cdtr").map(party)),
        ("cdtr_acct", node.at("CdtrAcct").and_then(account)),
        ("rmt", node.at("RmtInf").map(remittance)),
    ])
}

fn payment(node: &Node) -> Value {
    object([
        ("id", node.text("PmtInfId")),
        ("mtd", node.text("PmtMtd")),
        ("btch", node.text("BtchBookg")),
        ("nb", node.text("NbOfTxs")),
        ("ctrl", node.text("CtrlSum")),
        ("exec", node.choice("ReqdExctnDt").or(node.text("ReqdExctnDt"))),
        ("svc_lvl", node.choice("PmtTpInf/SvcLvl")),
        ("chrg_br", node.text("ChrgBr")),
        ("dbtr", node.at("Dbtr").map(party)),
        ("dbtr_acct", node.at("DbtrAcct").and_then(account)),
        ("dbtr_agt", node.at("DbtrAgt").map(agent)),
        ("txs", list(node.all("CdtTrfTxInf"), initiated)),
    ])
}

/// The samples tell less of a transaction of a pain.001 than of one between banks.
fn initiated(node: &Node) -> Value {
    object([
        ("instr_id", node.text("PmtId/InstrId")),
        ("e2e_id", node.text("PmtId/EndToEndId")),
        ("uetr", node.text("PmtId/UETR")),
        ("amount", node.amount("Amt/InstdAmt").or(node.amount("Amt/EqvtAmt/Amt"))),
        ("cdtr_agt", node.at("CdtrAgt").map(agent)),
        ("cdtr", node.at("Cdtr").map(party)),
        ("cdtr_acct", node.at("CdtrAcct").and_then(account)),
        ("purp", node.text("Purp/Cd")),
        ("rmt", node.at("RmtInf").map(remittance)),
    ])
}

fn reasons(node: &Node) -> Option<Value> {
    let is_reason =
        |child: &&Node| matches!(child.name, "StsRsnInf" | "RtrRsnInf" | "CxlRsnInf" | "CxlStsRsnInf");
    list(node.children.iter().filter(is_reason), |reason| {
        object([
            ("code", reason.text("Rsn/Cd")),
            ("prtry", reason.text("Rsn/Prtry")),
            ("addtl", texts(reason.all("AddtlInf"))),
        ])
    })
}

fn original_group(node: &Node) -> Value {
    object([
        ("msg_id", node.text("OrgnlMsgId")),
        ("msg_nm", node.text("OrgnlMsgNmId")),
        ("nb", node.text("OrgnlNbOfTxs")),
        ("grp_sts", node.text("GrpSts")),
        ("reasons", reasons(node)),
    ])
}

fn customers_group(node: &Node) -> Value {
    let mut facts = original_group(node);
    if let (Some(sum), Some(map)) = (node.text("OrgnlCtrlSum"), facts.as_object_mut()) {
        map.insert("ctrl".to_owned(), sum);
    }
    facts
}

fn payment_status(node: &Node) -> Value {
    object([("id", node.text("OrgnlPmtInfId")), ("sts", node.text("PmtInfSts"))])
}

/// The samples tell less of a transaction of a pain.002 than of one of a pacs.002.
fn customers_status(node: &Node) -> Value {
    object([
        ("orgnl_instr_id", node.text("OrgnlInstrId")),
        ("orgnl_e2e_id", node.text("OrgnlEndToEndId")),
        ("orgnl_uetr", node.text("OrgnlUETR")),
        ("sts", node.text("TxSts")),
        ("reasons", reasons(node)),
    ])
}

fn system_event(node: &Node) -> Value {
    object([
        ("cd", node.text("EvtCd")),
        ("params", texts(node.all("EvtParam"))),
        ("desc", node.text("EvtDesc")),
        ("tm", node.text("EvtTm")),
    ])
}

fn original_message(node: &Node) -> Value {
    object([
        ("msg_id", node.text("OrgnlMsgId")),
        ("msg_nm", node.text("OrgnlMsgNmId")),
        ("reasons", reasons(node)),
    ])
}

fn assignment(node: &Node) -> Value {
    let side = |name: &str| node.at(name).map(|side| side.at("Agt").map_or_else(|| party(side), agent));
    object([
        ("id", node.text("Id")),
        ("assgnr", side("Assgnr")),
        ("assgne", side("Assgne")),
        ("cre", node.text("CreDtTm")),
    ])
}

/// What all answers say of the original payment, with what they say beside.
fn of_original<const N: usize>(node: &Node, facts: [(&'static str, Option<Value>); N]) -> Value {
    let original = [
        ("orgnl_msg_id", node.text("OrgnlGrpInf/OrgnlMsgId")),
        ("orgnl_msg_nm", node.text("OrgnlGrpInf/OrgnlMsgNmId")),
        ("orgnl_instr_id", node.text("OrgnlInstrId")),
        ("orgnl_e2e_id", node.text("OrgnlEndToEndId")),
        ("orgnl_tx_id", node.text("OrgnlTxId")),
        ("orgnl_uetr", node.text("OrgnlUETR")),
        ("reasons", reasons(node)),
    ];
    object(original.into_iter().chain(facts))
}

fn payment_return(node: &Node) -> Value {
    of_original(
        node,
        [
            ("rtr_id", node.text("RtrId")),
            ("orgnl_sttlm_amt", node.amount("OrgnlIntrBkSttlmAmt")),
            ("orgnl_sttlm_dt", node.text("OrgnlIntrBkSttlmDt")),
            ("rtrd_amt", node.amount("RtrdIntrBkSttlmAmt")),
            ("rtrd_instd", node.amount("RtrdInstdAmt")),
            ("sttlm_dt", node.text("IntrBkSttlmDt")),
            ("chrg_br", node.text("ChrgBr")),
            ("instg_agt", node.at("InstgAgt").map(agent)),
            ("instd_agt", node.at("InstdAgt").map(agent)),
        ],
    )
}

fn status_request(node: &Node) -> Value {
    of_original(node, [("sts_req_id", node.text("StsReqId"))])
}

fn recalled(node: &Node) -> Value {
    of_original(
        node,
        [
            ("cxl_id", node.text("CxlId")),
            ("case", node.text("Case/Id")),
            ("orgnl_sttlm_amt", node.amount("OrgnlIntrBkSttlmAmt")),
            ("orgnl_sttlm_dt", node.text("OrgnlIntrBkSttlmDt")),
        ],
    )
}

fn resolved(node: &Node) -> Value {
    of_original(
        node,
        [
            ("cxl_sts_id", node.text("CxlStsId")),
            ("rslvd_case", node.text("RslvdCase/Id")),
            ("sts", node.text("TxCxlSts")),
        ],
    )
}

fn transaction_status(node: &Node) -> Value {
    object([
        ("sts_id", node.text("StsId")),
        ("orgnl_msg_id", node.text("OrgnlGrpInf/OrgnlMsgId")),
        ("orgnl_msg_nm", node.text("OrgnlGrpInf/OrgnlMsgNmId")),
        ("orgnl_instr_id", node.text("OrgnlInstrId")),
        ("orgnl_e2e_id", node.text("OrgnlEndToEndId")),
        ("orgnl_tx_id", node.text("OrgnlTxId")),
        ("orgnl_uetr", node.text("OrgnlUETR")),
        ("sts", node.text("TxSts")),
        ("reasons", reasons(node)),
        ("accptnc", node.text("AccptncDtTm")),
        ("fctv_sttlm", node.choice("FctvIntrBkSttlmDt")),
        ("instg_agt", node.at("InstgAgt").map(agent)),
        ("instd_agt", node.at("InstdAgt").map(agent)),
    ])
}

fn statement(node: &Node) -> Value {
    object([
        ("id", node.text("Id")),
        ("seq", node.text("ElctrncSeqNb")),
        ("lgl_seq", node.text("LglSeqNb")),
        ("acct", node.at("Acct").and_then(account)),
        ("acct_ccy", node.text("Acct/Ccy")),
        ("bal", list(node.all("Bal"), balance)),
        ("entries", list(node.all("Ntry"), entry)),
    ])
}

fn balance(node: &Node) -> Value {
    object([
        ("type", node.choice("Tp/CdOrPrtry")),
        ("amt", node.amount("Amt")),
        ("ind", node.text("CdtDbtInd")),
        ("dt", node.choice("Dt")),
    ])
}

fn entry(node: &Node) -> Value {
    let details = node.all("NtryDtls").flat_map(|details| details.all("TxDtls"));
    object([
        ("ref", node.text("NtryRef")),
        ("amt", node.amount("Amt")),
        ("ind", node.text("CdtDbtInd")),
        ("rvsl", node.text("RvslInd")),
        ("sts", node.choice("Sts").or(node.text("Sts"))),
        ("book_dt", node.choice("BookgDt")),
        ("val_dt", node.choice("ValDt")),
        ("acct_svcr_ref", node.text("AcctSvcrRef")),
        ("btc", node.at("BkTxCd").and_then(bank_transaction_code)),
        ("txs", list(details, entry_transaction)),
    ])
}

fn bank_transaction_code(node: &Node) -> Option<Value> {
    let parts: Vec<&str> = ["Domn/Cd", "Domn/Fmly/Cd", "Domn/Fmly/SubFmlyCd"]
        .iter()
        .filter_map(|path| node.at(path))
        .map(|node| node.text.as_str())
        .collect();
    if parts.is_empty() { node.text("Prtry/Cd") } else { Some(parts.join("/").into()) }
}

fn entry_transaction(node: &Node) -> Value {
    object([
        ("instr_id", node.text("Refs/InstrId")),
        ("e2e_id", node.text("Refs/EndToEndId")),
        ("tx_id", node.text("Refs/TxId")),
        ("uetr", node.text("Refs/UETR")),
        ("amt", node.amount("Amt").or(node.amount("AmtDtls/TxAmt/Amt"))),
        ("ind", node.text("CdtDbtInd")),
        ("rmt", node.at("RmtInf").map(remittance)),
    ])
}
