//! Prose with formulas between dollar signs.

use crate::{Display, MathError, Result, to_mathml};

/// A part of prose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Words, with `\$` for a dollar sign still as it was written.
    Text(&'a str),
    /// A formula without its dollar signs.
    Formula(&'a str, Display),
}

/// Takes prose apart: `$…$` is a formula within the line, `$$…$$` one on a line of its own, `\$` a dollar sign.
///
/// ```
/// use gibbsian_mathml::{Display, Piece, pieces};
/// let parts = pieces("the mean $m$ costs 5 \\$")?;
/// assert_eq!(parts, [Piece::Text("the mean "), Piece::Formula("m", Display::Inline), Piece::Text(" costs 5 \\$")]);
/// # Ok::<(), gibbsian_mathml::MathError>(())
/// ```
///
/// # Errors
/// A formula that is not closed, with the text from its first dollar sign on.
pub fn pieces(prose: &str) -> Result<Vec<Piece<'_>>> {
    let mut found = Vec::new();
    let mut rest = prose;
    while let Some(start) = dollar(rest) {
        if start > 0 {
            found.push(Piece::Text(&rest[..start]));
        }
        let (fence, display) = if rest[start..].starts_with("$$") {
            ("$$", Display::Block)
        } else {
            ("$", Display::Inline)
        };
        let inside = &rest[start + fence.len()..];
        let end = dollar(inside).filter(|&end| inside[end..].starts_with(fence));
        let Some(end) = end else {
            return Err(MathError {
                formula: rest[start..].chars().take(80).collect(),
                position: None,
                reason: format!(
                    "the `{fence}` at its start is not closed by another; a dollar sign is written `\\$`"
                ),
            });
        };
        found.push(Piece::Formula(&inside[..end], display));
        rest = &inside[end + fence.len()..];
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    Ok(found)
}

/// Prose as HTML: formulas as MathML, everything else escaped.
///
/// A formula on a line of its own stands in a `span` of the class `formula`, which may scroll where a `math` element cannot. A `math` element is not broken into lines either, so a formula with a `\qquad` in it becomes
/// several beside one another, which a narrow page may put below one another ([`STYLE`](crate::STYLE) does).
///
/// # Errors
/// Those of [`pieces`] and of [`to_mathml`].
pub fn to_html(prose: &str) -> Result<String> {
    let mut html = String::new();
    for piece in pieces(prose)? {
        match piece {
            Piece::Formula(tex, Display::Inline) => html.push_str(&to_mathml(tex, Display::Inline)?),
            Piece::Formula(tex, Display::Block) => {
                html.push_str("<span class=\"formula\">");
                for part in apart(tex) {
                    html.push_str(&to_mathml(part, Display::Block)?);
                }
                html.push_str("</span>");
            }
            Piece::Text(text) => {
                for c in text.replace("\\$", "$").chars() {
                    match c {
                        '&' => html.push_str("&amp;"),
                        '<' => html.push_str("&lt;"),
                        '>' => html.push_str("&gt;"),
                        '"' => html.push_str("&quot;"),
                        '\'' => html.push_str("&#39;"),
                        c => html.push(c),
                    }
                }
            }
        }
    }
    Ok(html)
}

/// A formula at those of its `\qquad` that stand in no group, no pair of growing brackets and no environment.
pub(crate) fn apart(tex: &str) -> Vec<&str> {
    const SPACE: &str = "\\qquad";
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in tex.char_indices() {
        // A backslash before a brace makes it one that is printed.
        let is_printed = tex[..at].ends_with('\\') && !tex[..at].ends_with("\\\\");
        let rest = &tex[at..];
        match c {
            '{' if !is_printed => depth += 1,
            '}' if !is_printed => depth -= 1,
            '\\' if is_command(rest, "\\left") || is_command(rest, "\\begin") => depth += 1,
            '\\' if is_command(rest, "\\right") || is_command(rest, "\\end") => depth -= 1,
            '\\' if depth == 0 && is_command(rest, SPACE) => {
                parts.push(&tex[start..at]);
                start = at + SPACE.len();
            }
            _ => {}
        }
    }
    parts.push(&tex[start..]);
    parts.retain(|part| !part.trim().is_empty());
    // An empty formula is refused as one.
    if parts.is_empty() { vec![tex] } else { parts }
}

/// Whether a text begins with this command and not with a longer one.
fn is_command(text: &str, command: &str) -> bool {
    text.strip_prefix(command)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// The place of the first dollar sign that is not written `\$`.
fn dollar(text: &str) -> Option<usize> {
    (text.match_indices('$').map(|(at, _)| at)).find(|&at| !text[..at].ends_with('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_taken_apart_at_its_dollar_signs() {
        use Display::{Block, Inline};
        use Piece::{Formula, Text};
        for (prose, expected) in [
            ("", vec![]),
            ("words", vec![Text("words")]),
            ("$x$", vec![Formula("x", Inline)]),
            (
                "a $x$ b $$y$$",
                vec![Text("a "), Formula("x", Inline), Text(" b "), Formula("y", Block)],
            ),
            ("$$a\nb$$c", vec![Formula("a\nb", Block), Text("c")]),
            (
                "5 \\$ and $\\$ 5$",
                vec![Text("5 \\$ and "), Formula("\\$ 5", Inline)],
            ),
            ("ü $é$ ∇", vec![Text("ü "), Formula("é", Inline), Text(" ∇")]),
        ] {
            assert_eq!(pieces(prose).unwrap(), expected, "{prose}");
        }
    }

    #[test]
    fn an_open_formula_is_an_error_with_its_text() {
        for prose in ["a $x", "a $$x$ b", "a $$x", "$"] {
            let error = pieces(prose).unwrap_err();
            assert!(error.reason.contains("not closed"), "{prose}: {error}");
            assert!(error.formula.starts_with('$'), "{prose}: {error}");
        }
    }

    #[test]
    fn formulas_are_parted_at_wide_spaces_outside_of_groups() {
        for (tex, parts) in [
            (r"a \qquad b", vec!["a ", " b"]),
            (r"a, \qquad b \qquad", vec!["a, ", " b "]),
            (
                r"\frac{a \qquad b}{c} \quad d",
                vec![r"\frac{a \qquad b}{c} \quad d"],
            ),
            (
                r"\left( a \qquad b \right) \qquad \{ c",
                vec![r"\left( a \qquad b \right) ", r" \{ c"],
            ),
            (
                r"\begin{aligned} a \qquad b \\ {c} \end{aligned}",
                vec![r"\begin{aligned} a \qquad b \\ {c} \end{aligned}"],
            ),
            (r"\leftarrow \qquad b", vec![r"\leftarrow ", " b"]),
            ("", vec![""]),
        ] {
            assert_eq!(apart(tex), parts, "{tex}");
        }
        assert_eq!(to_html(r"$$a \qquad b$$").unwrap().matches("<math ").count(), 2);
    }

    #[test]
    fn words_are_escaped_and_formulas_are_markup() {
        let html = to_html("a < b & $x < y$ for 5 \\$").unwrap();
        assert!(html.starts_with("a &lt; b &amp; <math"), "{html}");
        assert!(
            html.contains("<mo>&lt;</mo>") || html.contains("&lt;</mo>"),
            "{html}"
        );
        assert!(html.ends_with("</math> for 5 $"), "{html}");
        let html = to_html("$$x$$").unwrap();
        assert!(
            html.starts_with("<span class=\"formula\"><math") && html.ends_with("</math></span>"),
            "{html}"
        );
        assert!(to_html("$\\unknowncommand$").is_err());
    }
}
