//! Arrays that are not what they claim: each is an error, soon, and never another number.

use std::time::{Duration, Instant};

use crate::common::{gzip, npy_bytes};
use gibbsian_data::{decode_npy, encode_npy, read_npy};
use ndarray::array;

const SOUND: &str = "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }";

#[track_caller]
fn refused(bytes: &[u8]) -> String {
    match decode_npy("the-file", bytes) {
        Ok(array) => panic!("accepted as {array:?}"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn assert_refused(header: &str, words: &[&str]) {
    let message = refused(&npy_bytes(header, &[0; 16]));
    assert!(message.starts_with("the-file, header"), "{message}");
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    assert!(message.len() < 300, "{message}");
}

#[test]
fn headers_may_be_written_in_other_ways() {
    for header in [
        SOUND,
        "{'descr':'<f8','fortran_order':False,'shape':(2,)}",
        "{\"shape\": (1, 2), \"descr\": \"<f8\", \"fortran_order\": True}\n",
        "  { 'fortran_order' : False ,\t'shape' : ( 2 , 1 , ) , 'descr' : '<f8' } \n",
    ] {
        let read = decode_npy("x", npy_bytes(header, &[0; 16]).as_slice()).unwrap();
        assert_eq!(read.len(), 2, "{header}");
    }
}

#[test]
fn headers_that_are_not_numpys_are_refused() {
    for (from, to, words) in [
        ("{", "", "expected a dictionary"),
        (", }", "", "',' or '}'"),
        (", }", ", } x", "nothing but spaces"),
        (", }", ", 'order': 1}", "the key \"order\""),
        (", }", ", 'shape': (2,)}", "the key \"shape\" twice"),
        (", 'shape': (2,)", "", "a key missing"),
        ("'descr': '<f8', ", "", "a key missing"),
        ("'descr'", "descr", "a key in quotes"),
        ("'descr':", "'descr'", "':' after a key"),
        ("'descr'", "'descr\"", "a short string"),
        ("'<f8'", "<f8", "the kind of number in quotes"),
        ("'<f8'", "'f8'", "\"f8\" as the kind"),
        ("'<f8'", "'|f8'", "\"|f8\" as the kind"),
        ("'<f8'", "'<f16'", "\"<f16\" as the kind"),
        ("'<f8'", "''", "\"\" as the kind"),
        ("'<f8'", "'|O'", "Python objects"),
        ("'<f8'", "[('a', '<f8')]", "a structure"),
        ("'<f8'", "'<M8[ns]'", "as the kind"),
        ("False", "0", "True or False"),
        ("False", "Falsehood", "True or False"),
        ("(2,)", "[2]", "a shape, '('"),
        ("(2,)", "2", "a shape, '('"),
        ("(2,)", "(2)", "no tuple"),
        ("(2,)", "(2", "a whole number or ')'"),
        ("(2,)", "(2, 3", "a whole number or ')'"),
        ("(2,)", "(2, 3 4)", "',' or ')'"),
        ("(2,)", "(,)", "a whole number"),
        ("(2,)", "(2,,)", "a whole number"),
        ("(2,)", "(2.0,)", "no tuple"),
        ("(2,)", "(2L,)", "no tuple"),
        ("(2,)", "(0x2,)", "a dimension of 0"),
        ("(2,)", "(0,)", "a dimension of 0"),
        ("(2,)", "(-2,)", "a negative dimension"),
        ("(2,)", "(2, -1)", "a negative dimension"),
        ("(2,)", "(99999999999999999999999,)", "overflows"),
        ("(2,)", "(4294967296, 4294967296)", "overflows"),
        ("(2,)", "(2305843009213693952,)", "overflows"),
    ] {
        let header = SOUND.replacen(from, to, 1);
        assert_ne!(header, SOUND);
        assert_refused(&header, &[words]);
    }
    assert_refused(
        &SOUND.replace("(2,)", &format!("({})", "1, ".repeat(65))),
        &["more than 64 dimensions"],
    );
    assert_refused("", &["its end"]);
    assert_refused(&"\0".repeat(50), &["'\\0' at byte 0"]);
}

#[test]
fn magic_version_and_length_are_checked() {
    let sound = npy_bytes(SOUND, &[0; 16]);
    let changed = |at: usize, byte: u8| {
        let mut bytes = sound.clone();
        bytes[at] = byte;
        refused(&bytes)
    };
    assert!(changed(0, b'N').contains("as the first six bytes"));
    assert!(changed(6, 4).contains("version 4.0"));
    assert!(changed(7, 1).contains("version 1.1"));
    assert!(
        changed(9, 0xFF).contains("at most 10000 bytes"),
        "{}",
        changed(9, 0xFF)
    );
    let long = npy_bytes(&(SOUND.to_owned() + &" ".repeat(9_943)), &[0; 16]);
    assert!(decode_npy("x", long.as_slice()).is_ok());
    let longer = npy_bytes(&(SOUND.to_owned() + &" ".repeat(9_944)), &[0; 16]);
    assert!(refused(&longer).contains("a header of 10001 bytes"));
    let mut second = b"\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF".to_vec();
    second.extend(SOUND.bytes());
    assert!(refused(&second).contains("a header of 4294967295 bytes"));
}

#[test]
fn a_claim_must_be_the_bytes_that_are_there() {
    let bytes = npy_bytes(SOUND, &[0; 15]);
    assert!(refused(&bytes).contains("the end of the file after 15 bytes of the numbers"));
    let bytes = npy_bytes(SOUND, &[0; 17]);
    assert!(refused(&bytes).contains("more bytes after the numbers"));
    // The same from a file, whose length is known beforehand.
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("claims.npy");
    for (n, words) in [
        (15, "after 15 bytes"),
        (17, "more bytes after"),
        (100, "more bytes after"),
    ] {
        std::fs::write(&path, npy_bytes(SOUND, &vec![0; n])).unwrap();
        let message = read_npy(&path).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    let boolean = SOUND.replace("<f8", "|b1");
    assert!(refused(&npy_bytes(&boolean, &[1, 2])).contains("number 2: found 2, expected 0 or 1"));
}

#[test]
fn a_gzip_stream_has_a_bound_as_bytes_and_as_doubles() {
    let header = |n: usize, kind: &str| SOUND.replace("(2,)", &format!("({n},)")).replace("<f8", kind);
    let mib = 1 << 20;
    let message = refused(&gzip(&npy_bytes(&header(33 * mib, "<f8"), &[])));
    assert!(
        message.contains("276824064 bytes") && message.contains("at most 268435456"),
        "{message}"
    );
    let message = refused(&gzip(&npy_bytes(&header(33 * mib, "|u1"), &[])));
    assert!(
        message.contains("276824064 bytes") && message.contains("at most 268435456"),
        "{message}"
    );
}

#[test]
fn truncated_files_are_refused_at_every_byte() {
    let whole = encode_npy(&array![[1.5, -2.0], [0.25, 7.0]]);
    for bytes in [whole.clone(), gzip(&whole)] {
        for n in 0..bytes.len() {
            refused(&bytes[..n]);
        }
    }
}

#[test]
fn flipped_bits_in_gzip_never_give_other_numbers() {
    let array = array![[1.5, -2.0], [0.25, 7.0]].into_dyn();
    let whole = gzip(&encode_npy(&array));
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = decode_npy("x", bytes.as_slice()) {
            assert_eq!(read, array, "bit {bit}");
        }
    }
}

#[test]
fn flipped_bits_in_the_header_change_no_number_of_entries() {
    // Without a checksum a header can turn into another; what is read then still has as many bytes as the file.
    let whole = encode_npy(&array![[1.5, -2.0], [0.25, 7.0]]);
    for bit in 0..8 * 128 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = decode_npy("x", bytes.as_slice()) {
            assert!(
                [4, 8, 16, 32].contains(&read.len()),
                "bit {bit}: {:?}",
                read.shape()
            );
        }
    }
}

#[test]
fn hostile_headers_are_refused_at_once() {
    let nested = "{'descr': ".to_owned() + &"[".repeat(118);
    let most = "(".repeat(10_000);
    let claim = SOUND.replace("(2,)", "(4294967296,)");
    for header in [
        nested,
        "{".repeat(128),
        "{'shape': ".to_owned() + &"(".repeat(9_000),
        most,
        "{'shape': (".to_owned() + &"1,".repeat(4_900),
        "{'descr': '".to_owned() + &"<".repeat(9_900),
        claim,
    ] {
        let bytes = npy_bytes(&header, &[0; 64]);
        let start = Instant::now();
        refused(&bytes);
        assert!(
            start.elapsed() < Duration::from_millis(50),
            "{:?}",
            start.elapsed()
        );
    }
}
