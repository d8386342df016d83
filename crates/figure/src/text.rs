//! Numbers and names as people read them, and text as markup holds it.

/// A number in at most six significant digits, with a power of ten where digits would only be zeros.
pub fn number(value: f64) -> String {
    significant(value, 6)
}

/// A number in at most so many significant digits.
pub fn significant(value: f64, n_digits: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN".into()
        } else {
            minus(&format!("{value}")).replace("inf", "∞")
        };
    }
    // Rounding first settles the exponent.
    let scientific = format!("{value:.*e}", n_digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let places = (n_digits as i32 - 1 - exponent).max(0) as usize;
        minus(&trim(&format!("{value:.places$}")))
    } else {
        format!("{}×10{}", minus(&trim(mantissa)), superscript(exponent))
    }
}

/// "1 experiment", "2 experiments".
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// A whole number in raised digits.
pub fn superscript(value: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    (value.to_string().chars())
        .map(|c| c.to_digit(10).map_or('⁻', |d| DIGITS[d as usize]))
        .collect()
}

/// Text in lines of at most so many letters, broken at spaces; a longer word has a line of its own.
pub(crate) fn wrap(text: &str, n_letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let length = |text: &str| text.chars().count();
    // Lines of about one length look better than a full one with a word below.
    let n_lines = length(text).div_ceil(n_letters.max(1)).max(1);
    let goal = (length(text) / n_lines + 8).min(n_letters);
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= goal => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

/// Text that is safe between tags and inside a quoted attribute of HTML or SVG.
///
/// Characters that XML forbids even in escaped form become the replacement character.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Bytes in base 64 (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for place in 0..4 {
            if place <= chunk.len() {
                encoded.push(char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63]));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

/// Drops the zeros that end a fraction.
fn trim(digits: &str) -> String {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        digits.into()
    }
}

/// A true minus sign.
fn minus(digits: &str) -> String {
    digits.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_at_most() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-86.34, "−86.34"),
            (2.0 / 3.0, "0.666667"),
            (999_999.5, "1×10⁶"),
            (123_456.0, "123456"),
            (1e-12, "1×10⁻¹²"),
            (-1.25e-7, "−1.25×10⁻⁷"),
            (0.000_1, "0.0001"),
            (952.648_079_548_5, "952.648"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn long_texts_are_broken_at_spaces() {
        assert_eq!(wrap("a short one", 20), ["a short one"]);
        assert_eq!(wrap("", 20), [""; 0]);
        assert_eq!(
            wrap("one two three four five six", 16),
            ["one two three", "four five six"]
        );
        assert_eq!(wrap("averylongwordindeed and", 8), ["averylongwordindeed", "and"]);
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            escape("<a b='c' d=\"e\">&\0"),
            "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;\u{FFFD}"
        );
    }

    #[test]
    fn base64_agrees_with_the_standard() {
        // RFC 4648, section 10.
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
