use super::*;

const FOLDER: &str = "/folder";

fn new() -> (SimulatedDisk, PathBuf) {
    let disk = SimulatedDisk::new();
    disk.create_folder(Path::new(FOLDER)).unwrap();
    disk.sync_folder(Path::new("/")).unwrap();
    (disk, Path::new(FOLDER).join("file"))
}

fn bytes(disk: &SimulatedDisk, path: &Path) -> Option<Vec<u8>> {
    disk.paths().contains(&path.to_owned()).then(|| disk.edit(path, |bytes| bytes.clone()))
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_nothing_else() {
    let (mut kept, mut old, mut zeros, mut other, mut shorter) = (0, 0, 0, 0, 0);
    for seed in 0..200 {
        let (disk, path) = new();
        let file = disk.create(&path).unwrap();
        file.write_at(0, &[1; 10_000]).unwrap();
        file.sync().unwrap();
        disk.sync_folder(Path::new(FOLDER)).unwrap();
        file.write_at(5000, &[2; 10_000]).unwrap();
        disk.power_cut(seed);
        assert!(file.write_at(0, b"zombie").is_err(), "files are closed");
        let bytes = bytes(&disk, &path).unwrap();
        assert_eq!(bytes[..5000], [1; 5000]);
        assert!((10_000..=15_000).contains(&bytes.len()));
        let has = |value| bytes[5000..].chunks(512).any(|block| block.iter().all(|b| *b == value));
        kept += u32::from(has(2));
        old += u32::from(bytes[5000..10_000].contains(&1));
        zeros += u32::from(has(0));
        other += u32::from(bytes.iter().any(|byte| *byte > 2));
        shorter += u32::from(bytes.len() < 15_000);
    }
    for seen in [kept, old, zeros, other, shorter] {
        assert!((20..200).contains(&seen), "{:?}", [kept, old, zeros, other, shorter]);
    }
}

#[test]
fn a_rename_that_was_not_synced_happens_or_not() {
    let mut renamed = 0;
    for seed in 0..50 {
        let (disk, path) = new();
        for (name, text) in [("file", b"old"), ("file.new", b"new")] {
            let file = disk.create(&Path::new(FOLDER).join(name)).unwrap();
            file.write_at(0, text).unwrap();
            file.sync().unwrap();
        }
        disk.sync_folder(Path::new(FOLDER)).unwrap();
        disk.rename(&Path::new(FOLDER).join("file.new"), &path).unwrap();
        disk.create(&Path::new(FOLDER).join("another")).unwrap();
        assert_eq!(bytes(&disk, &path).unwrap(), b"new");
        disk.power_cut(seed);
        let is_renamed = bytes(&disk, &path).unwrap() == b"new";
        let from_exists = disk.paths().contains(&Path::new(FOLDER).join("file.new"));
        assert_ne!(is_renamed, from_exists);
        renamed += u32::from(is_renamed);
    }
    assert!((5..45).contains(&renamed), "{renamed}");
}

#[test]
fn a_failed_sync_drops_what_was_written_though_it_can_be_read() {
    let mut lost = 0;
    for seed in 0..50 {
        let (disk, path) = new();
        let file = disk.create(&path).unwrap();
        disk.sync_folder(Path::new(FOLDER)).unwrap();
        file.write_at(0, &[1; 100]).unwrap();
        disk.set_plan(|_, operation| (operation == Operation::Sync).then_some(Fault::Error));
        file.sync().unwrap_err();
        disk.clear_plan();
        file.sync().unwrap();
        assert_eq!(bytes_of(&*file), [1; 100]);
        let again = seed % 2 == 0;
        if again {
            file.write_at(0, &[1; 100]).unwrap();
            file.sync().unwrap();
        }
        disk.power_cut(seed);
        let is_lost = bytes(&disk, &path).unwrap() != [1; 100];
        assert!(!(again && is_lost), "it was written again");
        lost += u32::from(is_lost);
    }
    assert!(lost > 10, "{lost}");
}

fn bytes_of(file: &dyn DiskFile) -> Vec<u8> {
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn faults_happen_as_planned() {
    let (disk, path) = new();
    let file = disk.create(&path).unwrap();
    disk.set_plan(|_, operation| match operation {
        Operation::Write { at: 0, .. } => Some(Fault::Short(3)),
        Operation::Write { at: 3, .. } => Some(Fault::Full(2)),
        Operation::Write { .. } => None,
        _ => Some(Fault::Error),
    });
    assert_eq!(file.write_at(0, b"abcdef").unwrap_err().kind(), io::ErrorKind::Other);
    assert_eq!(file.write_at(3, b"xyz").unwrap_err().kind(), io::ErrorKind::StorageFull);
    file.write_at(5, b"!").unwrap();
    for failed in [disk.rename(&path, &path), disk.remove(&path), disk.sync_folder(&path)] {
        failed.unwrap_err();
    }
    disk.clear_plan();
    assert_eq!(bytes_of(&*file), b"abcxy!");
}
