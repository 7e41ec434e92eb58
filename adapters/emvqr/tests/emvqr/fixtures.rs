//! Payloads written for these tests, byte by byte, and what they say.

use feiqian_emvqr::cpm::{ConsumerCode, DataObjects, Pan, Tag, Track2};
use feiqian_emvqr::mpm::{
    AdditionalField, Builder, Initiation, Label, MerchantCode, Network, PROMPT, Percentage, Profile,
    TemplateBuilder, Tip, UnionPayAccount,
};
use feiqian_emvqr::{ErrorCode, crc16};

/// Puts the CRC behind a payload that lacks it.
pub(crate) fn with_crc(body: &str) -> String {
    let body = format!("{body}6304");
    let crc = crc16(body.as_bytes());
    format!("{body}{crc:04X}")
}

/// A static code of a shop that takes UnionPay and a wallet, with everything optional in it.
fn full_by_builder() -> Builder {
    let account =
        UnionPayAccount { acquirer: "01050000", forwarder: "01050001", merchant: "898110054110001" };
    Builder::new()
        .initiation(Initiation::Static)
        .union_pay(15, account)
        .template(26, TemplateBuilder::of("com.example.wallet").with(1, "M-0001"))
        .category("5812")
        .currency(156)
        .amount(2_372, 2)
        .tip_fixed(150, 2)
        .country("CN")
        .name("DEMO TEA HOUSE")
        .city("SHANGHAI")
        .postal_code("200000")
        .additional(
            TemplateBuilder::new()
                .field(AdditionalField::BillNumber, "INV-2026")
                .field(AdditionalField::ReferenceLabel, PROMPT)
                .field(AdditionalField::ConsumerDataRequest, "AM"),
        )
        .local_name("ZH", "演示茶馆", Some("上海"))
        .template(80, TemplateBuilder::of("A000000333"))
}

/// The payload of [`full_by_builder`], written by hand.
pub(crate) fn full_payload() -> String {
    with_crc(concat!(
        "000201",
        "010211",
        "15310105000001050001898110054110001",
        "26320018com.example.wallet0106M-0001",
        "52045812",
        "5303156",
        "540523.72",
        "550202",
        "56041.50",
        "5802CN",
        "5914DEMO TEA HOUSE",
        "6008SHANGHAI",
        "6106200000",
        "62250108INV-20260503***0902AM",
        "64200002ZH0104演示茶馆0202上海",
        "80140010A000000333",
    ))
}

/// The least that EMVCo asks for.
pub(crate) fn least_payload() -> String {
    with_crc(concat!("000201", "02164000123456789012", "52045812", "5303156", "5802CN", "5902AB", "6002CD"))
}

#[test]
fn every_data_object_is_read_by_its_name() {
    let payload = full_payload();
    let code = MerchantCode::read(&payload, Profile::Emvco).expect("a code");
    assert_eq!(code.initiation, Some(Initiation::Static));
    assert_eq!((code.category, code.currency), (Some("5812"), Some(156)));
    assert_eq!(code.amount.expect("an amount").minor_units(2), Ok(2_372));
    let Some(Tip::Fixed(fee)) = code.tip else { panic!("a fixed fee: {:?}", code.tip) };
    assert_eq!(fee.minor_units(2), Ok(150));
    assert_eq!((code.country, code.name), (Some("CN"), Some("DEMO TEA HOUSE")));
    assert_eq!((code.city, code.postal_code), (Some("SHANGHAI"), Some("200000")));
    let data = code.additional.as_ref().expect("additional data");
    assert_eq!(data.label(AdditionalField::BillNumber), Some(Label::Value("INV-2026")));
    assert_eq!(data.label(AdditionalField::ReferenceLabel), Some(Label::Prompt));
    assert_eq!(data.label(AdditionalField::TerminalLabel), None);
    let local = code.local_name.expect("a name");
    assert_eq!((local.language, local.name, local.city), ("ZH", "演示茶馆", Some("上海")));
    let accounts: Vec<_> = code.accounts().collect();
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts[0].network, Network::UnionPay);
    let union_pay = accounts[0].union_pay().expect("31 characters");
    assert_eq!((union_pay.acquirer, union_pay.merchant), ("01050000", "898110054110001"));
    let wallet = code.account_of("COM.EXAMPLE.WALLET").expect("the wallet");
    assert_eq!(wallet.get(1), Some("M-0001"));
    assert_eq!(code.unreserved().map(|element| element.id).collect::<Vec<_>>(), [80]);
    assert!(code.deviations().is_empty());
}

#[test]
fn the_builder_writes_what_was_written_by_hand() {
    assert_eq!(full_by_builder().build(Profile::Emvco), Ok(full_payload()));
}

#[test]
fn the_least_code_of_the_standard_is_enough() {
    let payload = least_payload();
    let code = MerchantCode::read(&payload, Profile::Emvco).expect("a code");
    assert_eq!(code.accounts().next().expect("an account").network, Network::Visa);
    assert_eq!((code.initiation, code.amount, code.tip), (None, None, None));
}

