//! A crash between any two steps, and the next run, end in the same answers; nothing is cleared twice.

use feiqian_files::{Disposition, intake};

use crate::house::House;
use crate::shared::{demo, files};

pub(crate) fn balances(house: &House) -> Vec<i128> {
    house.engine().seal().expect("admitted");
    house.engine().ask(|sealer| sealer.mirror().accounts.iter().map(|cell| cell.balance).collect())
}

#[test]
fn i9_a_run_after_a_crash_ends_in_the_same_answers() {
    let mut house = House::demo("crash");
    let inputs = files(&demo().join("inbox"));
    let put_all = |house: &House| inputs.iter().for_each(|(name, bytes)| house.put(name, bytes));
    put_all(&house);
    intake(house.engine(), &house.options).expect("taken in");
    let work = house.options.work.clone();
    let (answers, rejected, money) = (files(&work.outbox()), files(&work.rejected()), balances(&house));
    assert!(answers.len() > 20);

    // Killed after the journal had everything, before any answer was written; once with half an answer aside.
    house.restart();
    for (at, (name, _)) in answers.iter().enumerate() {
        std::fs::remove_file(work.outbox().join(name)).expect("there");
        if at % 2 == 0 {
            std::fs::write(work.outbox().join(format!(".{name}.part")), b"<half").expect("written");
        }
    }
    put_all(&house);
    let report = intake(house.engine(), &house.options).expect("taken in");
    assert_eq!(report.count(Disposition::Left), 0);
    assert!(report.sum(|file| file.duplicates) > 500, "they were journaled before");
    // A part file of an answer has been renamed into place or never seen.
    let visible = |all: Vec<(String, Vec<u8>)>| -> Vec<_> {
        all.into_iter().filter(|(name, _)| !name.starts_with('.')).collect()
    };
    assert_eq!(visible(files(&work.outbox())), answers);
    assert_eq!(balances(&house), money, "nothing was cleared twice");

    // Killed after the answers were written, before the files were moved.
    put_all(&house);
    intake(house.engine(), &house.options).expect("taken in");
    assert_eq!(visible(files(&work.outbox())), answers);
    assert_eq!(files(&work.rejected()), rejected);
    assert_eq!(balances(&house), money);
    assert_eq!(files(&work.inbox()), []);
}

#[test]
fn what_the_disk_refuses_is_left_for_the_next_run() {
    let house = House::demo("left");
    let inputs = files(&demo().join("inbox"));
    house.put("01-single.xml", &inputs[0].1);
    let outbox = house.options.work.outbox();
    std::fs::remove_dir_all(&outbox).expect("there");
    let report = intake(house.engine(), &house.options).expect("the run goes on");
    assert_eq!(report.files[0].disposition, Disposition::Left);
    assert!(report.files[0].reason.as_ref().is_some_and(|reason| reason.contains("outbox")), "{report:?}");
    assert_eq!(files(&house.options.work.inbox()).len(), 1);
    std::fs::create_dir_all(&outbox).expect("made");
    let report = intake(house.engine(), &house.options).expect("taken in");
    assert_eq!(report.files[0].disposition, Disposition::Answered);
    assert_eq!((report.files[0].accepted, report.files[0].duplicates), (1, 1));
}
