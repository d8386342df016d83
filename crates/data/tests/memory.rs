//! How much memory the readers and views take, measured by an allocator that counts.
//!
//! A reallocation counts as if the old and the new block were alive together, which they are while the one is copied to the other.

#[path = "laws/common/mod.rs"]
mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::path::Path;

use common::{gzip, idx_bytes, npy_bytes};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use gibbsian_core::dataset::{BatchOrder, Dataset};
use gibbsian_core::{Seed, Streams};
use gibbsian_data::{
    Header, Images, LastBatch, Means, Minibatches, StochasticBinarised, Threshold, decode_idx, decode_npy,
    decode_npy_bytes, decode_table, encode_npy, read_idx, read_npy,
};
use ndarray::Array2;
use rand::Rng;

const MIB: usize = 1 << 20;

thread_local! {
    // Bytes alive, their highest number, and the number of allocations, of this thread: tests run side by side.
    static COUNTS: Cell<(isize, isize, usize)> = const { Cell::new((0, 0, 0)) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // A thread that is being torn down has no counts any more.
    let _ = COUNTS.try_with(|counts| {
        let (alive, peak, n) = counts.get();
        let alive = alive + bytes;
        counts.set((alive, peak.max(alive), n + usize::from(bytes > 0)));
    });
}

// SAFETY: all calls are handed on to the system's allocator unchanged; counting touches nothing but a `Cell` of this thread, which
// needs no allocation because it is initialised at compile time and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the block came from `System`, and the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize);
        // SAFETY: the block came from `System`, and the caller keeps the contract of `realloc`.
        let moved = unsafe { System.realloc(block, layout, size) };
        count(-(layout.size() as isize));
        moved
    }
}

/// What `f` returns, the highest number of bytes it had allocated at once, and the number of its allocations.
fn measure<T>(f: impl FnOnce() -> T) -> (T, usize, usize) {
    COUNTS.set((0, 0, 0));
    let value = f();
    let (_, peak, n) = COUNTS.get();
    (value, peak as usize, n)
}

/// How many bytes a gzip file really holds; of anything else, its length.
fn really_there(bytes: &[u8]) -> usize {
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return bytes.len();
    }
    let mut decoder = GzDecoder::new(bytes);
    let (mut total, mut buffer) = (0, [0; 4096]);
    while let Ok(n @ 1..) = decoder.read(&mut buffer) {
        total += n;
    }
    bytes.len() + total
}

/// Decodes, whatever comes of it, and holds the peak against the bound.
fn assert_idx_bound(bytes: &[u8]) -> bool {
    let (result, peak, _) = measure(|| decode_idx("file", bytes));
    let bound = 2 * really_there(bytes) + MIB;
    assert!(peak <= bound, "{peak} bytes for a bound of {bound}");
    result.is_ok()
}

fn assert_table_bound(bytes: &[u8], header: Header) -> bool {
    let (result, peak, _) = measure(|| decode_table("file", bytes, header));
    let bound = 5 * really_there(bytes) + MIB;
    assert!(peak <= bound, "{peak} bytes for a bound of {bound}");
    result.is_ok()
}

/// Three times what is there is the bound for floats, and nine for bytes that become doubles.
fn assert_npy_bound(bytes: &[u8], times: usize) -> bool {
    let (result, peak, _) = measure(|| decode_npy("file", bytes));
    let bound = times * really_there(bytes) + MIB;
    assert!(peak <= bound, "{peak} bytes for a bound of {bound}");
    let (_, peak, _) = measure(|| decode_npy_bytes("file", bytes).is_ok());
    let bound = 2 * really_there(bytes) + MIB;
    assert!(peak <= bound, "{peak} bytes for a bound of {bound}");
    result.is_ok()
}

#[test]
fn the_counter_counts() {
    let (_, peak, n) = measure(|| {
        drop(vec![1_u8; 1000]);
        let mut growing = vec![1_u8; 2000];
        growing.reserve_exact(3000);
        growing
    });
    assert_eq!((peak, n), (7000, 3));
}

#[test]
fn valid_files_take_at_most_twice_what_is_there() {
    let entries = vec![7; 5 * MIB];
    let plain = idx_bytes(&[5 << 10, 32, 32], &entries);
    assert!(assert_idx_bound(&plain));
    assert!(assert_idx_bound(&gzip(&plain)));
    // With a length that the operating system vouches for, once is enough.
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("five-mib.idx");
    std::fs::write(&path, &plain).unwrap();
    let (result, peak, _) = measure(|| read_idx(&path));
    assert_eq!(result.unwrap().bytes(), entries);
    assert!(peak < plain.len() + MIB / 2, "{peak}");
}

