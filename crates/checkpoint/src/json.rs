//! JSON as the project's own files use it: texts, whole numbers, lists and objects (RFC 8259).
//!
//! A [`Reader`] goes through a text once and hands out what it finds, so that a hostile file cannot make it hold more than is asked for: there is no tree of values. What is asked
//! for is said by the code that reads, and everything else is a [`Fault`] with its place. Nesting is bounded where values are skipped; elsewhere it is that of the code.
//!
//! ```
//! use gibbsian_checkpoint::json::{Fault, Reader, quoted};
//!
//! let text = format!("{{{}: [3, 4]}}", quoted("shape"));
//! let (mut reader, mut shape) = (Reader::new(text.as_bytes()), Vec::new());
//! reader.object(|reader, name| match name.as_str() {
//!     "shape" => reader.list(|reader| Ok(shape.push(reader.whole()?))),
//!     _ => Err(reader.unknown(&name)),
//! })?;
//! reader.end()?;
//! assert_eq!(shape, [3, 4]);
//! # Ok::<(), Fault>(())
//! ```

use std::fmt;
use std::fmt::Write;

/// What is wrong with a text, and after how many bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    text: String,
    place: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.text, self.place)
    }
}

impl std::error::Error for Fault {}

type Read<T> = Result<T, Fault>;

/// The deepest nesting of a value that is skipped.
const MAX_DEPTH: usize = 64;

