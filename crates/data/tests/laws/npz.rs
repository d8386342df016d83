//! Archives of arrays: NumPy's, ours, and hostile ones.

use std::io::{Cursor, Write};

use gibbsian_data::npz::MAX_MEMBERS;
use gibbsian_data::{Npz, NpzWriter, encode_npy};
use ndarray::{Array2, array};
use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::common::npy_bytes;
use crate::npy::{cube, reference};

/// An archive with these members.
fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn ours(name: &str, values: &Array2<f64>) -> Vec<u8> {
    let mut writer = NpzWriter::new("ours", Cursor::new(Vec::new()));
    writer.put(name, values).unwrap();
    writer.finish().unwrap().into_inner()
}

fn read(bytes: &[u8], name: &str) -> gibbsian_core::Result<ndarray::ArrayD<f64>> {
    Npz::new("the-file", Cursor::new(bytes))?.array(name)
}

#[test]
fn numpys_archives_are_read() {
    for name in ["stored.npz", "deflated.npz"] {
        let mut arrays = Npz::open(reference(name)).unwrap();
        assert_eq!(arrays.names(), ["x", "labels"]);
        assert_eq!(arrays.array("labels").unwrap(), array![3.0, 1.0].into_dyn());
        assert_eq!(arrays.bytes("labels").unwrap(), array![3, 1].into_dyn());
        assert_eq!(arrays.array("x").unwrap(), cube().into_dyn());
        let message = arrays.array("y").unwrap_err().to_string();
        assert!(
            message.contains("[\"x\", \"labels\"]") && message.contains(name),
            "{message}"
        );
        let message = arrays.bytes("x").unwrap_err().to_string();
        assert!(
            message.contains("member x.npy") && message.contains("kind f8"),
            "{message}"
        );
    }
}

#[test]
fn a_file_is_written_and_read() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("written.npz");
    let mut writer = NpzWriter::create(&path).unwrap();
    writer.put("x", &cube()).unwrap();
    writer.put("größe", &array![1.5_f32]).unwrap();
    for name in ["", "x", "a/b", "a\\b", "a\0"] {
        let message = writer.put(name, &array![1.0]).unwrap_err().to_string();
        assert!(message.contains("no other array"), "{message}");
    }
    writer.finish().unwrap();
    let mut arrays = Npz::open(&path).unwrap();
    assert_eq!(arrays.names(), ["x", "größe"]);
    assert_eq!(arrays.array("x").unwrap(), cube().into_dyn());
    assert_eq!(arrays.array("größe").unwrap(), array![1.5].into_dyn());
    assert!(Npz::open("no/such/file.npz").is_err());
}

#[test]
fn other_members_are_left_alone() {
    let x = encode_npy(&array![1.0, 2.0]);
    let bytes = archive(
        &[("readme.txt", b"words"), ("x.npy", &x)],
        CompressionMethod::Deflated,
    );
    let arrays = Npz::new("the-file", Cursor::new(bytes.as_slice())).unwrap();
    assert_eq!(arrays.names(), ["x"]);
    assert_eq!(read(&bytes, "x").unwrap(), array![1.0, 2.0].into_dyn());
}

#[test]
fn truncated_archives_are_refused_at_every_byte() {
    for bytes in [
        ours("x", &array![[1.5, -2.0]]),
        std::fs::read(reference("stored.npz")).unwrap(),
        std::fs::read(reference("deflated.npz")).unwrap(),
    ] {
        assert!(read(&bytes, "x").is_ok());
        for n in 0..bytes.len() {
            assert!(Npz::new("x", Cursor::new(&bytes[..n])).is_err(), "{n} bytes");
        }
        let longer = [bytes, vec![0]].concat();
        assert!(Npz::new("x", Cursor::new(longer)).is_err());
    }
}

