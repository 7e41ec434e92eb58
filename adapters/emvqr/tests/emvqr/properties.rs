//! Seeded properties: what is built is read back to the same values, and amounts survive to the minor unit.

use feiqian_emvqr::cpm::{ConsumerCode, DataObjects, Pan, Tag};
use feiqian_emvqr::decimal::{Decimal, decimal_text};
use feiqian_emvqr::mpm::{
    AdditionalField, Builder, Initiation, Label, MerchantCode, Percentage, Profile, TemplateBuilder, Tip,
};

use crate::data::Random;

const ROUNDS: u64 = 3_000;
const ANS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz0123456789.,-_/+*#&'()";
const ANY: &str = "演示茶馆上海 ÄÖÜ éèê กขค АБВ αβγ 😀abc";
const DIGITS: &str = "0123456789";

/// What a code was built of.
#[derive(Debug)]
struct Said {
    name: String,
    city: String,
    merchant: String,
    label: String,
    local: (String, String),
    currency: u16,
    amount: Option<u64>,
    exponent: u8,
    fee: usize,
}

impl Said {
    fn random(random: &mut Random) -> Self {
        let exponent = u8::try_from(random.below(5)).expect("small");
        Self {
            name: random.text(ANS, 25),
            city: random.text(ANS, 15),
            merchant: random.text(ANS, 40),
            label: random.text(ANS, 25),
            local: (random.text(ANY, 25), random.text(ANY, 15)),
            currency: u16::try_from(random.below(1_000)).expect("small"),
            amount: (!random.is_one_in(4)).then(|| u64::try_from(1 + random.below(9_999_999)).expect("fits")),
            exponent,
            fee: random.below(4),
        }
    }

    fn build(&self) -> String {
        let wallet = TemplateBuilder::of("org.example.wallet").with(1, &self.merchant);
        let data = TemplateBuilder::new().field(AdditionalField::ReferenceLabel, &self.label);
        let code = Builder::new().initiation(Initiation::Dynamic).template(30, wallet).category("5411");
        let code =
            code.currency(self.currency).country("CN").name(&self.name).city(&self.city).additional(data);
        let code = code.local_name("ZH", &self.local.0, Some(&self.local.1));
        let code = match self.amount {
            Some(units) => code.amount(units, self.exponent),
            None => code,
        };
        let code = match self.fee {
            1 => code.tip_prompt(),
            2 => code.tip_fixed(75, self.exponent),
            3 => code.tip_percentage(Percentage::from_hundredths(125).expect("1.25 %")),
            _ => code,
        };
        code.build(Profile::Emvco).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

#[test]
fn what_is_built_is_read_back_to_the_same_values() {
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let said = Said::random(&mut random);
        let payload = said.build();
        let code = MerchantCode::read(&payload, Profile::Emvco).expect("built");
        assert_eq!(
            (code.name, code.city),
            (Some(said.name.as_str()), Some(said.city.as_str())),
            "seed {seed}"
        );
        assert_eq!(code.currency, Some(said.currency), "seed {seed}");
        let amount = code.amount.map(|amount| amount.minor_units(said.exponent).expect("exact"));
        assert_eq!(amount, said.amount, "seed {seed}");
        let wallet = code.account_of("org.example.wallet").expect("the wallet");
        assert_eq!(wallet.get(1), Some(said.merchant.as_str()), "seed {seed}");
        let label = code.additional.as_ref().and_then(|data| data.label(AdditionalField::ReferenceLabel));
        let expected = if said.label == "***" { Label::Prompt } else { Label::Value(&said.label) };
        assert_eq!(label, Some(expected), "seed {seed}");
        let local = code.local_name.expect("a name");
        assert_eq!(
            (local.name, local.city),
            (said.local.0.as_str(), Some(said.local.1.as_str())),
            "seed {seed}"
        );
        let is_told = match code.tip {
            None => said.fee == 0,
            Some(Tip::Prompt) => said.fee == 1,
            Some(Tip::Fixed(fee)) => said.fee == 2 && fee.minor_units(said.exponent) == Ok(75),
            Some(Tip::Percentage(fee)) => said.fee == 3 && fee.hundredths() == 125,
        };
        assert!(is_told, "seed {seed}: {:?} of {}", code.tip, said.fee);
        assert_eq!(code.to_builder().build(Profile::Emvco).as_deref(), Ok(payload.as_str()), "seed {seed}");
    }
}

#[test]
fn amounts_survive_writing_and_reading_at_every_exponent() {
    let mut random = Random(9);
    for _ in 0..20_000 {
        let exponent = u8::try_from(random.below(5)).expect("small");
        let units = u64::try_from(random.below(999_999_999)).expect("fits");
        let text = decimal_text(units, exponent);
        let amount = Decimal::parse(&text).expect("an amount");
        assert_eq!(amount.minor_units(exponent), Ok(units), "{text}");
        // The same amount with fewer decimals is another, or none.
        if exponent > 0 {
            let fewer = amount.minor_units(exponent - 1);
            assert_eq!(fewer.is_ok(), units % 10 == 0, "{text}");
        }
    }
}

#[test]
fn consumers_codes_are_read_back_to_the_same_values() {
    for seed in 0..ROUNDS {
        let mut random = Random(seed);
        let digits = random.text(DIGITS, 11) + &random.text(DIGITS, 1).repeat(8);
        let pan = Pan::parse(&digits).expect("8 to 19 digits");
        let (aid_length, data_length) = (5 + random.below(12), 1 + random.below(300));
        let aid = random.bytes(aid_length);
        let own = (Tag::from_bytes(&[0xDF, 0x81, 0x05]).expect("a tag"), random.bytes(data_length));
        let card = DataObjects::application(&aid).pan(&pan).with(own.0, &own.1);
        let code = DataObjects::payload().template(Tag::APPLICATION, card).build().expect("a code");
        let code = ConsumerCode::read(&code.to_base64()).expect("built");
        let card = code.applications().next().expect("an application");
        assert_eq!((card.adf_name(), card.pan()), (Some(aid.as_slice()), Some(pan)), "seed {seed}");
        assert_eq!(card.value(own.0), Some(own.1.as_slice()), "seed {seed}");
    }
}