/// Reads a text from its beginning to its end.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    place: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of a text.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, place: 0 }
    }

    /// A fault at this place.
    pub fn fault(&self, text: impl Into<String>) -> Fault {
        Fault {
            text: text.into(),
            place: self.place,
        }
    }

    /// The fault of a field that nobody asked for.
    pub fn unknown(&self, name: &str) -> Fault {
        self.fault(format!("unknown field `{name}`"))
    }

    /// Puts a value into its slot, which no other field of the same name has filled.
    ///
    /// # Errors
    /// A second field of this name.
    pub fn once<T>(&self, slot: &mut Option<T>, name: &str, value: T) -> Read<()> {
        match slot.replace(value) {
            None => Ok(()),
            Some(_) => Err(self.fault(format!("a second field `{name}`"))),
        }
    }

    /// What a slot was filled with.
    ///
    /// # Errors
    /// No field of this name.
    pub fn required<T>(&self, slot: Option<T>, name: &str) -> Read<T> {
        slot.ok_or_else(|| self.fault(format!("missing field `{name}`")))
    }

    /// An object; `field` is called after each name and reads the value.
    ///
    /// # Errors
    /// Something else than an object, and what `field` says.
    pub fn object(&mut self, mut field: impl FnMut(&mut Self, String) -> Read<()>) -> Read<()> {
        self.items(b'{', b'}', "an object", |reader| {
            let name = reader.text()?;
            reader.byte(b':')?;
            field(reader, name)
        })
    }

    /// A list; `item` is called before each item and reads it.
    ///
    /// # Errors
    /// Something else than a list, and what `item` says.
    pub fn list(&mut self, item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.items(b'[', b']', "a list", item)
    }

    /// A text.
    ///
    /// # Errors
    /// Something else, an unknown escape, half of a pair of surrogates, a control character, or bytes that are not UTF-8.
    pub fn text(&mut self) -> Read<String> {
        if self.next() != Some(b'"') {
            return Err(self.unexpected("a text"));
        }
        self.place += 1;
        let mut text = String::new();
        loop {
            let rest = &self.bytes[self.place..];
            let n = rest
                .iter()
                .take_while(|&&b| b >= 0x20 && b != b'"' && b != b'\\')
                .count();
            let plain =
                std::str::from_utf8(&rest[..n]).map_err(|_| self.fault("a text that is not UTF-8"))?;
            text.push_str(plain);
            self.place += n;
            match rest.get(n) {
                Some(b'"') => {
                    self.place += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.place += 1;
                    text.push(self.escaped()?);
                }
                Some(_) => return Err(self.fault("a control character in a text")),
                None => return Err(self.fault("the end within a text")),
            }
        }
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// Something else, or a number that is too large.
    pub fn whole(&mut self) -> Read<usize> {
        if !self.next().is_some_and(|b| b.is_ascii_digit()) {
            return Err(self.unexpected("a whole number"));
        }
        let number = self.number()?;
        number.parse().map_err(|_| Fault {
            text: format!(
                "`{number}` where a whole number up to {} was expected",
                usize::MAX
            ),
            place: self.place,
        })
    }

    /// Any value, which is looked at and forgotten.
    ///
    /// # Errors
    /// What is no value, or one with more than 64 levels.
    pub fn skip(&mut self) -> Read<()> {
        self.skip_to(MAX_DEPTH)
    }

    fn skip_to(&mut self, depth: usize) -> Read<()> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(self.fault(format!("more than {MAX_DEPTH} levels")));
        };
        match self.next() {
            Some(b'{') => self.object(|reader, _| reader.skip_to(depth)),
            Some(b'[') => self.list(|reader| reader.skip_to(depth)),
            Some(b'"') => self.text().map(drop),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    /// Nothing but space follows.
    ///
    /// # Errors
    /// Something follows.
    pub fn end(&mut self) -> Read<()> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("the end")),
        }
    }

    /// The byte that comes next after spaces, which are passed over.
    fn next(&mut self) -> Option<u8> {
        let spaces = self.bytes[self.place..]
            .iter()
            .take_while(|b| b" \t\n\r".contains(b));
        self.place += spaces.count();
        self.bytes.get(self.place).copied()
    }

    fn byte(&mut self, expected: u8) -> Read<()> {
        if self.next() != Some(expected) {
            return Err(self.unexpected(&format!("`{}`", char::from(expected))));
        }
        self.place += 1;
        Ok(())
    }

    fn unexpected(&self, expected: &str) -> Fault {
        let rest = &self.bytes[self.place..];
        let shown = String::from_utf8_lossy(&rest[..rest.len().min(12)]);
        match rest {
            [] => self.fault(format!("the end where {expected} was expected")),
            _ => self.fault(format!("`{shown}` where {expected} was expected")),
        }
    }

    fn items(
        &mut self,
        opening: u8,
        closing: u8,
        what: &str,
        mut item: impl FnMut(&mut Self) -> Read<()>,
    ) -> Read<()> {
        if self.next() != Some(opening) {
            return Err(self.unexpected(what));
        }
        self.place += 1;
        if self.next() == Some(closing) {
            self.place += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            match self.next() {
                Some(b',') => self.place += 1,
                Some(b) if b == closing => {
                    self.place += 1;
                    return Ok(());
                }
                _ => return Err(self.unexpected(&format!("`,` or `{}`", char::from(closing)))),
            }
        }
    }

    fn word(&mut self, word: &str) -> Read<()> {
        if !self.bytes[self.place..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.place += word.len();
        Ok(())
    }

    /// A number as it is written.
    fn number(&mut self) -> Read<&'a str> {
        let start = self.place;
        let rest = &self.bytes[start..];
        let n = rest.iter().take_while(|b| b"+-.0123456789Ee".contains(b)).count();
        let text = std::str::from_utf8(&rest[..n]).unwrap_or_default();
        if !is_number(text) {
            return Err(self.unexpected("a value"));
        }
        self.place += n;
        Ok(text)
    }

    /// The character that an escape stands for, after its backslash.
    fn escaped(&mut self) -> Read<char> {
        let letter = self.bytes.get(self.place).copied();
        self.place += 1;
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.four_digits()?;
                let is_pair =
                    (0xd800..0xdc00).contains(&first) && self.bytes[self.place..].starts_with(b"\\u");
                let code = if is_pair {
                    self.place += 2;
                    let second = self.four_digits()?;
                    // What is no second half gives what is no character.
                    second
                        .checked_sub(0xdc00)
                        .filter(|&low| low < 0x400)
                        .map_or(first, |low| 0x1_0000 + ((first - 0xd800) << 10) + low)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| self.fault("half of a pair of surrogates"))?
            }
            _ => {
                self.place = self.place.min(self.bytes.len());
                return Err(self.fault("an unknown escape"));
            }
        })
    }

    fn four_digits(&mut self) -> Read<u32> {
        let digits = self
            .bytes
            .get(self.place..self.place + 4)
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
            .ok_or_else(|| self.fault("an unknown escape"))?;
        self.place += 4;
        Ok(digits)
    }
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([Ee] [+-]? [0-9]+)?`
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (text, exponent) = text
        .split_once(['E', 'e'])
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(a, b)| (a, Some(b)));
    let exponent = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

/// A text in quotes, with escapes where they are needed.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // Writing to a string cannot fail.
            c if c < ' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Items that are JSON already, as a list.
pub fn listed(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}