#[test]
fn arrays_take_what_their_numbers_need() {
    let doubles = Array2::from_elem((5 << 10, 128), 0.5);
    let singles = doubles.mapv(|v| v as f32);
    let columns = String::from_utf8_lossy(&encode_npy(&doubles)[10..128]).replace("False", "True ");
    let columns = npy_bytes(&columns, &encode_npy(&doubles)[128..]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, plain, times) in [
        ("doubles", encode_npy(&doubles), 1),
        ("columns", columns, 1),
        ("singles", encode_npy(&singles), 2),
        ("bytes", encode_npy(&doubles.mapv(|_| 7_u8)), 8),
    ] {
        assert!(
            assert_npy_bound(&plain, times.max(2) + usize::from(times > 1)),
            "{name}"
        );
        assert!(
            assert_npy_bound(&gzip(&plain), times.max(2) + usize::from(times > 1)),
            "{name}"
        );
        // A plain file is converted while it is read: the result and a buffer, nothing else.
        let path = folder.join(format!("{name}.npy"));
        std::fs::write(&path, &plain).unwrap();
        let (result, peak, _) = measure(|| read_npy(&path).unwrap().len());
        assert_eq!(result, doubles.len());
        assert!(peak < times * plain.len() + MIB / 2, "{name}: {peak}");
    }
}

#[test]
fn claims_of_arrays_without_numbers_take_no_memory() {
    for shape in ["(4294967296,)", "(1000, 1000, 1000)", "(1152921504606846975,)"] {
        for kind in ["<f8", "|u1", ">i2"] {
            let header = format!("{{'descr': '{kind}', 'fortran_order': True, 'shape': {shape}, }}");
            let claim = npy_bytes(&header, &[0; 10]);
            for bytes in [claim.clone(), gzip(&claim)] {
                let (refused, peak, _) = measure(|| {
                    decode_npy("claim", bytes.as_slice()).is_err()
                        && decode_npy_bytes("claim", bytes.as_slice()).is_err()
                });
                assert!(refused);
                assert!(peak < MIB, "{shape}: {peak} bytes");
            }
        }
    }
}

#[test]
fn claims_without_bytes_take_no_memory() {
    for shape in [
        &[200, 1000, 1000][..],
        &[u32::MAX],
        &[1 << 31, 1 << 31],
        &[u32::MAX; 4],
    ] {
        let claim = idx_bytes(shape, &[0; 10]);
        for bytes in [claim.clone(), gzip(&claim)] {
            let (result, peak, _) = measure(|| decode_idx("claim", bytes.as_slice()).is_err());
            assert!(result);
            assert!(peak < MIB, "{shape:?}: {peak} bytes");
        }
    }
}

#[test]
fn claims_of_pictures_without_data_take_no_memory() {
    // A header of 4096 x 4096 pixels with colours and alpha, and as much data as would do for one row.
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        let length = (data.len() as u32).to_be_bytes();
        [&length[..], name, data, &crc.sum().to_be_bytes()].concat()
    };
    let header = [0, 0, 16, 0, 0, 0, 16, 0, 8, 6, 0, 0, 0];
    let bytes = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &[0; 1000]),
        chunk(b"IEND", b""),
    ]
    .concat();
    let (refused, peak, _) = measure(|| gibbsian_data::decode_png("claim", bytes.as_slice()).is_err());
    assert!(refused);
    assert!(peak < MIB, "{peak} bytes");
}

