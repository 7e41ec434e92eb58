//! The data directory: begun once, opened by one process, with its own keys, and refused in words otherwise.

use std::os::unix::fs::PermissionsExt as _;

use crate::house::House;

#[test]
fn a_directory_that_is_none_is_refused_and_not_made() {
    let house = House::empty("none");
    for command in [vec!["accounts"], vec!["audit"], vec!["replay"], vec!["serve"], vec!["cycle", "close"]] {
        house.run(&command).fails_with(3, &["feiqian init", "data"]);
    }
    assert!(!house.data().exists());
}

#[test]
fn a_directory_is_begun_once_and_gone_on_with_by_resume() {
    let house = House::founded("once");
    let file = house.path("participants.toml");
    let path = file.display().to_string();
    house.run(&["init", "--participants", &path]).fails_with(3, &["holds a journal already"]);
    let again = house.run(&["init", "--participants", &path, "--resume"]).json();
    assert_eq!((&again["founded"]["participants"], &again["founded"]["funded"]), (&0.into(), &0.into()));
    let mut text = std::fs::read_to_string(&file).expect("there");
    text.push_str("[[participant]]\nbic = \"BNKZXXAA\"\nname = \"Zeta\"\n");
    std::fs::write(&file, &text).expect("written");
    let more = house.run(&["init", "--participants", &path, "--resume"]).json();
    assert_eq!(more["founded"]["participants"], 1);
    std::fs::write(&file, text.replace("4.00", "4.001").replace("name = \"Zeta\"", "title = \"Zeta\""))
        .expect("written");
    house.run(&["init", "--participants", &path, "--resume"]).fails_with(2, &["participants.toml", "title"]);
}

#[test]
fn keys_are_their_owners_alone_and_the_directorys_own() {
    let house = House::founded("keys");
    let key = house.data().join("keys/operator.key");
    assert_eq!(std::fs::metadata(&key).expect("there").permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("changed");
    house.run(&["accounts"]).fails_with(3, &["operator.key", "chmod 600"]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("changed");
    let own = std::fs::read(&key).expect("there");
    std::fs::copy(house.data().join("keys/officer-1.key"), &key).expect("copied");
    house.run(&["accounts"]).fails_with(3, &["operator's key"]);
    let officer = key.display().to_string();
    std::fs::write(&key, own).expect("written");
    house.run(&["cycle", "close", "--officer-key", &officer]).fails_with(3, &["operator.key", "officer"]);
    std::fs::remove_file(&key).expect("removed");
    house.run(&["accounts"]).fails_with(3, &["operator.key"]);
}

#[test]
fn a_configuration_is_refused_by_file_line_and_key() {
    let house = House::empty("config");
    std::fs::write(house.path("feiqian.toml"), "[engine]\nshard = 2\n").expect("written");
    house.run(&["accounts"]).fails_with(2, &["feiqian.toml", "line 2", "shard"]);
    std::fs::write(house.path("feiqian.toml"), "[http]\nlisten = \"0.0.0.0:1\"\n").expect("written");
    house.run(&["accounts"]).fails_with(2, &["feiqian.toml:2: listen", "loopback"]);
    std::fs::remove_file(house.path("feiqian.toml")).expect("removed");
    house.run(&["accounts"]).fails_with(6, &["feiqian.toml"]);
}
