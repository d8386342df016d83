//! Files of checkpoints: exact, readable elsewhere, and never wrong numbers.

use std::fs;
use std::path::PathBuf;

use gibbsian_checkpoint::{Checkpoint, CheckpointFiles, fingerprint};
use gibbsian_checkpoint::{MAX_HEADER_BYTES, MAX_RANK};
use gibbsian_core::{Error, Record, Seed, Values};
use rand::{Rng, RngExt};
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

/// An empty directory of this test alone.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

/// All kinds of numbers, extreme ones among them, scalars, empty arrays, and names that JSON must escape.
fn checkpoint() -> Checkpoint {
    let mut record = Record::new();
    record.put("bytes", &[3], Values::U8(vec![0, 255, 7]));
    record.put(
        "model.weights",
        &[2, 3],
        Values::F64(vec![
            0.1,
            -0.0,
            f64::MIN_POSITIVE / 4.0,
            f64::MAX,
            -f64::EPSILON,
            1.0 / 3.0,
        ]),
    );
    record.put("step", &[], Values::U64(vec![u64::MAX]));
    record.put(
        "velocity",
        &[1, 2],
        Values::F32(vec![f32::MIN_POSITIVE / 2.0, -0.0]),
    );
    record.put("empty", &[0, 5], Values::F64(Vec::new()));
    record.put("a \"quoted\"\\ name\n\u{1}é", &[1], Values::F32(vec![2.5]));
    Checkpoint {
        step: 1 << 60,
        seed: u64::MAX,
        recipe: fingerprint("all kinds"),
        record,
    }
}

#[test]
fn numbers_and_their_order_come_back_bit_for_bit() {
    let before = checkpoint();
    let bytes = before.to_bytes().unwrap();
    let after = Checkpoint::from_bytes(&bytes, "memory").unwrap();
    assert_eq!(after, before);
    // Equality takes 0 and −0 for the same; bytes do not.
    assert_eq!(after.to_bytes().unwrap(), bytes);
    assert_eq!(before.to_bytes().unwrap(), bytes);
    let empty = Checkpoint {
        record: Record::new(),
        ..before
    };
    assert_eq!(
        Checkpoint::from_bytes(&empty.to_bytes().unwrap(), "memory").unwrap(),
        empty
    );
}

