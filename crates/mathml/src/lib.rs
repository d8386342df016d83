//! Formulas in TeX as MathML Core, for the report of the experiments and for the book.
//!
//! The pages have no script and no request to any network, so formulas are markup before they reach a browser. [`to_mathml`] converts one formula;
//! [`pieces`] takes prose with `$…$` and `$$…$$` apart; [`to_html`] does both, and [`to_markdown_html`] the same for a chapter in Markdown. The parser is that of the crate `pulldown-latex`, which
//! covers what the project writes; what it does not know is an error here and never a red word on a page.
//!
//! ```
//! use gibbsian_mathml::{Display, to_mathml};
//! let score = to_mathml(r"s(x) = \nabla_x \log p(x)", Display::Inline)?;
//! assert!(score.starts_with("<math") && score.contains("∇"));
//! let wrong = to_mathml(r"\nabla_x \logg p(x)", Display::Inline).unwrap_err();
//! assert!(wrong.to_string().contains(r"\logg"));
//! # Ok::<(), gibbsian_mathml::MathError>(())
//! ```

#![deny(unsafe_code)]

mod markdown;
mod prose;

use std::fmt;

use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Event, Parser, ParserError, Storage, push_mathml};

pub use markdown::{Formula, TextError, replace_formulas, to_markdown_html};
pub use prose::{Piece, pieces, to_html};

/// The rules of style without which rows of an `aligned` or a `cases` stand in the middle of their columns.
///
/// MathML Core leaves the alignment of columns to style sheets; browsers centre them otherwise.
pub const STYLE: &str = include_str!("mathml.css");

/// How a formula stands in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Display {
    /// Within a line, with small sums and integrals.
    Inline,
    /// On a line of its own.
    Block,
}

/// A result whose error is a [`MathError`].
pub type Result<T> = std::result::Result<T, MathError>;

