//! What a folder survives: damage, kills between any two steps, and full disks.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;

const RUN: Identity = [7; 32];

fn journal(folder: &Path) -> Journal {
    Journal::new(folder, RUN, Every::Steps(1))
}

/// Fails if a bit of a number changes on the way through the disk.
#[test]
fn numbers_keep_their_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    let values = [f64::NAN, -0.0, f64::NEG_INFINITY, 5e-324, 0.1];
    write_sealed(&path, &(values, "text", Some(u64::MAX))).unwrap();
    let read: ([f64; 5], String, Option<u64>) = read_sealed(&path).unwrap();
    assert_eq!(read.0.map(f64::to_bits), values.map(f64::to_bits));
    assert_eq!((read.1.as_str(), read.2), ("text", Some(u64::MAX)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Every bit changed, and every cut.
fn every_damage_is_refused(whole: &[u8], refused: &dyn Fn(&[u8]) -> bool) {
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1 << bit;
            assert!(refused(&bytes), "byte {at}, bit {bit}");
        }
        assert!(refused(&whole[..at]), "cut to {at}");
    }
}

/// Fails if any byte can take another value, or the file another length, without being noticed.
#[test]
fn no_damage_goes_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v");
    write_sealed(&path, &vec![1.5_f64, -2.5]).unwrap();
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        matches!(read_sealed::<Vec<f64>>(&path), Err(SealError::Damaged(_)))
    };
    every_damage_is_refused(&whole, &refused);
    assert!(refused(&[&whole[..], &[0]].concat()));
    fs::write(&path, &whole).unwrap();
    assert_eq!(read_sealed::<Vec<f64>>(&path).unwrap(), [1.5, -2.5]);
    assert!(matches!(read_sealed::<f64>(&path), Err(SealError::Damaged(_))));
}

/// Fails if a result is taken for that of another stage, or a state outlives its stage.
#[test]
fn a_run_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = journal(folder.path());
    assert_eq!(first.finished::<u32>("one"), None);
    first.finish("one", &11_u32).unwrap();
    assert_eq!(first.finished::<u32>("two"), None);
    first.keep("two", false, || 1_u32).unwrap();
    first.keep("two", false, || 2_u32).unwrap();

    let mut second = journal(folder.path());
    assert_eq!(second.finished::<u32>("one"), Some(11));
    assert_eq!(second.finished::<u32>("two"), None);
    assert_eq!(second.resumed::<u32>("two"), Some(2));
    second.finish("two", &22_u32).unwrap();
    assert_eq!(second.finished::<u32>("three"), None);
    assert_eq!(second.resumed::<u32>("three"), None);
    assert!(second.take_notes().is_empty());

    let mut stranger = Journal::new(folder.path(), [8; 32], Every::Steps(1));
    assert_eq!(stranger.finished::<u32>("one"), None);
    assert!(stranger.take_notes()[0].contains("another run"));
}

/// Fails if damage of the newest state loses the one before, or is not told; or if a damaged result spoils those
/// behind it.
#[test]
fn damage_costs_time_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let spoil = |name: &str| {
        let path = folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    let mut first = journal(folder.path());
    first.finish("one", &11_u32).unwrap();
    first.finish("two", &22_u32).unwrap();
    first.keep("three", false, || 1_u32).unwrap();
    first.keep("three", false, || 2_u32).unwrap();
    spoil("state");
    spoil("stage-0000");

    let mut second = journal(folder.path());
    assert_eq!(second.finished::<u32>("one"), None);
    let notes = second.take_notes();
    assert!(notes.len() == 1 && notes[0].contains("stage-0000 is damaged"), "{notes:?}");
    second.finish("one", &11_u32).unwrap();
    assert_eq!(second.finished::<u32>("two"), Some(22));
    assert_eq!(second.resumed::<u32>("three"), Some(1));
    assert!(second.take_notes()[0].contains("state is damaged: its checksum"));
    // The intact one must outlive the first of the two renames that the next state takes.
    fs::rename(folder.path().join("state"), folder.path().join("state.previous")).unwrap();
    assert_eq!(journal(folder.path()).finished::<u32>("one"), Some(11));
    let mut third = journal(folder.path());
    let results = ["one", "two"].map(|name| third.finished::<u32>(name));
    assert_eq!((results, third.resumed::<u32>("three")), ([Some(11), Some(22)], Some(1)));
}

/// Fails if a folder is brought to the disk before what it holds, or one is left out.
#[test]
fn folders_come_after_those_inside() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    create_folder(&at("a/b/c")).unwrap();
    create_folder(&at("a/d")).unwrap();
    fs::write(at("a/b/file"), "").unwrap();
    let found = replace::folders(&at("a")).unwrap();
    let place = |name: &str| found.iter().position(|folder| *folder == at(name)).unwrap();
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(place("a/b/c") < place("a/b"));
    assert_eq!(place("a"), 3);
    sync_names(&at("a")).unwrap();
    assert!(sync_names(&at("a/b/file")).is_err());
}

