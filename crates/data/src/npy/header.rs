//! What stands before the numbers of a `.npy` file.

use std::fmt;
use std::io::Read;

use gibbsian_core::{Error, Result};

use crate::source::Source;

/// The most bytes that the header may take, NumPy's own bound for headers that it does not trust.
pub const MAX_HEADER: usize = 10_000;

/// The largest number of dimensions accepted, NumPy's own bound.
pub const MAX_RANK: usize = 64;

const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// The whole header, checked.
pub(super) struct Header {
    pub(super) element: Element,
    pub(super) big_endian: bool,
    /// Whether the first dimension runs fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    pub(super) n_entries: usize,
    pub(super) n_bytes: usize,
}

/// The kinds of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Element {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F32,
    F64,
}

/// A number that is not what its kind allows.
pub(super) struct RefusedNumber {
    pub(super) position: usize,
    pub(super) found: String,
    pub(super) expected: &'static str,
}

const NAMES: [(&str, Element); 11] = [
    ("b1", Element::Bool),
    ("i1", Element::I8),
    ("i2", Element::I16),
    ("i4", Element::I32),
    ("i8", Element::I64),
    ("u1", Element::U8),
    ("u2", Element::U16),
    ("u4", Element::U32),
    ("u8", Element::U64),
    ("f4", Element::F32),
    ("f8", Element::F64),
];

impl Element {
    fn named(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|(n, _)| *n == name)
            .map(|&(_, element)| element)
    }

    pub(super) fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, e)| *e == self)
            .map_or("", |&(name, _)| name)
    }

    /// Bytes a number.
    pub(super) fn size(self) -> usize {
        match self {
            Element::Bool | Element::I8 | Element::U8 => 1,
            Element::I16 | Element::U16 => 2,
            Element::I32 | Element::U32 | Element::F32 => 4,
            Element::I64 | Element::U64 | Element::F64 => 8,
        }
    }

    /// Gives every number of `bytes` to `put`, up to the first that is refused.
    pub(super) fn each(
        self,
        bytes: &[u8],
        big_endian: bool,
        mut put: impl FnMut(f64),
    ) -> std::result::Result<(), RefusedNumber> {
        let mut position = 0;
        // Every type has its own loop, in which only the order of the bytes is left to ask.
        macro_rules! each {
            ($type:ty, $convert:expr) => {
                for &raw in bytes.as_chunks::<{ size_of::<$type>() }>().0 {
                    let number = if big_endian {
                        <$type>::from_be_bytes(raw)
                    } else {
                        <$type>::from_le_bytes(raw)
                    };
                    let convert: fn($type) -> std::result::Result<f64, &'static str> = $convert;
                    match convert(number) {
                        Ok(value) => put(value),
                        Err(expected) => {
                            return Err(RefusedNumber {
                                position,
                                found: number.to_string(),
                                expected,
                            });
                        }
                    }
                    position += 1;
                }
            };
        }
        const EXACT: &str =
            "an integer that a double holds exactly, up to 2^53; subtract an offset or rescale the counts";
        match self {
            Element::Bool => each!(u8, |v| if v > 1 {
                Err("0 or 1 as a boolean")
            } else {
                Ok(f64::from(v))
            }),
            Element::I8 => each!(i8, |v| Ok(f64::from(v))),
            Element::I16 => each!(i16, |v| Ok(f64::from(v))),
            Element::I32 => each!(i32, |v| Ok(f64::from(v))),
            Element::U8 => each!(u8, |v| Ok(f64::from(v))),
            Element::U16 => each!(u16, |v| Ok(f64::from(v))),
            Element::U32 => each!(u32, |v| Ok(f64::from(v))),
            Element::F32 => each!(f32, |v| Ok(f64::from(v))),
            Element::F64 => each!(f64, Ok),
            // The casts back are made in 128 bits, where they cannot saturate.
            Element::I64 => each!(i64, |v| if (v as f64) as i128 == i128::from(v) {
                Ok(v as f64)
            } else {
                Err(EXACT)
            }),
            Element::U64 => each!(u64, |v| if (v as f64) as u128 == u128::from(v) {
                Ok(v as f64)
            } else {
                Err(EXACT)
            }),
        }
        Ok(())
    }
}