#[test]
fn flipped_bits_never_give_other_numbers() {
    // The stored array takes 320 bytes, of which no bit may change; the rest has times, permissions and the other array.
    for (name, n_guarded) in [("stored.npz", 320), ("deflated.npz", 1)] {
        let whole = std::fs::read(reference(name)).unwrap();
        let mut accepted = 0;
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(array) = read(&bytes, "x") {
                assert_eq!(array, cube().into_dyn(), "bit {bit}");
                accepted += 1;
            }
        }
        assert!(
            accepted > 0 && accepted <= 8 * (whole.len() - n_guarded),
            "{name}: {accepted}"
        );
    }
}

#[test]
fn inflation_is_bounded_by_size_and_by_ratio() {
    let header = |n: usize| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({n},), }}");
    // 24 MiB of zeros in some 24 kB: beyond 16 MiB, and more than 200 times.
    let zeros = npy_bytes(&header(3 << 20), &vec![0; 24 << 20]);
    let bytes = archive(&[("x.npy", &zeros)], CompressionMethod::Deflated);
    let message = read(&bytes, "x").unwrap_err().to_string();
    for words in [
        "shape [3145728], 25165824 bytes, in a zip member",
        "at most 200 times",
        "268435456",
    ] {
        assert!(message.contains(words), "{message}");
    }
    // The same stored is what it is, and 8 MiB of zeros may have any ratio.
    let bytes = archive(&[("x.npy", &zeros)], CompressionMethod::Stored);
    assert_eq!(read(&bytes, "x").unwrap().len(), 3 << 20);
    let modest = npy_bytes(&header(1 << 20), &vec![0; 8 << 20]);
    let bytes = archive(&[("x.npy", &modest)], CompressionMethod::Deflated);
    assert_eq!(read(&bytes, "x").unwrap().len(), 1 << 20);
    // A claim beyond all bounds, with nothing behind it.
    let claim = npy_bytes(&header(1 << 40), &[0; 64]);
    let bytes = archive(&[("x.npy", &claim)], CompressionMethod::Deflated);
    assert!(
        read(&bytes, "x")
            .unwrap_err()
            .to_string()
            .contains("in a zip member")
    );
    // A small claim before many bytes is left after it.
    let more = npy_bytes(&header(2), &vec![0; 24 << 20]);
    let bytes = archive(&[("x.npy", &more)], CompressionMethod::Deflated);
    assert!(
        read(&bytes, "x")
            .unwrap_err()
            .to_string()
            .contains("more bytes after the numbers")
    );
}

#[test]
fn directories_that_claim_too_much_are_refused() {
    let x = encode_npy(&array![1.0]);
    let sound = archive(&[("x.npy", &x)], CompressionMethod::Stored);
    let refuse = |bytes: &[u8]| {
        Npz::new("the-file", Cursor::new(bytes))
            .err()
            .unwrap()
            .to_string()
    };
    let end = sound.len() - 22;
    let mut many = sound.clone();
    many[end + 10..end + 12].copy_from_slice(&(MAX_MEMBERS + 1).to_le_bytes());
    assert!(refuse(&many).contains("1001 members"));
    let mut locator = sound[..end].to_vec();
    locator.extend(b"PK\x06\x07");
    locator.extend([0; 16]);
    locator.extend(&sound[end..]);
    assert!(refuse(&locator).contains("zip64"));
    assert!(refuse(&x).contains("no directory at its end"));
    assert!(refuse(b"").contains("no directory at its end"));
    // The second entry of the directory points at the bytes of the first.
    let mut overlapping = archive(&[("x.npy", &x), ("y.npy", &x)], CompressionMethod::Stored);
    let second = overlapping.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    overlapping[second + 42..second + 46].copy_from_slice(&[0; 4]);
    let message = refuse(&overlapping);
    assert!(
        message.contains("overlap") || message.contains("header"),
        "{message}"
    );
}

proptest! {
    #[test]
    fn arrays_come_back_with_the_same_bits(
        bits in prop::collection::vec(any::<u64>(), 1..60), name in "[a-zA-Z_.é][a-zA-Z0-9_. é-]{0,20}",
    ) {
        let values = Array2::from_shape_vec((1, bits.len()), bits.iter().map(|&b| f64::from_bits(b)).collect()).unwrap();
        let back = read(&ours(&name, &values), &name).unwrap();
        prop_assert_eq!(back.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), bits);
    }
}