/// Fails if a kept file is lost when the new one cannot be written, or the new one is not the first to be looked at.
#[test]
fn the_one_before_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let keep = |text: &'static [u8]| {
        rotate(&at("new"), &at("old"), |file| std::io::Write::write_all(file, text))
    };
    let read = |name: &str| fs::read(at(name)).unwrap();
    keep(b"1").unwrap();
    keep(b"2").unwrap();
    keep(b"3").unwrap();
    assert_eq!((read("new"), read("old")), (b"3".to_vec(), b"2".to_vec()));
    let full = |_: &mut std::io::BufWriter<fs::File>| Err(std::io::ErrorKind::StorageFull.into());
    assert!(rotate(&at("new"), &at("old"), full).is_err());
    assert_eq!((read("new"), read("old")), (b"3".to_vec(), b"2".to_vec()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Fails if a process killed between any two steps of keeping a state leaves neither of the two states.
#[test]
fn one_state_is_always_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut first = journal(folder.path());
    (1..=3_u32).for_each(|state| first.keep("one", false, || state).unwrap());
    // After the first of the two renames.
    fs::rename(at("state"), at("state.previous")).unwrap();
    assert_eq!(journal(folder.path()).resumed::<u32>("one"), Some(3));
    // With a half-written one beside it.
    fs::write(at(".state.part"), b"amc").unwrap();
    let mut next = journal(folder.path());
    assert_eq!(next.resumed::<u32>("one"), Some(3));
    next.keep("one", false, || 4_u32).unwrap();
    assert_eq!(journal(folder.path()).resumed::<u32>("one"), Some(4));
}

/// Fails if a state is kept at every step where a longer time was asked for, or a run that was asked to stop is not.
#[test]
fn states_are_kept_when_due() {
    let state = |every, at_once| {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(folder.path(), RUN, every);
        (1..=5_u32).for_each(|state| journal.keep("one", at_once, || state).unwrap());
        Journal::new(folder.path(), RUN, every).resumed::<u32>("one")
    };
    assert_eq!(state(Every::Steps(2), false), Some(4));
    assert_eq!(state(Every::Time(Duration::from_secs(3600)), false), None);
    assert_eq!(state(Every::Time(Duration::from_secs(3600)), true), Some(5));
}

/// Fails if an interval is read as another one, or nonsense is taken.
#[test]
fn intervals_are_read() {
    let seconds = |s| Ok(Every::Time(Duration::from_secs(s)));
    assert_eq!("20".parse(), Ok(Every::Steps(20)));
    assert_eq!("30s".parse(), seconds(30));
    assert_eq!("5min".parse(), seconds(300));
    assert_eq!("2 h".parse(), seconds(7200));
    for text in ["", "0", "0s", "s", "-3", "3 days", "1.5s", "99999999999999999999"] {
        assert!(text.parse::<Every>().is_err(), "{text}");
    }
}

/// Fails if a manifest with any byte changed, lost or added is believed, or another file is blamed for it.
#[test]
fn a_manifest_vouches_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.json");
    fs::write(folder.path().join("a"), "one").unwrap();
    Manifest::of(folder.path(), &["a"]).unwrap().write(folder.path()).unwrap();
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        matches!(Manifest::check(folder.path()), Err(ManifestError::Damaged(_)))
    };
    every_damage_is_refused(&whole, &refused);
    assert!(refused(&[&whole[..], b"\n"].concat()));
    fs::write(&path, &whole).unwrap();
    Manifest::check(folder.path()).unwrap();
}

/// Fails if a changed, missing or cut file passes, or folders are not looked into.
#[test]
fn a_manifest_covers_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a"), "one").unwrap();
    fs::create_dir_all(at("inner/deep")).unwrap();
    fs::write(at("inner/deep/b"), "two").unwrap();
    assert!(matches!(Manifest::check(folder.path()), Err(ManifestError::Missing)));
    Manifest::of(folder.path(), &["inner", "a"]).unwrap().write(folder.path()).unwrap();
    let manifest = Manifest::check(folder.path()).unwrap();
    let names: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a", "inner/deep/b"]);
    // SHA-256 of "one", by another program.
    let one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
    assert_eq!(manifest.files[0].sha256, one);
    let message = |name: &str, contents: Option<&str>| {
        let kept = fs::read(at(name)).unwrap();
        match contents {
            Some(contents) => fs::write(at(name), contents).unwrap(),
            None => fs::remove_file(at(name)).unwrap(),
        }
        let message = Manifest::check(folder.path()).unwrap_err().to_string();
        fs::write(at(name), kept).unwrap();
        message
    };
    assert!(message("a", Some("onf")).contains("a is not the file that was written"));
    assert!(message("inner/deep/b", Some("tw")).contains("has 2 bytes instead of 3"));
    assert!(message("a", None).contains("a cannot be read"));
    assert!(message("manifest.json", Some("{")).contains("manifest.json was damaged"));
    // What is read must be in it.
    fs::write(at("c"), "three").unwrap();
    assert!(manifest.vouch_for(folder.path(), &["a", "absent"]).is_ok());
    let stranger = manifest.vouch_for(folder.path(), &["a", "c"]).unwrap_err().to_string();
    assert!(stranger.contains("c is not in manifest.json"), "{stranger}");
    assert!(Manifest::remembers(folder.path(), "a", b"one"));
    assert!(!Manifest::remembers(folder.path(), "a", b"two"));
    let mut outside = manifest.clone();
    outside.files[1].name = "../other/b".into();
    outside.write(folder.path()).unwrap();
    let message = Manifest::check(folder.path()).unwrap_err().to_string();
    assert!(message.contains("leads out of the folder"), "{message}");
    Manifest::remove_from(folder.path()).unwrap();
    assert!(!Manifest::is_in(folder.path()));
}