/// Why a formula has no MathML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MathError {
    /// The formula as it was written, or the prose where its dollar signs do not pair.
    pub formula: String,
    /// The number of characters of the formula that had been read when the error was noticed, if that is known.
    pub position: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for MathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the formula `{}` has an error", self.formula)?;
        if let Some(position) = self.position {
            write!(f, " at character {position}")?;
            let read: String = self.formula.chars().take(position).collect();
            // The last word that was read is most often the culprit.
            let from = read.rfind(['\\', ' ', '{', '$']).unwrap_or(0);
            if !read[from..].trim().is_empty() {
                write!(f, ", after `{}`", read[from..].trim())?;
            }
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for MathError {}

/// A formula as a `math` element of MathML Core, which Chromium and Firefox draw without a script.
///
/// `tex` stands without its dollar signs. Every tag of the markup is closed and every text escaped.
///
/// # Errors
/// The formula is empty or has an unknown command, an unbalanced brace or another mistake of syntax; the error names the formula and the place.
pub fn to_mathml(tex: &str, display: Display) -> Result<String> {
    let error = |position, reason: String| MathError {
        formula: tex.to_owned(),
        position,
        reason,
    };
    if tex.trim().is_empty() {
        return Err(error(None, "there is nothing in it".into()));
    }
    let storage = Storage::new();
    // All events first: the writer would put an error into the markup and go on.
    let events: Vec<Event<'_>> = Parser::new(tex, &storage)
        .collect::<std::result::Result<_, ParserError>>()
        .map_err(|why| {
            let (reason, position) = explain(tex, &why);
            error(position, reason)
        })?;
    let config = RenderConfig {
        display_mode: match display {
            Display::Inline => DisplayMode::Inline,
            Display::Block => DisplayMode::Block,
        },
        ..RenderConfig::default()
    };
    let mut markup = String::new();
    push_mathml(&mut markup, events.into_iter().map(Ok::<_, ParserError>), config)
        .map_err(|why| error(None, why.to_string()))?;
    // The writer escapes words and leaves operators of one character as they are; and it writes the micro sign, which has no italic, for the letter.
    Ok(markup
        .replace('\u{B5}', "μ")
        .replace("><</", ">&lt;</")
        .replace(">></", ">&gt;</")
        .replace(">&</", ">&amp;</")
        // Nor does it leave a space before the size of a large bracket.
        .replace("\"minsize=", "\" minsize="))
}

/// What is wrong with a formula that the parser refuses, and how many of its characters had been read.
///
/// The place is not public, but the message quotes what stands within twelve bytes of it. So the formula is read again with one byte a character and with
/// enough around it that every quotation has its full length: the place is twelve bytes into the quotation.
fn explain(tex: &str, why: &ParserError) -> (String, Option<usize>) {
    const REACH: usize = 12;
    const BEFORE: &str = "{}{}{}{}{}{}{}";
    let text = why.to_string();
    let reason = text.lines().next().unwrap_or_default();
    let reason = reason.strip_prefix("parsing error: ").unwrap_or(reason);

    let plain = |c: char| {
        if c.is_ascii_graphic() {
            c
        } else if c.is_ascii() {
            ' '
        } else {
            'x'
        }
    };
    let padded: String = BEFORE
        .chars()
        .chain(tex.chars().map(plain))
        .chain([' '; 2 * REACH])
        .collect();
    let storage = Storage::new();
    let again = Parser::new(&padded, &storage)
        .find_map(std::result::Result::err)
        .map(|why| why.to_string());
    let position = (again.as_deref())
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("│…")))
        .and_then(|quoted| padded.find(quoted))
        .and_then(|start| (start + REACH).checked_sub(BEFORE.len()))
        // Spaces after a command have been read with it.
        .map(|position| {
            tex.chars()
                .take(position)
                .collect::<String>()
                .trim_end()
                .chars()
                .count()
        });
    (reason.replace("unkown", "unknown"), position)
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    /// Formulas of the kinds that the project writes, each with markup that must be in the result.
    const FORMULAS: &[(&str, &[&str])] = &[
        (r"p(x) = \frac{e^{-E(x)}}{Z}", &["<mfrac>", "<msup>", "Z"]),
        (
            r"Z = \int_{\mathbb{R}^d} e^{-E(x)} \, dx",
            &["∫", "ℝ", "<msubsup>|<msub>"],
        ),
        (r"s(x) = \nabla_x \log p(x) = -\nabla E(x)", &["∇", "log", "−"]),
        (r"\log Z = \log \sum_{v, h} e^{-E(v, h)}", &["∑", "log"]),
        (r"E(v, h) = -b^\top v - c^\top h - v^\top W h", &["⊤"]),
        (
            r"\tfrac{1}{2} \mathbb{E} \lVert \nabla \log p - \nabla \log q \rVert^2",
            &["𝔼", "‖|∥", "<mfrac"],
        ),
        (
            r"x' = x + \varepsilon s(x) + \sqrt{2 \varepsilon}\, z, \quad z \sim \mathcal{N}(0, I)",
            &["<msqrt>", "∼", "𝒩"],
        ),
        (
            r"\mathrm{d}Y = \left[ g^2 s - f \right] \mathrm{d}t + g \, \mathrm{d}B",
            &["<mo", "["],
        ),
        (
            r"\operatorname{KL}(p \,\|\, q) = \mathbb{E}_p \log \frac{p}{q} \ge 0",
            &["KL", "≥"],
        ),
        (
            r"\tilde{x} = x + \sigma z, \qquad \hat{x} = \tilde{x} + C \nabla \log p(\tilde{x})",
            &["~|˜", "<mover"],
        ),
        (r"\bar{\alpha}_t = \prod_{s \le t} (1 - \beta_s)", &["∏", "≤"]),
        (
            r"\sigma(x) = \begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}",
            &["<mtable", "otherwise", "&gt;"],
        ),
        (
            r"\begin{aligned} a &= b \\ &\le c \end{aligned}",
            &["<mtable", "<mtr"],
        ),
        (
            r"A = \begin{pmatrix} 0 & 1 \\ -1 & 0 \end{pmatrix}",
            &["<mtable", "("],
        ),
        (r"\binom{n}{k} = \frac{n!}{k!\,(n-k)!}", &["n"]),
        (
            r"\langle s_i s_j \rangle_{\text{data}} - \langle s_i s_j \rangle_{\text{model}}",
            &["⟨", "data", "⟩"],
        ),
        (
            r"\left| \lambda_2 \right| < 1, \quad \oint s \cdot \mathrm{d}\ell = 0",
            &["λ", "∮"],
        ),
        (
            r"\underbrace{a + b}_{c} \ll \infty, \ x \in \{-1, +1\}^n",
            &["∞", "{", "∈"],
        ),
        (r"\mu_k - x", &["<mi>μ</mi>"]),
        (r"2 \mathrm{TV}^2 \le \mathrm{KL}", &["<msup>"]),
        (r"\beta_c = \tfrac12 \ln(1 + \sqrt 2)", &["ln", "<msqrt>"]),
    ];

    #[test]
    fn the_formulas_of_the_project_become_markup() {
        for (tex, parts) in FORMULAS {
            for display in [Display::Inline, Display::Block] {
                let markup = to_mathml(tex, display).unwrap();
                assert_well_formed(&markup);
                for part in *parts {
                    let is_there = part.split('|').any(|one| markup.contains(one));
                    assert!(is_there, "{tex} has no {part}: {markup}");
                }
            }
        }
    }

    #[test]
    fn a_formula_stands_in_its_line_or_on_its_own() {
        assert!(
            to_mathml("x", Display::Inline)
                .unwrap()
                .contains("display=\"inline\"")
        );
        assert!(
            to_mathml("x", Display::Block)
                .unwrap()
                .contains("display=\"block\"")
        );
    }

    #[test]
    fn errors_name_the_formula_and_the_place() {
        for (tex, position, said) in [
            (r"\nabl x", 5, "unknown primitive command"),
            (
                r"a + b + c + d + \frac{x}{\nope y} + e + f + g + h",
                30,
                "unknown primitive command",
            ),
            (r"\sum_{i=1^n x_i", 15, "closed with"),
            ("x_1_2", 3, "subscript"),
            (r"ζζζζζζζζζζζζζζζζ \nope", 22, "unknown primitive command"),
            (
                r"\begin{nothing} x \end{nothing}",
                15,
                "unknown mathematical environment",
            ),
            (r"\left( x", 8, "closed with `\\right`"),
            ("a $ b", 3, "math shift"),
        ] {
            let error = to_mathml(tex, Display::Inline).unwrap_err();
            assert_eq!(error.formula, tex);
            assert!(error.reason.contains(said), "{tex}: {error}");
            assert!(error.to_string().contains(tex), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
            assert_eq!(error.position, Some(position), "{error}");
        }
        assert_eq!(
            to_mathml(" ", Display::Block).unwrap_err().reason,
            "there is nothing in it"
        );
    }

    #[test]
    fn no_text_of_a_formula_becomes_a_tag() {
        let markup = to_mathml(
            r#"\text{<script>"x" & y</script>} < 1"#.replace('&', r"\&").as_str(),
            Display::Inline,
        );
        let markup = markup.unwrap();
        assert!(!markup.contains("<script"), "{markup}");
        assert_well_formed(&markup);
    }

    /// Every tag that is opened is closed, in order, and every attribute is quoted.
    fn assert_well_formed(markup: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = markup;
        while let Some(start) = rest.find('<') {
            assert!(!rest[..start].contains('>'), "a bare bracket in {markup}");
            let end = start
                + rest[start..]
                    .find('>')
                    .unwrap_or_else(|| panic!("an open tag in {markup}"));
            let tag = &rest[start + 1..end];
            let name = tag
                .trim_start_matches('/')
                .split([' ', '/'])
                .next()
                .unwrap_or_default();
            assert_eq!(
                tag.matches('"').count(),
                2 * tag.matches('=').count(),
                "<{tag}> in {markup}"
            );
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{markup}");
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            rest = &rest[end + 1..];
        }
        assert!(open.is_empty() && !rest.contains('>'), "{open:?} in {markup}");
    }
}
