//! Where the formulas of a Markdown text are, and the text with something in their place.
//!
//! `$…$` is a formula in a line, `$$…$$` one on its own; `\$` is a dollar sign. Blocks between fences, code between backticks and comments are
//! left alone. Inside a line the rule is Pandoc's: no space after the opening sign, none before the closing one, no digit after it, no
//! blank line between. A dollar sign that neither opens nor closes a formula is an error and not a guess.

use std::fmt;

use crate::prose::apart;
use crate::{Display, to_mathml};

/// A formula of a text, in TeX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Formula<'a> {
    /// What stands between the signs.
    pub tex: &'a str,
    /// Whether it stands on its own, `$$…$$`.
    pub is_display: bool,
    /// The line of its opening sign, from 1.
    pub line: usize,
}

/// A dollar sign without a partner, or a formula that could not be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextError {
    /// The line of the text, from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl std::error::Error for TextError {}

/// The text with every formula replaced by what `replace` makes of it; everything else stays as it is, but for `\$`, which becomes `$`.
pub fn replace_formulas<E: fmt::Display>(
    markdown: &str,
    mut replace: impl FnMut(Formula) -> Result<String, E>,
) -> Result<String, TextError> {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = Rest {
        text: markdown,
        at: 0,
    };
    while let Some((formula, before)) = rest.next_formula(&mut out)? {
        out.push_str(before);
        out.push_str(&replace(formula).map_err(|reason| TextError {
            line: formula.line,
            reason: reason.to_string(),
        })?);
    }
    Ok(out)
}

/// The text with its formulas as MathML, for a program that turns Markdown into HTML.
///
/// # Errors
/// A formula that is none, or a dollar sign without a partner, with its line.
pub fn to_markdown_html(markdown: &str) -> Result<String, TextError> {
    replace_formulas(markdown, |formula| {
        Ok::<_, crate::MathError>(if formula.is_display {
            // A block of its own is passed through as it is, up to the next empty line.
            let mut math = String::new();
            for part in apart(formula.tex) {
                math.push_str(&to_mathml(part, Display::Block)?.replace('\n', " "));
            }
            format!("<div class=\"formula\">{math}</div>")
        } else {
            literal(&to_mathml(formula.tex, Display::Inline)?)
        })
    })
}

/// Markup of which nothing is Markdown: between its tags, what Markdown would read as a sign of its own is written as a reference.
fn literal(markup: &str) -> String {
    let mut out = String::with_capacity(markup.len());
    let mut is_tag = false;
    for c in markup.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            '\n' => {
                out.push(' ');
                continue;
            }
            '*' | '_' | '`' | '[' | ']' | '\\' | '|' | '~' | '\'' | '"' | '!' if !is_tag => {
                out.push_str(&format!("&#{};", c as u32));
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// What of a text has not been read yet.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    /// Copies up to the next formula and answers with it; the second part is empty, or what stood before it and is still to be copied.
    fn next_formula(&mut self, out: &mut String) -> Result<Option<(Formula<'a>, &'a str)>, TextError> {
        let mut copied = self.at;
        while self.at < self.text.len() {
            let here = &self.text[self.at..];
            let is_line_start = self.at == 0 || self.text.as_bytes()[self.at - 1] == b'\n';
            if is_line_start && let Some(length) = fenced(here) {
                self.at += length;
                continue;
            }
            self.at += match here.as_bytes()[0] {
                b'`' => code_span(here),
                b'\\' if here[1..].starts_with('$') => {
                    out.push_str(&self.text[copied..self.at]);
                    copied = self.at + 1;
                    2
                }
                b'\\' => 1 + here[1..].chars().next().map_or(0, char::len_utf8),
                b'<' if here.starts_with("<!--") => here.find("-->").map_or(here.len(), |end| end + 3),
                b'$' => {
                    let before = &self.text[copied..self.at];
                    let line = 1 + self.text[..self.at].matches('\n').count();
                    let is_display = here.starts_with("$$");
                    let sign = if is_display { 2 } else { 1 };
                    let end = if is_display {
                        here[2..].find("$$")
                    } else {
                        inline_end(&here[1..])
                    };
                    let Some(end) = end else {
                        let reason = if is_display {
                            "a formula opens with $$ and does not close"
                        } else {
                            "a dollar sign that opens no formula; a dollar sign of the text is written \\$"
                        };
                        return Err(TextError {
                            line,
                            reason: reason.into(),
                        });
                    };
                    self.at += end + 2 * sign;
                    let tex = here[sign..sign + end].trim();
                    return Ok(Some((
                        Formula {
                            tex,
                            is_display,
                            line,
                        },
                        before,
                    )));
                }
                _ => here.chars().next().map_or(1, char::len_utf8),
            };
        }
        out.push_str(&self.text[copied..]);
        Ok(None)
    }
}

/// The length of the fenced block that begins here, closing fence and all; a fence that does not close reaches to the end.
fn fenced(here: &str) -> Option<usize> {
    let (mark, width) = fence(here.lines().next()?)?;
    let mut length = 0;
    for (number, line) in here.split_inclusive('\n').enumerate() {
        length += line.len();
        if number > 0 && fence(line).is_some_and(|(m, w)| m == mark && w >= width) {
            // What opens a block may say a language; what closes one says nothing.
            if line.trim().chars().all(|c| c == mark) {
                break;
            }
        }
    }
    Some(length)
}

/// The sign and the width of a fence, if the line is one.
fn fence(line: &str) -> Option<(char, usize)> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let width = line.chars().take_while(|&c| c == mark).count();
    // "```a```" in a line is code in that line.
    (width >= 3 && !line[width..].contains(mark)).then_some((mark, width))
}

