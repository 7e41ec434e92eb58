//! Validators beside a running engine that is under load: each on a thread of its own, all in one process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use feiqian_proof::cosignature::witness_key;
use feiqian_proof::policy::{WitnessGroups, WitnessPolicy};
use feiqian_proof::signature::{PublicKey, SigningKey};
use feiqian_runtime::follow::{Follower, Replica, ServedFrames, Source, SourceFault, Witness};
use feiqian_runtime::identity::Identity;
use feiqian_runtime::machine::MachineOptions;
use feiqian_runtime::options::EngineOptions;
use feiqian_runtime::pipeline::Engine;
use feiqian_runtime::stores::StoredBlock;
use feiqian_tests::sim_storage::{Plan, SimStorage};
use feiqian_tests::world::{CHAIN_ID, operator_key};

use crate::clients::{batches, send_at_once};
use crate::house::{House, in_time};

const VALIDATORS: u8 = 4;
const NOW: u64 = 1_760_000_000;

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[0xA0 + number; 32])
}

fn name(number: u8) -> String {
    format!("bank-{number}.example/validator")
}

fn policy() -> WitnessPolicy {
    let verifier = |number| witness_key(&name(number), PublicKey::of(&key(number))).expect("a name of a key");
    let groups = WitnessGroups::from([("banks".to_owned(), (0..VALIDATORS).map(verifier).collect())]);
    WitnessPolicy::parse("banks 4 of 4", &groups).expect("a policy")
}

/// The engine itself, without a network between.
struct Beside<'a>(&'a Engine);

impl Source for Beside<'_> {
    fn frames(&mut self, sequence: u64) -> Result<ServedFrames, SourceFault> {
        let (bytes, head) = self.0.archive().journal.stored_with_head(sequence, 1 << 20).expect("readable");
        Ok(ServedFrames { bytes, signature: head.map(|head| self.0.log().sign_served(&head)) })
    }

    fn blocks(&mut self, height: u64) -> Result<Vec<StoredBlock>, SourceFault> {
        let blocks = &self.0.archive().blocks;
        Ok((height..=blocks.last()).map(|height| blocks.read(height).expect("readable")).collect())
    }

    fn checkpoint(&mut self) -> Result<Option<Vec<u8>>, SourceFault> {
        Ok(self.0.log().offered())
    }

    fn hand_in(&mut self, cosigned: &[u8]) -> Result<(), SourceFault> {
        // An older size than one that is WITNESSED by now is not taken, and need not be.
        let _ = self.0.take_cosignatures(cosigned);
        Ok(())
    }
}

fn validator(number: u8) -> Follower<SimStorage> {
    let storage = SimStorage::new(u64::from(number), Plan::default());
    let identity = Identity { chain_id: CHAIN_ID, operator: PublicKey::of(&operator_key()) };
    let options = MachineOptions::new(9 << 20);
    let (replica, _) = Replica::open(storage.clone(), options, identity).expect("an empty disk");
    let witness = Witness::open(storage, &replica, (&name(number), key(number))).expect("an empty disk");
    Follower::new(replica, Some(witness), 1_000)
}

#[test]
fn four_validators_keep_up_with_a_running_engine_and_its_last_block_is_witnessed() {
    in_time(|| {
        let mut house = House::new(2);
        house.options = EngineOptions {
            seal_interval: Duration::from_millis(5),
            witnesses: Some(policy()),
            ..house.options.clone()
        };
        let (engine, world) = house.furnished();
        let clients: Vec<_> = (0..4).map(|client| batches(&world, client, 60)).collect();
        // The height that must be WITNESSED; later blocks may come, of a seal that was on its way twice.
        let wanted = AtomicU64::new(u64::MAX);
        thread::scope(|scope| {
            let follow = |number| {
                let (engine, wanted) = (&engine, &wanted);
                scope.spawn(move || {
                    let (mut validator, mut source) = (validator(number), Beside(engine));
                    loop {
                        validator.turn(&mut source, NOW).unwrap_or_else(|fault| panic!("{fault}"));
                        let wanted = wanted.load(Ordering::Acquire);
                        if engine.log().witnessed() >= wanted && validator.replica().height() >= wanted {
                            return validator;
                        }
                    }
                })
            };
            let threads: Vec<_> = (0..VALIDATORS).map(follow).collect();
            send_at_once(&engine, &clients);
            let last = engine.seal().expect("room").expect("a block").header.height;
            wanted.store(last, Ordering::Release);
            assert!(last > 1);
            for thread in threads {
                let validator = thread.join().expect("it does not panic");
                for height in 1..=last {
                    let own = validator.replica().blocks().read(height);
                    assert_eq!(own, engine.archive().blocks.read(height), "block {height}");
                }
            }
        });
        engine.shutdown();
    });
}

#[test]
fn validators_that_never_see_the_same_newest_checkpoint_make_blocks_witnessed() {
    in_time(|| {
        let mut house = House::new(1);
        house.options = EngineOptions {
            seal_interval: Duration::from_secs(3_600),
            witnesses: Some(policy()),
            ..house.options.clone()
        };
        let (engine, world) = house.furnished();
        let mut validators: Vec<_> = (0..VALIDATORS).map(validator).collect();
        let mut last = 0;
        for (at, batch) in batches(&world, 0, 24).into_iter().enumerate() {
            engine.submit(batch).expect("room").wait().expect("it runs");
            last = engine.seal().expect("room").expect("a block").header.height;
            while engine.log().head().size < last {
                thread::yield_now();
            }
            // Only one of them looks before the log is longer again.
            let (validator, mut source) = (&mut validators[at % usize::from(VALIDATORS)], Beside(&engine));
            while validator.replica().height() < last
                || validator.witness().is_some_and(|own| own.signed() == 0)
            {
                validator.turn(&mut source, NOW).unwrap_or_else(|fault| panic!("{fault}"));
            }
            validator.turn(&mut source, NOW).unwrap_or_else(|fault| panic!("{fault}"));
        }
        let witnessed = engine.log().witnessed();
        assert!(witnessed + 2 * u64::from(VALIDATORS) >= last, "{witnessed} of {last}");
        engine.shutdown();
    });
}
