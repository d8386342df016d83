//! Files that are not what they say they are: every kind of damage to an IDX file is an error that names it.

use crate::common::{gzip, idx_bytes};
use gibbsian_data::{Idx, decode_idx, read_idx};
use proptest::prelude::*;

fn decode(bytes: &[u8]) -> gibbsian_core::Result<Idx> {
    decode_idx("the-file", bytes)
}

/// The message of a refusal, which must begin with the file's name.
fn refusal(bytes: &[u8]) -> String {
    let message = match decode(bytes) {
        Ok(idx) => panic!("accepted as {idx:?}"),
        Err(error) => error.to_string(),
    };
    assert!(message.starts_with("the-file: found "), "{message}");
    message
}

#[track_caller]
fn assert_refused(bytes: &[u8], words: &[&str]) {
    let message = refusal(bytes);
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
}

/// A small valid file, 2 × 3.
fn valid() -> Vec<u8> {
    idx_bytes(&[2, 3], &[10, 20, 30, 40, 50, 60])
}

#[test]
fn each_refusal_names_what_was_found_and_what_was_expected() {
    assert_refused(
        &[],
        &["the end of the file after 0 bytes", "4 bytes of the header"],
    );
    assert_refused(&[0, 0, 8], &["after 3 bytes of the header"]);
    assert_refused(&[1, 2, 8, 1], &["0x01 0x02", "0x00 0x00", "0x1f 0x8b"]);
    assert_refused(b"PK\x03\x04", &["0x50 0x4b"]);
    for (element, name) in [
        (0x09, "i8"),
        (0x0B, "i16"),
        (0x0C, "i32"),
        (0x0D, "f32"),
        (0x0E, "f64"),
        (0x0A, "unknown"),
        (0x00, "unknown"),
    ] {
        assert_refused(&[0, 0, element, 1], &["element type", name, "0x08 (u8)"]);
    }
    for rank in [0, 5, 255] {
        assert_refused(&[0, 0, 8, rank], &[&format!("{rank} dimensions"), "1 to 4"]);
    }
    assert_refused(
        &[0, 0, 8, 2, 0, 0, 0, 2, 0],
        &["after 5 bytes", "8 bytes of the dimensions"],
    );
    for shape in [&[0][..], &[2, 0], &[0, 3], &[1, 1, 1, 0]] {
        assert_refused(&idx_bytes(shape, &[]), &[&format!("{shape:?}"), "at least 1"]);
    }
    assert_refused(
        &idx_bytes(&[2, 3], &[0; 5]),
        &["after 5 bytes of the entries", "6 bytes"],
    );
    assert_refused(&idx_bytes(&[2, 3], &[0; 7]), &["more bytes after the entries"]);
}

#[test]
fn claims_beyond_any_memory_are_refused() {
    // A product of 2¹²⁸ - …, which no 64-bit multiplication can hold, and one just above what a vector can.
    assert_refused(&idx_bytes(&[u32::MAX; 4], &[0; 9]), &["4294967295", "at most"]);
    assert_refused(
        &idx_bytes(&[1 << 31, 1 << 31, 2], &[0; 9]),
        &["9223372036854775808", "at most"],
    );
    // What a vector could hold in principle is limited by the bytes that are there.
    assert_refused(
        &idx_bytes(&[1 << 31, 1 << 31], &[0; 9]),
        &["after 9 bytes of the entries"],
    );
    // A gzip stream has a limit of its own.
    let message = refusal(&gzip(&idx_bytes(&[1 << 15, 1 << 14], &[0; 9])));
    assert!(
        message.contains("in a gzip stream") && message.contains("268435456"),
        "{message}"
    );
}

#[test]
fn every_truncation_is_refused() {
    for whole in [valid(), gzip(&valid())] {
        assert!(decode(&whole).is_ok());
        for n in 0..whole.len() {
            let message = refusal(&whole[..n]);
            assert!(message.contains("the end of the file"), "{n} bytes: {message}");
        }
    }
}

#[test]
fn every_bit_flip_in_a_plain_file_is_refused_or_changes_one_entry() {
    let (whole, original) = (valid(), decode(&valid()).unwrap());
    let header = whole.len() - 6;
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        match decode(&bytes) {
            Err(_) => assert!(bit / 8 < header, "a flip of entry bit {bit} was refused"),
            Ok(idx) => {
                assert!(bit / 8 >= header, "a flip of header bit {bit} was accepted");
                assert_eq!(idx.shape(), original.shape());
                let changed = idx.bytes().iter().zip(original.bytes()).filter(|(a, b)| a != b);
                assert_eq!(changed.count(), 1);
            }
        }
    }
}

