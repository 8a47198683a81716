//! A journal that nothing happens to.

use super::*;

#[test]
fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut written = Vec::new();
    for life in 0..3 {
        let (folder, mut journal, recovered, frames) = open(&path).unwrap();
        assert_eq!(frames, written);
        assert_eq!((recovered.commits, recovered.frames), (40 * life, 120 * life));
        assert!(recovered.torn.is_empty() && recovered.damage.is_empty(), "{recovered:?}");
        folder.begin(Durability::Sync).unwrap();
        for n in 0..40 {
            let durability = if n % 2 == 0 { Durability::Sync } else { Durability::Write };
            let bodies = [vec![n as u8; 100], vec![], vec![0; n * 10]];
            written
                .extend(commit(&mut journal, written.len() as u64, &bodies, durability).unwrap());
        }
        assert!(journal.reader().segments().len() > life as usize * 2);
        for (head, body, location) in &written {
            for hint in [0, body.len(), 1 << 20] {
                let frame = journal.reader().read(*location, hint).unwrap();
                assert_eq!((frame.head, &frame.body[..]), (*head, &body[..]));
            }
        }
        if life == 1 {
            journal.close().unwrap();
            folder.end().unwrap();
        }
    }
}
