//! Splits Rust source into code and comments, keeping every line in its place.
//!
//! A full parser is not needed to find a word in code, but strings and comments must not be taken for it. The scanner knows
//! line and (nested) block comments, strings with escapes, raw strings, character literals and lifetimes.

/// A source file seen two ways. Both texts have the lines of the original; what belongs to the other is blank.
#[derive(Debug, PartialEq)]
pub struct Source {
    /// The code, with empty string and character literals.
    pub code: String,
    /// The comments, with their slashes.
    pub comments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Code,
    LineComment,
    BlockComment(u32),
    Text,
    RawText(usize),
}

impl Source {
    /// Splits a file.
    pub fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut source = Source {
            code: String::with_capacity(text.len()),
            comments: String::new(),
        };
        let mut state = State::Code;
        let mut i = 0;
        while i < chars.len() {
            let rest = &chars[i..];
            // How many characters to take, whose they are, and what comes next.
            let (length, next) = match state {
                State::Code => code(rest, i.checked_sub(1).map(|before| chars[before])),
                State::LineComment if rest[0] == '\n' => (1, State::Code),
                State::LineComment => (1, state),
                State::BlockComment(depth) => match rest {
                    ['/', '*', ..] => (2, State::BlockComment(depth + 1)),
                    ['*', '/', ..] if depth == 1 => (2, State::Code),
                    ['*', '/', ..] => (2, State::BlockComment(depth - 1)),
                    _ => (1, state),
                },
                State::Text => match rest {
                    ['\\', _, ..] => (2, state),
                    ['"', ..] => (1, State::Code),
                    _ => (1, state),
                },
                State::RawText(hashes) => {
                    let ends =
                        rest[0] == '"' && rest.len() > hashes && rest[1..=hashes].iter().all(|&c| c == '#');
                    if ends {
                        (1 + hashes, State::Code)
                    } else {
                        (1, state)
                    }
                }
            };
            let is_comment = [state, next]
                .iter()
                .any(|s| matches!(s, State::LineComment | State::BlockComment(_)));
            let is_code = state == State::Code && !is_comment;
            for &c in &rest[..length.min(rest.len())] {
                if c == '\n' {
                    source.code.push('\n');
                    source.comments.push('\n');
                } else {
                    source.code.push(if is_code { c } else { ' ' });
                    source.comments.push(if is_comment { c } else { ' ' });
                }
            }
            state = next;
            i += length;
        }
        source
    }
}

/// The length of the next piece of code, and the state after it.
fn code(rest: &[char], before: Option<char>) -> (usize, State) {
    match rest {
        ['/', '/', ..] => (2, State::LineComment),
        ['/', '*', ..] => (2, State::BlockComment(1)),
        ['"', ..] => (1, State::Text),
        // `r"`, `r#"`, `br"`: the letter must not be the end of a name.
        ['r', ..] if before.is_none_or(|c| c == 'b' || !(c.is_alphanumeric() || c == '_')) => {
            let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
            match rest.get(1 + hashes) {
                Some('"') => (2 + hashes, State::RawText(hashes)),
                _ => (1, State::Code),
            }
        }
        // An escaped character literal; a plain one is a quote, a character and a quote, and all else is a lifetime.
        ['\'', '\\', _, more @ ..] => {
            let to_quote = more.iter().position(|&c| c == '\'').unwrap_or(0);
            (3 + to_quote + 1, State::Code)
        }
        ['\'', _, '\'', ..] => (3, State::Code),
        _ => (1, State::Code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of a text, with blanks squeezed.
    fn code_of(text: &str) -> String {
        Source::new(text)
            .code
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(code_of("a // b\nc /* d /* e */ f */ g"), "a c g");
        assert_eq!(
            code_of(r#"f("unsafe \" unsafe", 'x', '"', '\'', '\u{7f}') + y"#),
            "f(\" , 'x', '\"', '\\'', '\\u{7f}') + y"
        );
        assert_eq!(
            code_of("r#\"unsafe \" unsafe\"# + br\"z\" + for_r"),
            "r#\" + br\" + for_r"
        );
        assert_eq!(
            code_of("fn f<'a>(x: &'a str) { unsafe }"),
            "fn f<'a>(x: &'a str) { unsafe }"
        );
    }

    #[test]
    fn comments_keep_their_lines() {
        let source = Source::new("a\n/* b\nc */ d\n// e \"f\n\"g // h\"");
        assert_eq!(
            source.comments.lines().map(str::trim).collect::<Vec<_>>(),
            ["", "/* b", "c */", "// e \"f", ""]
        );
        assert_eq!(source.code.lines().count(), 5);
    }

    #[test]
    fn an_open_end_is_no_panic() {
        for text in ["\"", "'", "'\\", "'\\x", "r#", "r#\"", "/*", "b'", "\\", "\"\\"] {
            assert_eq!(Source::new(text).code.len(), text.len(), "{text}");
        }
    }
}