/// Reads up to the first number.
pub(super) fn read<R: Read>(source: &mut Source<R>) -> Result<Header> {
    let mut start = [0; 8];
    source.read_exactly(&mut start, "the magic number and the version")?;
    let wrong = |origin: &str, found: &dyn fmt::Display, expected: &dyn fmt::Display| {
        Error::format(origin, found, expected)
    };
    if start[..6] != MAGIC {
        return Err(wrong(
            source.origin(),
            &format!("{:02x?} as the first six bytes", &start[..6]),
            &"93 'NUMPY' of a .npy file, or 1f 8b of a gzip stream",
        ));
    }
    let mut length = [0; 4];
    match (start[6], start[7]) {
        (1, 0) => source.read_exactly(&mut length[..2], "the header's length")?,
        (2 | 3, 0) => source.read_exactly(&mut length, "the header's length")?,
        (major, minor) => {
            return Err(wrong(
                source.origin(),
                &format!("version {major}.{minor}"),
                &"version 1.0, 2.0 or 3.0",
            ));
        }
    }
    let length = u32::from_le_bytes(length);
    let length = usize::try_from(length)
        .ok()
        .filter(|&n| n <= MAX_HEADER)
        .ok_or_else(|| {
            wrong(
                source.origin(),
                &format!("a header of {length} bytes"),
                &format!("at most {MAX_HEADER} bytes"),
            )
        })?;
    let text = source.take_exactly(length, "the header")?;
    parse(source.origin(), &text)
}

fn parse(origin: &str, text: &[u8]) -> Result<Header> {
    let mut text = Text { origin, text, at: 0 };
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    text.expect(b'{', "a dictionary, '{'")?;
    while !text.take(b'}') {
        let key = text.string("a key in quotes, or '}'")?;
        text.expect(b':', "':' after a key")?;
        let is_new = match key {
            "descr" => descr.replace(text.descr()?).is_none(),
            "fortran_order" => fortran.replace(text.boolean()?).is_none(),
            "shape" => shape.replace(text.shape()?).is_none(),
            _ => {
                return Err(text.refused(
                    &format!("the key {key:?}"),
                    "the keys 'descr', 'fortran_order' and 'shape'",
                ));
            }
        };
        if !is_new {
            return Err(text.refused(&format!("the key {key:?} twice"), "every key once"));
        }
        // A comma separates entries, and one may follow the last.
        if !text.take(b',') {
            text.expect(b'}', "',' or '}' after a value")?;
            break;
        }
    }
    text.skip_spaces();
    if text.at < text.text.len() {
        return Err(text.refused(&text.next_shown(), "nothing but spaces after '}'"));
    }
    let (Some((element, big_endian)), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
        return Err(text.refused("a key missing", "the keys 'descr', 'fortran_order' and 'shape'"));
    };
    let n_entries = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    let sizes = n_entries.and_then(|n| {
        let n_bytes = n.checked_mul(element.size())?;
        // A vector holds at most isize::MAX bytes.
        isize::try_from(n_bytes).ok().map(|_| (n, n_bytes))
    });
    let Some((n_entries, n_bytes)) = sizes else {
        let expected = format!("at most {} bytes", isize::MAX);
        return Err(text.refused(&format!("shape {shape:?}, which overflows"), &expected));
    };
    Ok(Header {
        element,
        big_endian,
        fortran,
        shape,
        n_entries,
        n_bytes,
    })
}

