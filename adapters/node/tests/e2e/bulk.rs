//! The bulk protocol of a running `serve`: the demo's banks log in with their TEST KEYS, and pay.

use feiqian_core::bic::Bic;
use feiqian_core::currency::Currency;
use feiqian_core::transfer::Record;
use feiqian_node::keys::participant_test_key;
use feiqian_wire::Address;
use feiqian_wire::client::{Client, Credentials, Verdict};

use crate::house::{House, wait_for};

async fn pay_once(address: &Address, id: u128) -> bool {
    let bic = Bic::parse("BNKAXXAAXXX").expect("a BIC");
    let credentials = Credentials { bic, key: participant_test_key(bic) };
    let mut client = Client::connect(address, &credentials).await.expect("it lets the bank in");
    let eur = Currency::from_code("EUR").expect("a currency");
    let own = client.accounts().await.expect("answered");
    let clearing = own.iter().find(|range| range.is_clearing && range.currency == eur).expect("it has one");
    let payee = client.resolve("IBAN:DE68500105170001000011").await.expect("answered").expect("registered");
    let record = Record::new(id, clearing.first, payee.account, 5, eur.numeric());
    match client.submit_signed(&[record]).await.expect("a reply") {
        Verdict::Outcomes(outcomes) => outcomes.rows.are_all_as_submitted(),
        Verdict::Busy(reason) => panic!("busy: {reason}"),
    }
}

#[test]
fn a_bank_of_the_demo_pays_over_tcp_and_the_socket_and_serve_ends_in_order() {
    let house = House::founded("bulk");
    let serving = house.serve();
    let text = serving.ready["wire"].as_str().expect("addresses").to_owned();
    let addresses: Vec<Address> = text.split(", ").map(|one| one.parse().expect("an address")).collect();
    assert_eq!(addresses.len(), 2, "{text}");
    let socket = house.path("wire.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        assert!(pay_once(&addresses[0], 71).await);
        assert!(pay_once(&Address::Unix(socket.clone()), 72).await);
        assert!(!pay_once(&addresses[0], 72).await, "the second is a duplicate");
    });
    assert_eq!(serving.terminate(), 0);
    wait_for("the socket to go", || (!socket.exists()).then_some(()));
    house.run(&["audit"]).json();
}