#[test]
fn no_bit_flip_in_a_gzip_file_changes_an_entry() {
    // A flip may hit what carries no information: the text flag, the time, the compressor's level and system in bytes 3 to 9 of the
    // header (RFC 1952, section 2.3), and the bits that fill the last byte of the deflate stream. Then the entries are the same.
    let original = decode(&valid()).unwrap();
    let whole = gzip(&valid());
    let last_deflate_byte = whole.len() - 9;
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(idx) = decode(&bytes) {
            assert_eq!(idx, original, "bit {bit}");
            let byte = bit / 8;
            assert!(
                (3..10).contains(&byte) || byte == last_deflate_byte,
                "a flip in byte {byte} was not noticed"
            );
        }
    }
}

#[test]
fn checksums_lengths_and_second_members_of_gzip_are_checked() {
    let whole = gzip(&valid());
    let n = whole.len();
    let mut wrong_checksum = whole.clone();
    wrong_checksum[n - 8] ^= 1;
    assert_refused(&wrong_checksum, &["checksum"]);
    let mut wrong_length = whole.clone();
    wrong_length[n - 4] ^= 1;
    assert_refused(&wrong_length, &["checksum and length match"]);
    assert_refused(
        &[&whole[..], &whole].concat(),
        &["more bytes after the gzip member", "single"],
    );
    assert_refused(
        &[&whole[..], &[0]].concat(),
        &["more bytes after the gzip member"],
    );
    // One file cut into two members, which some tools would join.
    let bytes = valid();
    assert!(decode(&[gzip(&bytes[..9]), gzip(&bytes[9..])].concat()).is_err());
    // A gzip file inside a gzip file is not an IDX file.
    assert_refused(&gzip(&whole), &["0x1f 0x8b as the first two bytes"]);
    // More inside than the dimensions say, and less.
    assert_refused(
        &gzip(&idx_bytes(&[2, 3], &[0; 7])),
        &["more bytes after the entries"],
    );
    assert_refused(
        &gzip(&idx_bytes(&[2, 3], &[0; 5])),
        &["after 5 bytes of the entries"],
    );
}

#[test]
fn files_are_named_by_their_path() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("torn.idx");
    std::fs::write(&path, &valid()[..13]).unwrap();
    let message = read_idx(&path).unwrap_err().to_string();
    assert!(
        message.contains("torn.idx: found the end of the file after 1 bytes"),
        "{message}"
    );
    std::fs::write(&path, valid()).unwrap();
    assert_eq!(read_idx(&path).unwrap(), decode(&valid()).unwrap());
    std::fs::write(&path, gzip(&valid())).unwrap();
    assert_eq!(read_idx(&path).unwrap(), decode(&valid()).unwrap());
    std::fs::remove_file(&path).unwrap();
    let error = read_idx(&path).unwrap_err();
    assert!(matches!(error, gibbsian_core::Error::File { .. }), "{error}");
    assert!(error.to_string().contains("torn.idx"), "{error}");
    // A directory can be opened on some systems, and never be read.
    assert!(read_idx(env!("CARGO_TARGET_TMPDIR")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_written_is_read(shape in prop::collection::vec(1_u32..6, 1..=4), seed: u8) {
        let n: u32 = shape.iter().product();
        let entries: Vec<u8> = (0..n).map(|i| (i as u8).wrapping_mul(seed)).collect();
        let bytes = idx_bytes(&shape, &entries);
        let idx = decode(&bytes).unwrap();
        prop_assert_eq!(idx.shape(), shape.iter().map(|&d| d as usize).collect::<Vec<_>>());
        prop_assert_eq!(idx.bytes(), entries);
        prop_assert_eq!(decode(&gzip(&bytes)).unwrap(), idx);
    }

    #[test]
    fn arbitrary_bytes_are_an_error_or_a_consistent_array(
        magic: bool, wrapped: bool, rank in 0_u8..6, rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = if magic { vec![0, 0, 8, rank] } else { vec![] };
        bytes.extend(rest);
        let bytes = if wrapped { gzip(&bytes) } else { bytes };
        if let Ok(idx) = decode(&bytes) {
            prop_assert_eq!(idx.shape().iter().product::<usize>(), idx.bytes().len());
            prop_assert!(!idx.bytes().is_empty());
        }
    }
}