/// The header's text and how far it has been read.
struct Text<'a> {
    origin: &'a str,
    text: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    fn refused(&self, found: &str, expected: &str) -> Error {
        Error::format(format!("{}, header", self.origin), found, expected)
    }

    /// What stands here, for a message: the next byte alone, because a hostile header has nothing else to say.
    fn next_shown(&self) -> String {
        match self.text.get(self.at) {
            Some(&byte) => format!("{:?} at byte {}", char::from(byte), self.at),
            None => "its end".to_owned(),
        }
    }

    fn skip_spaces(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Whether `byte` comes next; it is then passed.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_spaces();
        let is_next = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<()> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.refused(&self.next_shown(), what))
        }
    }

    /// The longest run of such bytes from here on.
    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.text[self.at..];
        let n = rest.iter().position(|&b| !belongs(b)).unwrap_or(rest.len());
        self.at += n;
        &rest[..n]
    }

    /// A short string of plain characters in single or double quotes.
    fn string(&mut self, what: &str) -> Result<&'a str> {
        let quote = if self.take(b'\'') {
            b'\''
        } else if self.take(b'"') {
            b'"'
        } else {
            return Err(self.refused(&self.next_shown(), what));
        };
        let content = self.run(|b| b.is_ascii_graphic() && b != b'\'' && b != b'"' && b != b'\\');
        if self.text.get(self.at) != Some(&quote) || content.len() > 32 {
            return Err(self.refused(&self.next_shown(), "the end of a short string in quotes"));
        }
        self.at += 1;
        std::str::from_utf8(content).map_err(|_| self.refused("bytes that are no text", what))
    }

    fn boolean(&mut self) -> Result<bool> {
        self.skip_spaces();
        match self.run(|b| b.is_ascii_alphanumeric()) {
            b"True" => Ok(true),
            b"False" => Ok(false),
            _ => Err(self.refused("another value of 'fortran_order'", "True or False")),
        }
    }

    /// The kind of number and whether its first byte is the highest.
    fn descr(&mut self) -> Result<(Element, bool)> {
        const KINDS: &str = "one of 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'b1' with '<', '>' or '|' before it; \
                             convert in Python with array.astype('f8')";
        self.skip_spaces();
        if self.text.get(self.at) == Some(&b'[') {
            return Err(self.refused("a structure as the kind of number", KINDS));
        }
        let descr = self.string("the kind of number in quotes")?;
        let element = descr.get(1..).and_then(Element::named);
        match (descr.as_bytes().first(), element) {
            (Some(b'<'), Some(element)) => Ok((element, false)),
            (Some(b'>'), Some(element)) => Ok((element, true)),
            (Some(b'|'), Some(element)) if element.size() == 1 => Ok((element, false)),
            _ if descr.contains('O') => {
                Err(self.refused("Python objects ('O') as the kind of number", KINDS))
            }
            _ => Err(self.refused(&format!("{descr:?} as the kind of number"), KINDS)),
        }
    }

    /// A Python tuple of whole numbers from 1; `()` is that of a single number.
    fn shape(&mut self) -> Result<Vec<usize>> {
        let mut shape = Vec::new();
        self.expect(b'(', "a shape, '('")?;
        while !self.take(b')') {
            if self.take(b'-') {
                return Err(self.refused("a negative dimension", "dimensions of at least 1"));
            }
            let digits = self.run(|b| b.is_ascii_digit());
            if digits.is_empty() {
                return Err(self.refused(&self.next_shown(), "a whole number or ')'"));
            }
            // Digits are text; what fails to parse is too large.
            let dimension = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok());
            match dimension {
                None => return Err(self.refused("a dimension that overflows", "dimensions below 2^63")),
                Some(0) => return Err(self.refused("a dimension of 0", "dimensions of at least 1")),
                Some(_) if shape.len() == MAX_RANK => {
                    return Err(self.refused(
                        &format!("more than {MAX_RANK} dimensions"),
                        &format!("at most {MAX_RANK}"),
                    ));
                }
                Some(dimension) => shape.push(dimension),
            }
            // Without a comma, brackets around one number are no tuple.
            if !self.take(b',') {
                if shape.len() < 2 {
                    return Err(self.refused("a shape that is no tuple", "',' after its only dimension"));
                }
                self.expect(b')', "',' or ')' after a dimension")?;
                break;
            }
        }
        Ok(shape)
    }
}
