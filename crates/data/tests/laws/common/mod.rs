//! Writing the formats that the readers read.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The bytes of an IDX file with this header, whether or not the entries fit it.
pub fn idx_bytes(shape: &[u32], entries: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    for dimension in shape {
        bytes.extend(dimension.to_be_bytes());
    }
    bytes.extend(entries);
    bytes
}

/// One gzip member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The bytes of a `.npy` file of version 1.0 with this header and these bytes behind it, whether or not they fit.
pub fn npy_bytes(header: &str, numbers: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(numbers);
    bytes
}
