//! The watch takes in what is complete, and stops when told.

use std::sync::mpsc::channel;
use std::time::Duration;

use feiqian_files::Disposition;
use feiqian_files::watch::Watch;

use crate::house::House;
use crate::shared::{demo, files};

#[test]
fn a_complete_file_is_taken_in_and_a_part_is_not() {
    let house = House::demo("watch");
    let (tell, told) = channel();
    let interval = Duration::from_millis(5);
    let watch = Watch::start(house.engine().clone(), house.options.clone(), interval, move |report| {
        drop(tell.send(report));
    })
    .expect("started");
    let bytes = std::fs::read(demo().join("inbox/01-single.xml")).expect("there");
    house.put("a.xml.part", &bytes);
    let inbox = house.options.work.inbox();
    std::fs::rename(inbox.join("a.xml.part"), inbox.join("a.xml")).expect("renamed");
    house.put("b.xml.part", &bytes);
    let report = told.recv_timeout(Duration::from_secs(20)).expect("in time").expect("taken in");
    assert_eq!(report.files[0].disposition, Disposition::Answered);
    watch.stop();
    assert_eq!(files(&inbox).len(), 1, "the part is still there");
    assert!(told.try_recv().is_err());
}