#[test]
fn the_reference_implementation_of_the_format_reads_the_same_numbers() {
    let ours = checkpoint();
    let bytes = ours.to_bytes().unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(
        metadata.metadata().as_ref().unwrap()["seed"],
        u64::MAX.to_string()
    );
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), ours.record.entries().count());
    for (name, shape, values) in ours.record.entries() {
        let tensor = theirs.tensor(name).unwrap();
        assert_eq!(tensor.shape(), shape);
        let (kind, expected): (_, Vec<u8>) = match values {
            Values::F64(v) => (Dtype::F64, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::F32(v) => (Dtype::F32, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::U64(v) => (Dtype::U64, v.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Values::U8(v) => (Dtype::U8, v.clone()),
        };
        assert_eq!((tensor.dtype(), tensor.data()), (kind, expected.as_slice()));
    }
}

#[test]
fn every_cut_is_found() {
    let bytes = checkpoint().to_bytes().unwrap();
    for n in 0..bytes.len() {
        let e = Checkpoint::from_bytes(&bytes[..n], "cut").unwrap_err();
        assert!(matches!(e, Error::Format { .. }), "{n}: {e}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(Checkpoint::from_bytes(&longer, "longer").is_err());
}

#[test]
fn every_flipped_bit_is_found() {
    let bytes = checkpoint().to_bytes().unwrap();
    for bit in 0..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let e = Checkpoint::from_bytes(&damaged, "flipped").unwrap_err();
        assert!(matches!(e, Error::Format { .. }), "{bit}: {e}");
    }
    // And ten thousand times several at once, swapped blocks among them.
    let mut rng = Seed::new(16).rng();
    for _ in 0..10_000 {
        let mut damaged = bytes.clone();
        for _ in 0..rng.random_range(1..5) {
            let (i, j) = (rng.random_range(0..bytes.len()), rng.random_range(0..bytes.len()));
            if rng.random() {
                damaged[i] = damaged[i].wrapping_add(rng.random_range(1..=255));
            } else {
                damaged.swap(i, j);
            }
        }
        if damaged != bytes {
            assert!(Checkpoint::from_bytes(&damaged, "damaged").is_err());
        }
    }
}

#[test]
fn the_newest_file_cut_anywhere_gives_the_previous_with_a_notice() {
    let mut files = CheckpointFiles::new(directory("cut")).unwrap();
    assert!(files.load().unwrap().is_none());
    let older = Checkpoint {
        step: 1,
        ..checkpoint()
    };
    files.save(&older).unwrap();
    files.save(&checkpoint()).unwrap();
    let whole = fs::read(files.newest()).unwrap();
    for n in (0..whole.len()).step_by(13) {
        fs::write(files.newest(), &whole[..n]).unwrap();
        let loaded = files.load().unwrap().unwrap();
        assert_eq!(loaded.checkpoint, older);
        let notice = loaded.notice.unwrap().to_string();
        assert!(notice.contains("checkpoint.safetensors"), "{notice}");
    }
    // Missing, as after a kill between two renames.
    fs::remove_file(files.newest()).unwrap();
    let loaded = files.load().unwrap().unwrap();
    assert_eq!(loaded.checkpoint, older);
    assert!(loaded.notice.unwrap().to_string().contains("read"));
    // Both damaged: an error, and one that names the newest.
    fs::write(files.newest(), &whole[..100]).unwrap();
    fs::write(files.previous(), &whole[..90]).unwrap();
    let e = files.load().unwrap_err().to_string();
    assert!(e.contains("checkpoint.safetensors"), "{e}");
    // The previous one alone, damaged: an error about it.
    fs::remove_file(files.newest()).unwrap();
    let e = files.load().unwrap_err().to_string();
    assert!(e.contains("checkpoint.previous.safetensors"), "{e}");
}

#[test]
fn numbers_that_are_not_finite_are_refused_on_both_ways() {
    let quiet = f64::from_bits(0x7FF8_0000_0000_1234);
    for bad in [quiet, -quiet, f64::INFINITY, f64::NEG_INFINITY] {
        for values in [Values::F64(vec![0.0, bad]), Values::F32(vec![0.0, bad as f32])] {
            let mut files = CheckpointFiles::new(directory("finite")).unwrap();
            let mut wrong = checkpoint();
            wrong.record.put("velocities", &[2], values);
            let e = files.save(&wrong).unwrap_err().to_string();
            assert!(e.contains("number 1 of checkpoint entry velocities"), "{e}");
            assert!(files.load().unwrap().is_none());
        }
    }
    // A file with one, made by someone else.
    let bytes = checkpoint().to_bytes().unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut wrong = bytes.clone();
    wrong[header..header + 8].copy_from_slice(&f64::NAN.to_le_bytes());
    let e = Checkpoint::from_bytes(&sealed(wrong), "memory").unwrap_err();
    assert!(matches!(e, Error::NonFinite { .. }), "{e}");
}

#[test]
fn what_the_format_cannot_hold_is_refused_before_writing() {
    let with = |name: &str, shape: &[usize]| {
        let mut record = Record::new();
        record.put(name, shape, Values::U8(vec![0]));
        Checkpoint {
            record,
            ..checkpoint()
        }
        .to_bytes()
    };
    assert!(
        with("__metadata__", &[])
            .unwrap_err()
            .to_string()
            .contains("reserved")
    );
    assert!(with("ones", &[1; MAX_RANK]).is_ok());
    assert!(
        with("ones", &[1; MAX_RANK + 1])
            .unwrap_err()
            .to_string()
            .contains("axes")
    );
    let e = with(&"x".repeat(MAX_HEADER_BYTES), &[]).unwrap_err().to_string();
    assert!(e.contains("checkpoint header"), "{e}");
}

/// `bytes` with the right digest in its place, as whoever makes a hostile file would write it.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let place = bytes.windows(10).position(|w| w == b"\"sha256\":\"").unwrap() + 10;
    bytes[place..place + 64].fill(b'0');
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    bytes[place..place + 64].copy_from_slice(digest.as_bytes());
    bytes
}

/// A sealed file with a header of one's own after the digits of the digest, and numbers.
fn hostile(rest_of_header: &str, numbers: &[u8]) -> Vec<u8> {
    let header = format!(
        "{{\"__metadata__\":{{\"sha256\":\"{}{rest_of_header}",
        "0".repeat(64)
    );
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(numbers);
    sealed(bytes)
}

#[test]
fn hostile_headers_are_errors_that_say_what_is_wrong() {
    let metadata = r#"","format":"gibbsian checkpoint","version":"1","step":"0","seed":"0","recipe":"""#;
    let good = r#"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#;
    let read = |rest: &str, numbers: &[u8]| Checkpoint::from_bytes(&hostile(rest, numbers), "hostile");
    assert!(read(&format!("{metadata}{good}"), &[1, 2]).is_ok());

    let cases = [
        (
            r#"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,3]}}"#,
            "shape [2]",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}"#,
            "shape [2]",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#,
            "2 bytes of numbers",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            "2 bytes of numbers",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            "begins at byte 1",
        ),
        (
            r#"},"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,2]}}"#,
            "4294967296",
        ),
        (
            r#"},"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,9223372036854775808]}}"#,
            "2 bytes of numbers",
        ),
        (r#"},"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,2]}}"#, "-1"),
        (
            r#"},"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,2]}}"#,
            "18446744073709551616",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,2]}}"#,
            "at most 8",
        ),
        (
            r#"},"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#,
            "F16",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"b":1}}"#,
            "unknown field `b`",
        ),
        (r#"},"a":{"dtype":"U8","shape":[2]}}"#, "data_offsets"),
        (
            r#"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
            "two entries `a`",
        ),
        (
            r#"},"__metadata__":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            "second `__metadata__`",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            "begins at byte 0",
        ),
        (
            r#","author":"x"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            "author",
        ),
        (
            r#"},"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}]"#,
            "header",
        ),
        (
            r#"},"__metadata__":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
            "a second `__metadata__`",
        ),
        (r#"}"#, "header"),
        (r#"}}"#, "2 bytes of numbers"),
    ];
    for (rest, message) in cases {
        let e = read(&format!("{metadata}{rest}"), &[1, 2]).unwrap_err();
        assert!(matches!(e, Error::Format { .. }), "{e}");
        assert!(e.to_string().contains(message), "{rest}: {e}");
    }
    let version = metadata.replace("\"1\"", "\"2\"");
    let e = read(&format!("{version}{good}"), &[1, 2])
        .unwrap_err()
        .to_string();
    assert!(e.contains("version `2`"), "{e}");
    let step = metadata.replace("\"step\":\"0\"", "\"step\":\"-3\"");
    let e = read(&format!("{step}{good}"), &[1, 2]).unwrap_err().to_string();
    assert!(e.contains("step `-3`"), "{e}");
    let deep = format!("{metadata}}},\"a\":{}", "[".repeat(100_000));
    assert!(read(&deep, &[]).is_err());
}

#[test]
fn hostile_headers_at_random_never_panic() {
    let bytes = checkpoint().to_bytes().unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut rng = Seed::new(17).rng();
    let alphabet = br#"{}[],:"0123456789-eFU84 \x"#;
    let mut n_read = 0;
    for _ in 0..20_000 {
        let mut changed = bytes.clone();
        for _ in 0..rng.random_range(1..4) {
            let i = rng.random_range(8 + 27 + 64..8 + header);
            changed[i] = alphabet[rng.random_range(0..alphabet.len())];
        }
        n_read += usize::from(Checkpoint::from_bytes(&sealed(changed), "random").is_ok());
    }
    // Changes inside a name or a number of the metadata are still good files.
    assert!(n_read > 0 && n_read < 20_000, "{n_read}");
    for n in [
        0_u64,
        7,
        8,
        26,
        27,
        90,
        91,
        92,
        1 << 17,
        (1 << 17) + 1,
        u64::MAX,
        u64::MAX - 7,
    ] {
        let mut changed = bytes.clone();
        changed[..8].copy_from_slice(&n.to_le_bytes());
        assert!(Checkpoint::from_bytes(&changed, "length").is_err());
    }
    let mut noise = vec![0; 4096];
    rng.fill_bytes(&mut noise);
    assert!(Checkpoint::from_bytes(&noise, "noise").is_err());
}

#[test]
fn files_are_read_as_files_only() {
    let directory = directory("kinds");
    let e = Checkpoint::read(&directory).unwrap_err().to_string();
    assert!(e.contains("not a regular file"), "{e}");
    let e = Checkpoint::read(directory.join("absent")).unwrap_err();
    assert!(matches!(e, Error::File { .. }), "{e}");
    let path = directory.join("weights.safetensors");
    checkpoint().write(&path).unwrap();
    assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint());
    let n_files = || fs::read_dir(&directory).unwrap().count();
    assert_eq!(n_files(), 1, "no file is left over");
    // A directory that is not empty takes no other name.
    fs::create_dir_all(directory.join("taken/inside")).unwrap();
    assert!(checkpoint().write(directory.join("taken")).is_err());
    assert_eq!(n_files(), 2);
    let e = checkpoint().write(directory.join("no/such/place")).unwrap_err();
    assert!(matches!(e, Error::File { .. }), "{e}");
}
