//! Reading holds at most twice the size of the file plus one mebibyte, whatever the file says. A test of its own,
//! because it counts the whole program's memory.

use std::fs;
use std::path::PathBuf;

use gibbsian_checkpoint::{Checkpoint, decode_weights, fingerprint, read_weights};
use gibbsian_checkpoint::{MAX_HEADER_BYTES, MAX_WEIGHTS_HEADER_BYTES};
use gibbsian_core::{Record, Values};
use peak_alloc::PeakAlloc;
use sha2::{Digest, Sha256};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most bytes held while the file is read, beyond those held before.
fn peak_of_reading(bytes: &[u8], is_good: bool) -> usize {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("memory.safetensors");
    fs::write(&path, bytes).unwrap();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let read = Checkpoint::read(&path);
    let peak = MEMORY.peak_usage() - before;
    assert_eq!(read.is_ok(), is_good, "{:?}", read.err());
    // As plain weights, whatever comes of it, the same file has the same bound.
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let weights = read_weights(&path);
    let peak_of_weights = MEMORY.peak_usage() - before;
    drop(weights);
    peak.max(peak_of_weights)
}

/// A header that begins as it must, has the text of `entries` after the metadata, is padded to `n` bytes, and has the
/// right digest.
fn sealed(entries: &str, n: usize, n_numbers: usize) -> Vec<u8> {
    let zeros = "0".repeat(64);
    let mut header = format!(
        r#"{{"__metadata__":{{"sha256":"{zeros}","format":"gibbsian checkpoint","version":"1","step":"0","seed":"0","recipe":""}}{entries}"#
    );
    assert!(header.len() <= n, "{}", header.len());
    header += &" ".repeat(n - header.len());
    let mut bytes = (n as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + n_numbers, 0);
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let place = bytes.windows(64).position(|w| w == zeros.as_bytes()).unwrap();
    bytes[place..place + 64].copy_from_slice(digest.as_bytes());
    bytes
}

#[test]
fn no_file_takes_more_memory_than_twice_its_size_and_a_mebibyte() {
    let limit = |bytes: &[u8]| 2 * bytes.len() + (1 << 20);

    // An honest file of 8 MB.
    let mut record = Record::new();
    record.put("model.weights", &[1_000_000], Values::F64(vec![0.5; 1_000_000]));
    let (step, seed, recipe) = (0, 0, fingerprint(""));
    let honest = Checkpoint {
        step,
        seed,
        recipe,
        record,
    }
    .to_bytes()
    .unwrap();
    let peak = peak_of_reading(&honest, true);
    assert!(peak <= limit(&honest), "{peak}");
    assert!(peak >= honest.len(), "{peak}: is memory counted?");

    // As many entries as a header holds, with the most axes that they may have for their bytes.
    let n = MAX_HEADER_BYTES;
    for shape in ["", "0", "0,0,0,0,0", "0,0,0,0,0,0,0,0"] {
        let mut entries = String::new();
        for i in 0.. {
            let entry = format!(
                r#","{i:x}":{{"dtype":"U8","shape":[{shape}],"data_offsets":[{},{}]}}"#,
                if shape.is_empty() { i } else { 0 },
                if shape.is_empty() { i + 1 } else { 0 }
            );
            if entries.len() + entry.len() + 200 > n {
                break;
            }
            entries += &entry;
        }
        let n_numbers = if shape.is_empty() {
            entries.matches("dtype").count()
        } else {
            0
        };
        let many = sealed(&format!("{entries}}}"), n, n_numbers);
        let peak = peak_of_reading(&many, true);
        assert!(peak <= limit(&many), "shape [{shape}]: {peak}");
    }

    // Plain weights may have a longer header, and hold up to eight times as much for it.
    let n = MAX_WEIGHTS_HEADER_BYTES;
    let tensor = |i: usize| format!(r#""{i:x}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#);
    let tensors: Vec<String> = (0..n / 60).map(tensor).collect();
    let notes: Vec<String> = (0..n / 12).map(|i| format!(r#""{i:x}":"""#)).collect();
    for header in [
        format!("{{{}}}", tensors.join(",")),
        format!(r#"{{"__metadata__":{{{}}}}}"#, notes.join(",")),
    ] {
        assert!(header.len() <= n && header.len() > n / 2, "{}", header.len());
        let many = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        assert!(decode_weights(&many, "many").is_ok());
        let peak = peak_of_reading(&many, false);
        assert!(
            peak <= 2 * many.len() + 8 * header.len(),
            "{peak} of {}",
            header.len()
        );
    }

    let n = MAX_HEADER_BYTES;
    // Texts of all kinds that are errors only at their end.
    let long = "7,".repeat(n / 2 - 400);
    let text = "\\n".repeat(n / 2 - 400);
    let deep = "[".repeat(n - 600);
    for entries in [
        format!(r#","a":{{"dtype":"U8","shape":[{long}"#),
        format!(r#","{text}"#),
        format!(r#","a":{{"{text}":1"#),
        format!(r#","a":{{"dtype":"{text}""#),
        format!(r#","a":{deep}"#),
        r#","a":{"dtype":"F64","shape":[1125899906842624],"data_offsets":[0,9007199254740992]}}"#.to_owned(),
    ] {
        let bad = sealed(&entries, n, 0);
        let peak = peak_of_reading(&bad, false);
        assert!(peak <= limit(&bad), "{}: {peak}", &entries[..40]);
    }

    // A header that claims to be large, in a small file.
    for claimed in [1_u64 << 20, 1 << 40, u64::MAX] {
        let mut bad = honest[..1_000].to_vec();
        bad[..8].copy_from_slice(&claimed.to_le_bytes());
        let peak = peak_of_reading(&bad, false);
        assert!(peak <= limit(&bad), "{claimed}: {peak}");
    }
}
