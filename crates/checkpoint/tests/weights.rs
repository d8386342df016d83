//! Plain safetensors files: those of Python are read, ours are read there, and damaged or hostile ones are refused.

use std::path::{Path, PathBuf};

use gibbsian_checkpoint::{
    Checkpoint, CheckpointFiles, MAX_WEIGHTS_HEADER_BYTES, decode_weights, encode_weights, fingerprint,
    read_weights, write_weights,
};
use gibbsian_core::{Record, Values};
use safetensors::{Dtype, SafeTensors};

/// A file that `tests/reference/weights.py` wrote.
fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/reference")
        .join(name)
}

/// The arrays of that script.
fn weights() -> Record {
    let mut record = Record::new();
    let layer = vec![0.5, -0.25, 0.1, 1e30, -0.0, 1.0];
    record.put("layer.weight", &[2, 3], Values::F32(layer));
    record.put("layer.bias", &[3], Values::F64(vec![0.1, -1e300, 5e-324]));
    record.put("scale", &[], Values::F64(vec![2.5]));
    record.put("mask", &[3], Values::U8(vec![1, 0, 255]));
    record.put("counts", &[1], Values::U64(vec![u64::MAX]));
    record
}

fn sorted(record: &Record) -> Vec<(String, Vec<usize>, Values)> {
    let entries = record
        .entries()
        .map(|(n, s, v)| (n.to_owned(), s.to_vec(), v.clone()));
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries
}

/// A file with this header and these bytes of numbers.
fn file(header: &str, numbers: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(numbers);
    bytes
}

fn refused(bytes: &[u8]) -> String {
    match decode_weights(bytes, "the-file") {
        Ok(record) => panic!("accepted as {record:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn pythons_files_are_read() {
    for name in ["plain.safetensors", "metadata.safetensors"] {
        let read = read_weights(reference(name)).unwrap();
        assert_eq!(sorted(&read), sorted(&weights()), "{name}");
    }
}

#[test]
fn kinds_that_a_record_does_not_hold_are_refused_with_what_helps() {
    let message = read_weights(reference("half.safetensors"))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("F16") && message.contains("tensor.float()"),
        "{message}"
    );
}

#[test]
fn ours_are_read_by_the_reference() {
    // The script beside the reference files reads this one in Python.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ours.safetensors");
    write_weights(&path, &weights()).unwrap();
    assert_eq!(read_weights(&path).unwrap(), weights());
    let bytes = std::fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.len(), 5);
    let bias = tensors.tensor("layer.bias").unwrap();
    assert_eq!((bias.dtype(), bias.shape()), (Dtype::F64, &[3][..]));
    assert_eq!(&bias.data()[..8], 0.1_f64.to_le_bytes());
}

#[test]
fn an_empty_record_and_a_checkpoint_are_weights_too() {
    let empty = encode_weights(&Record::new()).unwrap();
    assert_eq!(decode_weights(&empty, "empty").unwrap(), Record::new());
    let checkpoint = Checkpoint {
        step: 3,
        seed: 1,
        recipe: fingerprint("r"),
        record: weights(),
    };
    let read = decode_weights(&checkpoint.to_bytes().unwrap(), "checkpoint").unwrap();
    assert_eq!(read, weights());
}

#[test]
fn numbers_that_are_not_finite_are_neither_written_nor_read() {
    let mut record = Record::new();
    record.put("x", &[2], Values::F64(vec![0.0, f64::NAN]));
    assert!(encode_weights(&record).unwrap_err().to_string().contains("NaN"));
    let header = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    assert!(refused(&file(header, &f32::INFINITY.to_le_bytes())).contains("inf"));
}

#[test]
fn truncated_files_are_refused_at_every_byte() {
    let bytes = encode_weights(&weights()).unwrap();
    for n in 0..bytes.len() {
        refused(&bytes[..n]);
    }
    refused(&[bytes, vec![0]].concat());
}

#[test]
fn hostile_headers_are_refused() {
    let tensor = |shape: &str, offsets: &str| {
        format!("{{\"x\":{{\"dtype\":\"F64\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
    };
    for (shape, offsets) in [
        ("[2]", "[0,8]"),
        ("[1]", "[0,16]"),
        ("[1]", "[8,0]"),
        ("[18446744073709551615,2]", "[0,16]"),
        ("[4294967296]", "[0,34359738368]"),
        ("[-1]", "[0,8]"),
        ("[1,1,1,1,1,1,1,1,2]", "[0,16]"),
    ] {
        let message = refused(&file(&tensor(shape, offsets), &[0; 16]));
        assert!(message.starts_with("the-file"), "{message}");
    }
    let twice = "{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\
                  \"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}";
    assert!(refused(&file(twice, &[0; 2])).contains("two entries"));
    for second in ["{}", "{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"] {
        let twice = format!("{{\"__metadata__\":{{}},\"__metadata__\":{second}}}");
        assert!(refused(&file(&twice, &[])).contains("__metadata__"), "{second}");
    }
    let nested = format!("{{\"__metadata__\":{}", "[".repeat(100_000));
    refused(&file(&nested, &[]));
    refused(&file(&" ".repeat(MAX_WEIGHTS_HEADER_BYTES + 1), &[]));
    refused(&u64::MAX.to_le_bytes());
    assert!(refused(&file("[]", &[])).contains("tensors by name"));
}

#[test]
fn names_are_given_once_in_a_header_and_once_in_its_metadata() {
    let once = "{\"__metadata__\":{\"format\":\"pt\"}}";
    assert!(decode_weights(&file(once, &[]), "the-file").is_ok());
    let metadata = "{\"__metadata__\":{\"format\":\"pt\"},\"__metadata__\":{\"format\":\"np\"}}";
    assert!(refused(&file(metadata, &[])).contains("a second field `__metadata__`"));
    let within = "{\"__metadata__\":{\"format\":\"pt\",\"format\":\"np\"}}";
    assert!(refused(&file(within, &[])).contains("a second field `format`"));
}

#[test]
fn a_file_that_cannot_take_its_name_leaves_nothing_behind() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-name");
    let _ = std::fs::remove_dir_all(&directory);
    // A folder with something in it has the name.
    let path = directory.join("checkpoint.safetensors");
    std::fs::create_dir_all(path.join("inside")).unwrap();
    write_weights(&path, &weights()).unwrap_err();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
    let checkpoint = Checkpoint {
        step: 3,
        seed: 1,
        recipe: fingerprint("r"),
        record: weights(),
    };
    let mut files = CheckpointFiles::new(&directory).unwrap();
    files.save(&checkpoint).unwrap_err();
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
}

#[test]
fn headers_are_read_up_to_a_limit_that_is_named() {
    let of = |n: usize| file(&format!("{{}}{}", " ".repeat(n - 2)), &[]);
    assert!(decode_weights(&of(MAX_WEIGHTS_HEADER_BYTES), "the-file").is_ok());
    let message = refused(&[of(MAX_WEIGHTS_HEADER_BYTES + 8), vec![0]].concat());
    for part in ["a header of 1048584 bytes", "at most 1048576", "fewer tensors"] {
        assert!(message.contains(part), "{message}");
    }
    // More tensors than a checkpoint's header holds are written and read.
    let mut record = Record::new();
    for i in 0..2_500 {
        record.put(format!("layers.{i}.weight"), &[1], Values::U8(vec![1]));
    }
    let bytes = encode_weights(&record).unwrap();
    assert!(bytes.len() > gibbsian_checkpoint::MAX_HEADER_BYTES);
    assert_eq!(decode_weights(&bytes, "many").unwrap(), record);
}