/// The length of the code that begins with backticks here, or of the backticks alone if no equal number closes it.
fn code_span(here: &str) -> usize {
    // A paragraph ends whatever is open in it.
    let here = here.find("\n\n").map_or(here, |blank| &here[..blank]);
    let width = here.bytes().take_while(|&b| b == b'`').count();
    let mut at = width;
    while let Some(next) = here[at..].find('`') {
        at += next;
        let run = here[at..].bytes().take_while(|&b| b == b'`').count();
        at += run;
        if run == width {
            return at;
        }
    }
    width
}

/// Where the formula in a line ends, from behind its opening sign.
fn inline_end(after: &str) -> Option<usize> {
    let paragraph = after.find("\n\n").map_or(after, |blank| &after[..blank]);
    if paragraph.starts_with(char::is_whitespace) {
        return None;
    }
    let mut is_escaped = false;
    for (at, c) in paragraph.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '$' => {
                let is_tight = at > 0 && !paragraph[..at].ends_with(char::is_whitespace);
                let is_price = after[at + 1..].starts_with(|c: char| c.is_ascii_digit());
                return (is_tight && !is_price).then_some(at);
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(markdown: &str) -> Result<String, TextError> {
        replace_formulas(markdown, |f| {
            Ok::<_, TextError>(format!("[{}{}]", if f.is_display { "D " } else { "" }, f.tex))
        })
    }

    #[test]
    fn formulas_are_found_and_code_is_left_alone() {
        for (text, expected) in [
            ("no formula", "no formula"),
            ("an $x^2$ in a line", "an [x^2] in a line"),
            ("$x$, $y$ and\n$z$.", "[x], [y] and\n[z]."),
            ("before\n\n$$\na = b\n$$\n\nafter", "before\n\n[D a = b]\n\nafter"),
            (
                "code `$x$` and ``a ` $y$`` stay, $z$",
                "code `$x$` and ``a ` $y$`` stay, [z]",
            ),
            (
                "```console\n$ ls\n$ cd\n```\n$x$",
                "```console\n$ ls\n$ cd\n```\n[x]",
            ),
            ("~~~\n$a$\n```\n$b$\n~~~\n$x$", "~~~\n$a$\n```\n$b$\n~~~\n[x]"),
            // A paragraph ends what is open in it.
            (
                "an open ` here\n\n$x$ and ` there",
                "an open ` here\n\n[x] and ` there",
            ),
            (
                "  ```rust\n  let a = \"$x$\";\n  ```\n$x$",
                "  ```rust\n  let a = \"$x$\";\n  ```\n[x]",
            ),
            ("costs \\$5, and \\\\ stays", "costs $5, and \\\\ stays"),
            ("<!-- $x$ --> $y$", "<!-- $x$ --> [y]"),
            ("$a \\$ b$", "[a \\$ b]"),
            ("Größe $σ$ é", "Größe [σ] é"),
            ("an unclosed ` and $x$", "an unclosed ` and [x]"),
            ("``a ``` $x$ `` $y$", "``a ``` $x$ `` [y]"),
        ] {
            assert_eq!(marked(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn signs_without_a_partner_are_named_by_their_line() {
        for (text, line) in [
            ("fine\ncosts $5", 2),
            ("a $ b $", 1),
            ("$x\n\ny$", 1),
            ("\n\n$$ a = b", 3),
            ("from $5 to $6", 1),
            ("between $5,$6", 1),
            ("`a`\n```\n$\n```\nand $", 5),
        ] {
            assert_eq!(marked(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn markup_between_tags_is_no_markdown() {
        assert_eq!(
            literal("<mo class=\"a_b\">*</mo>\n<mi>|</mi>"),
            "<mo class=\"a_b\">&#42;</mo> <mi>&#124;</mi>"
        );
        let html = to_markdown_html("a $p(x \\mid y)$ and\n\n$$\nx^2\n$$\n").unwrap();
        assert!(html.starts_with("a <math") && !html.contains('$'), "{html}");
        assert!(html.contains("\n\n<div class=\"formula\"><math"), "{html}");
        let wrong = to_markdown_html("fine\n\n$\\nonsense$").unwrap_err();
        assert_eq!(wrong.line, 3);
        assert!(wrong.reason.contains("nonsense"), "{wrong}");
    }

    #[test]
    fn a_failure_carries_the_line_of_its_formula() {
        let failure = replace_formulas("one\n\nand $x$\nand $bad$", |f| {
            if f.tex == "bad" {
                Err("no TeX")
            } else {
                Ok(String::new())
            }
        });
        assert_eq!(failure.unwrap_err().to_string(), "line 4: no TeX");
    }
}