#[test]
fn a_code_is_changed_by_taking_an_object_out_and_putting_another_in() {
    let payload = full_payload();
    let code = MerchantCode::read(&payload, Profile::Emvco).expect("a code");
    let changed = code.to_builder().without(54).amount(1, 2).build(Profile::Emvco).expect("a code");
    let changed =
        MerchantCode::read(&changed, Profile::Emvco).expect("a code").amount.map(|a| a.minor_units(2));
    assert_eq!(changed, Some(Ok(1)));
}

#[test]
fn the_builder_writes_no_code_that_it_would_not_read() {
    let code = full_by_builder;
    let emv = Percentage::from_hundredths(250).expect("2.5 %");
    for (builder, expected, place) in [
        (code().with(59, "AGAIN"), ErrorCode::Duplicate, "59"),
        (code().without(59), ErrorCode::Missing, "59"),
        (code().without(15).without(26), ErrorCode::NoAccount, "payload"),
        (code().without(54).amount(0, 2), ErrorCode::ZeroAmount, "54"),
        (code().without(54).amount(u64::MAX, 2), ErrorCode::InvalidAmount, "54"),
        (code().tip_percentage(emv), ErrorCode::Duplicate, "55"),
        (code().without(55).without(56).with(55, "03"), ErrorCode::TipConflict, "55"),
        (code().without(55), ErrorCode::TipConflict, "56"),
        (code().without(60).city("A CITY OF TWENTY AND"), ErrorCode::TooLarge, "60"),
        (code().without(60).city(""), ErrorCode::ZeroLength, "60"),
        (code().without(60).city("Zürich"), ErrorCode::InvalidValue, "60"),
        (code().without(52).category("58"), ErrorCode::InvalidValue, "52"),
        (code().without(58).country("China"), ErrorCode::InvalidValue, "58"),
        (code().without(53).currency(1_560), ErrorCode::InvalidValue, "53"),
        (code().without(80).with(80, &"x".repeat(100)), ErrorCode::TooLarge, "80"),
        (code().with(63, "0000"), ErrorCode::Duplicate, "63"),
        (code().with(0, "01"), ErrorCode::Duplicate, "00"),
        (code().with(100, "x"), ErrorCode::NotAnId, "payload"),
        (code().with(61, "x\u{7}"), ErrorCode::Duplicate, "61"),
        (code().without(61).postal_code("x\u{7}"), ErrorCode::ControlCharacter, "61"),
        (code().without(26).template(26, TemplateBuilder::new().with(1, "x")), ErrorCode::Missing, "26.00"),
    ] {
        let error = builder.build(Profile::Emvco).expect_err("not a code");
        assert_eq!((error.code, error.place.to_string().as_str()), (expected, place), "{builder:?}");
    }
    // What a scheme may leave out it may leave out; nothing else is let through, however lenient the reading.
    assert!(code().without(59).build(Profile::Scheme).is_ok());
    assert!(code().without(59).build(Profile::Lenient).is_ok());
    assert_eq!(
        code().without(60).city("Zürich").build(Profile::Lenient).map_err(|e| e.code),
        Err(ErrorCode::InvalidValue)
    );
}

const AID: [u8; 8] = [0xA0, 0, 0, 3, 0x33, 1, 1, 1];

/// A token with its cryptogram, as a wallet shows it.
pub(crate) fn consumer() -> DataObjects {
    let track = [0x62, 0x50, 0x94, 0x70, 0, 0, 0, 0x14, 0xD3, 0x01, 0x22, 0x01, 0, 0, 0x01, 0x23, 0];
    let transparent = DataObjects::new()
        .with(Tag::CRYPTOGRAM, &[0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88])
        .with(Tag::TRANSACTION_COUNTER, &[0, 0x42]);
    let application = DataObjects::application(&AID)
        .with(Tag::LABEL, b"UNIONPAY")
        .track2(&Track2::parse(&track).expect("a track"))
        .template(Tag::APPLICATION_TRANSPARENT, transparent);
    let common = DataObjects::new()
        .pan(&Pan::parse("1234567890123458").expect("a number"))
        .with(Tag::CARDHOLDER_NAME, b"CARDHOLDER/EMV")
        .with(Tag::LANGUAGE, b"zhen");
    DataObjects::payload().template(Tag::APPLICATION, application).template(Tag::COMMON, common)
}

#[test]
fn a_consumers_code_is_written_and_read_by_the_names_of_its_objects() {
    let written = consumer().build().expect("a code");
    let code = ConsumerCode::read(&written.to_base64()).expect("a code");
    assert_eq!(code, written);
    let application = code.applications().next().expect("an application");
    assert_eq!((application.adf_name(), application.label()), (Some(&AID[..]), Some("UNIONPAY")));
    let track = application.track2().expect("a track");
    assert_eq!((track.expiry_year, track.expiry_month, track.service_code.as_str()), (30, 12, "201"));
    assert_eq!(code.pan_of(&application).expect("a number").expose(), "6250947000000014");
    assert_eq!(application.value(Tag::TRANSACTION_COUNTER), Some(&[0, 0x42][..]));
    let common = code.common().expect("common data");
    assert_eq!((common.cardholder_name(), common.languages()), (Some("CARDHOLDER/EMV"), Some("zhen")));
    assert_eq!(common.pan().expect("a number").expose(), "1234567890123458");
    assert_eq!(code.to_objects().build(), Ok(code));
}