#[test]
fn a_gzip_bomb_is_left_one_byte_after_its_claim() {
    // 64 MiB of zeros behind a header that claims 100 bytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&idx_bytes(&[100], &[])).unwrap();
    for _ in 0..64 {
        encoder.write_all(&vec![0; MIB]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < MIB);
    let (result, peak, _) = measure(|| decode_idx("bomb", bomb.as_slice()));
    assert!(
        result
            .unwrap_err()
            .to_string()
            .contains("more bytes after the entries")
    );
    assert!(peak < MIB, "{peak} bytes");
}

#[test]
fn tables_take_at_most_five_times_their_text() {
    let rows = "1,2,3,4\n".repeat(MIB / 4);
    assert!(assert_table_bound(rows.as_bytes(), Header::Absent));
    assert!(assert_table_bound(&gzip(rows.as_bytes()), Header::Absent));
    let one_line = "1,".repeat(MIB) + "1";
    assert!(assert_table_bound(one_line.as_bytes(), Header::Absent));
    assert!(!assert_table_bound(one_line.as_bytes(), Header::Present));
    let names: Vec<String> = (0..4096).map(|j| j.to_string()).collect();
    let named = names.join(",") + "\n" + &"1,".repeat(4095) + "1\n";
    assert!(assert_table_bound(named.as_bytes(), Header::Present));
}

/// A mutation of a valid file: bits flipped, a byte overwritten, a piece removed or doubled, or the end cut off.
fn mutate(seed: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let mut below = |n: usize| (rng.next_u64() % n.max(1) as u64) as usize;
    for _ in 0..=below(4) {
        let at = below(bytes.len());
        let length = below(9).min(bytes.len() - at);
        match below(5) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << below(8),
            1 if !bytes.is_empty() => bytes[at] = [0, 1, 8, 0x7F, 0x80, 0xFF, b',', b'\n'][below(8)],
            2 => drop(bytes.drain(at..at + length)),
            3 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn mutated_files_neither_panic_nor_exceed_the_bounds() {
    let idx = idx_bytes(&[3, 2, 2], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let table = b"x,y\n1.5,-2e3\n0,7\n".to_vec();
    let npy = encode_npy(&ndarray::array![[1.5, 2.0], [-3.0, 0.0]]);
    let mut rng = Seed::new(17).rng();
    let mut accepted = 0;
    for _ in 0..3000 {
        for seed in [&idx, &table, &npy] {
            let inner = mutate(seed, &mut rng);
            let outer = mutate(&gzip(seed), &mut rng);
            for bytes in [&inner, &gzip(&inner), &outer] {
                accepted += usize::from(assert_idx_bound(bytes));
                accepted += usize::from(assert_npy_bound(bytes, 9));
                accepted += usize::from(assert_table_bound(bytes, Header::Present));
                accepted += usize::from(assert_table_bound(bytes, Header::Absent));
            }
        }
    }
    // Some mutations leave a valid file; if none did, the mutations would test nothing behind the first check.
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn steady_state_does_not_allocate() {
    let images = Images::new(300, 28, 28, (0..300 * 784).map(|i| (i % 256) as u8).collect()).unwrap();
    let views: [&dyn Dataset; 3] = [
        &Threshold::new(images.clone(), 127),
        &StochasticBinarised::new(images.clone()),
        &Means::new(images),
    ];
    let mut order = Minibatches::new(300, 100, LastBatch::Keep, Seed::new(1)).unwrap();
    let mut out = Array2::zeros((100, 784));
    for view in views {
        // Nine steps are three epochs, each with a new order.
        let (_, _, n) = measure(|| {
            for step in 0..9 {
                view.rows_into(order.batch(step), Streams::from_key(step), out.view_mut());
            }
        });
        assert_eq!(n, 0);
        assert!(out.sum() > 0.0);
    }
}

#[cfg(feature = "npz")]
#[test]
fn mutated_archives_neither_panic_nor_exceed_the_bounds() {
    use std::io::Cursor;

    use gibbsian_data::{Npz, NpzWriter};

    let mut writer = NpzWriter::new("archive", Cursor::new(Vec::new()));
    writer
        .put("x", &ndarray::array![[1.5, 2.0], [-3.0, 0.0]])
        .unwrap();
    writer.put("y", &ndarray::array![1_u8, 2]).unwrap();
    let sound = writer.finish().unwrap().into_inner();
    let mut rng = Seed::new(18).rng();
    let mut accepted = 0;
    for _ in 0..5000 {
        let bytes = mutate(&sound, &mut rng);
        let (read, peak, _) = measure(|| {
            let mut arrays = Npz::new("archive", Cursor::new(bytes.as_slice()))?;
            let names = arrays.names().to_vec();
            names
                .iter()
                .map(|name| arrays.array(name))
                .collect::<gibbsian_core::Result<Vec<_>>>()
        });
        assert!(peak <= 2 * MIB, "{peak} bytes");
        accepted += usize::from(read.is_ok());
    }
    assert!(accepted > 10, "{accepted}");
}
