//! Numbers as bytes, little-endian.

use gibbsian_core::Values;

/// The kinds of numbers, by their names in safetensors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    F64,
    F32,
    U64,
    U8,
}

impl Kind {
    pub(super) fn size(self) -> usize {
        match self {
            Kind::F64 | Kind::U64 => 8,
            Kind::F32 => 4,
            Kind::U8 => 1,
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Kind::F64, Kind::F32, Kind::U64, Kind::U8]
            .into_iter()
            .find(|kind| kind.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::F64 => "F64",
            Kind::F32 => "F32",
            Kind::U64 => "U64",
            Kind::U8 => "U8",
        }
    }
}

pub(super) fn kind_of(values: &Values) -> Kind {
    match values {
        Values::F64(_) => Kind::F64,
        Values::F32(_) => Kind::F32,
        Values::U64(_) => Kind::U64,
        Values::U8(_) => Kind::U8,
    }
}

/// The kind of `values` and their bytes.
pub(super) fn numbers(values: &Values) -> Vec<u8> {
    let mut bytes = kind_of(values).name().as_bytes().to_vec();
    put_numbers(&mut bytes, values);
    bytes
}

pub(super) fn put_numbers(bytes: &mut Vec<u8>, values: &Values) {
    match values {
        Values::F64(v) => v.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
        Values::F32(v) => v.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
        Values::U64(v) => v.iter().for_each(|v| bytes.extend_from_slice(&v.to_le_bytes())),
        Values::U8(v) => bytes.extend_from_slice(v),
    }
}

pub(super) fn take_numbers(kind: Kind, bytes: &[u8]) -> Values {
    match kind {
        Kind::F64 => Values::F64(words(bytes).map(f64::from_le_bytes).collect()),
        Kind::F32 => Values::F32(words(bytes).map(f32::from_le_bytes).collect()),
        Kind::U64 => Values::U64(words(bytes).map(u64::from_le_bytes).collect()),
        Kind::U8 => Values::U8(bytes.to_vec()),
    }
}

/// The bytes in words of `N`; the caller has checked that they come out even.
fn words<const N: usize>(bytes: &[u8]) -> impl ExactSizeIterator<Item = [u8; N]> + '_ {
    bytes.chunks_exact(N).map(|chunk| {
        let mut word = [0; N];
        word.copy_from_slice(chunk);
        word
    })
}
