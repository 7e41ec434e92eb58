//! A canary card number in every place where one can stand: no `Debug`, `Display` or error shows it.

use feiqian_emvqr::cpm::{ConsumerCode, DataObjects, Pan, Tag, Track2};
use feiqian_emvqr::mpm::{AdditionalField, Builder, MerchantCode, Profile, TemplateBuilder};

const CANARY: &str = "6250947000000014";

fn assert_hidden(shown: &str) {
    assert!(!shown.contains(CANARY), "{shown}");
    // Nor as the bytes of a list or of hexadecimal digits.
    for trace in ["62, 50, 94", "98, 80, 148", "625094", "0x62"] {
        assert!(!shown.contains(trace), "{trace} in {shown}");
    }
}

fn merchant() -> Builder {
    let template = TemplateBuilder::of("org.example").with(1, CANARY);
    let code = Builder::new().with(2, CANARY).template(26, template).category("5812").currency(156);
    code.country("CN").name("A SHOP").city("SHANGHAI").template(62, TemplateBuilder::new().with(4, CANARY))
}

#[test]
fn no_view_of_a_merchants_code_shows_a_card_number() {
    let builder = merchant();
    assert_hidden(&format!("{builder:?}"));
    let payload = builder.build(Profile::Emvco).expect("a code");
    let code = MerchantCode::read(&payload, Profile::Emvco).expect("a code");
    assert_hidden(&format!("{code:?} {:?} {:?}", code.elements(), code.additional));
    let loyalty = code.additional.as_ref().and_then(|data| data.label(AdditionalField::LoyaltyNumber));
    assert_hidden(&format!("{:?}", loyalty.expect("a number")));
    for account in code.accounts() {
        assert_hidden(&format!("{account:?} {:?}", account.template()));
    }
    let mut errors = 0;
    for cut in 0..payload.len() {
        let error = MerchantCode::read(&payload[..cut], Profile::Emvco).expect_err("cut");
        assert_hidden(&format!("{error} {error:?}"));
        errors += 1;
    }
    assert!(errors > 100);
}

#[test]
fn no_view_of_a_consumers_code_shows_a_card_number() {
    let pan = Pan::parse(CANARY).expect("a number");
    let mut track = pan.to_compressed();
    track.extend([0xD3, 0x01, 0x22, 0x01, 0x00]);
    let track = Track2::parse(&track).expect("a track");
    let application = DataObjects::application(&[0xA0, 0, 0, 3, 0x33, 1, 1, 1]).pan(&pan).track2(&track);
    let application = application.with(Tag::CRYPTOGRAM, &pan.to_compressed());
    let objects = DataObjects::payload().template(Tag::APPLICATION, application);
    let code = objects.build().expect("a code");
    assert_hidden(&format!("{pan} {pan:?} {track:?} {objects:?} {code:?} {:?}", code.objects()));
    assert_eq!(pan.to_string(), "************0014");
    for template in code.applications() {
        assert_hidden(&format!("{template:?} {:?}", template.objects()));
    }
    for cut in 0..code.as_bytes().len() {
        let error = ConsumerCode::from_bytes(code.as_bytes()[..cut].to_vec()).expect_err("cut");
        assert_hidden(&format!("{error} {error:?}"));
    }
}
