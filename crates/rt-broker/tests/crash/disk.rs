//! Disks that take nothing: one that is full, and one that was mounted for reading.

use super::life::{done, held};
use rt_broker::simulation::{Fault, Operation, SimulatedDisk};
use rt_broker::{Durability, Engine, Error, FileEngine, Health, History, Message, NodeId};
use std::time::Duration;

fn open(disk: &SimulatedDisk, durability: Durability) -> Result<FileEngine, Error> {
    FileEngine::builder("/store").durability(durability).open_simulated(disk, 16 << 10)
}

fn publish(engine: &FileEngine, text: &'static str) -> Result<(), Error> {
    done(engine, engine.publish("t", Message::text(text), NodeId::random())).map(drop)
}

fn texts(engine: &FileEngine) -> Vec<String> {
    let held = held(engine, "t").expect("it can be read");
    held.iter().map(|entry| entry.publication().data().expect("text").to_owned()).collect()
}

fn health(engine: &FileEngine) -> Health {
    super::life::poll(&mut engine.health()).expect("it is known at once")
}

#[test]
fn on_a_full_disk_reads_go_on_and_publishing_works_again_once_there_is_room() {
    let group = Durability::Group { bytes: 1, period: Duration::ZERO };
    for durability in [Durability::Always, group, Durability::None] {
        let disk = SimulatedDisk::new();
        let engine = open(&disk, durability).expect("it is new");
        publish(&engine, "before").expect("there is room");
        // Some bytes still fit, and then none.
        let mut room = 100;
        disk.set_plan(move |_, operation| match operation {
            Operation::Write { bytes, .. } => {
                let fits = bytes.min(room);
                room -= fits;
                (fits < bytes).then_some(Fault::Full(fits))
            }
            _ => None,
        });
        for _ in 0..5 {
            let error = publish(&engine, "no room").expect_err("there is no room");
            assert!(error.to_string().contains("free some space"), "{error}");
            assert_eq!(texts(&engine), ["before"]);
        }
        assert!(matches!(health(&engine), Health::Down(why) if why.contains("free some space")));
        disk.clear_plan();
        publish(&engine, "after").expect("there is room again");
        assert_eq!(health(&engine), Health::Ok);
        assert_eq!(texts(&engine), ["before", "after"]);
        engine.kill();
        assert_eq!(texts(&open(&disk, durability).expect("it opens")), ["before", "after"]);
    }
}

#[test]
fn a_folder_that_was_mounted_for_reading_is_refused_and_stays_as_it_was() {
    for closed in [true, false] {
        let disk = SimulatedDisk::new();
        let engine = open(&disk, Durability::Always).expect("it is new");
        publish(&engine, "before").expect("it can be written");
        if closed {
            engine.close_now().expect("it can be written");
        } else {
            engine.kill();
        }
        let files = || {
            let bytes = |path: &std::path::PathBuf| disk.edit(path, |bytes| bytes.clone());
            disk.paths().into_iter().map(|path| (bytes(&path), path)).collect::<Vec<_>>()
        };
        let before = files();
        disk.set_plan(|_, operation| match operation {
            Operation::Read { .. } | Operation::Sync | Operation::SyncFolder => None,
            _ => Some(Fault::ReadOnly),
        });
        let error = open(&disk, Durability::Always).expect_err("it cannot be written").to_string();
        assert!(
            error.contains("/store") && error.contains("mount the disk for writing"),
            "{error}"
        );
        assert_eq!(files(), before);
        disk.clear_plan();
        let engine = open(&disk, Durability::Always).expect("it can be written");
        assert_eq!(texts(&engine), ["before"]);
    }
}
