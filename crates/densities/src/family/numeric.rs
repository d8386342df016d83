//! What the members of the family share to keep digits: rounding errors of sums and products, deviances, entropies of lattices.

/// `u − log(1 + u)` for `u > −1`, to a few units in the last place also where it is `u²/2`.
pub(crate) fn excess(u: f64) -> f64 {
    if !(-0.5..=1.0).contains(&u) {
        return u - u.ln_1p();
    }
    // With v = u/(2 + u), log(1 + u) = 2 artanh v = 2 (v + v³/3 + v⁵/5 + …) and u − 2v = uv, so that the excess is
    // uv − 2v³ (1/3 + v²/5 + v⁴/7 + …), whose second term is at most a third of the first. |v| ≤ 1/3 here, and terms
    // after v³² are below the last place.
    let v = u / (2.0 + u);
    let square = v * v;
    let series = (1..=16)
        .rev()
        .fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    u * v - 2.0 * v * square * series
}

/// `D(x, m) = x log(x/m) + m − x` for `x, m > 0`, with `d = m − x` given apart.
///
/// It often is known to more digits than `m`, which [`deviance`](gibbsian_core::special::deviance) could not be told: the divergence of two near
/// neighbours is `d²/(2x)` and has the digits of `d`.
pub(super) fn deviance_between(x: f64, m: f64, d: f64) -> f64 {
    let u = d / x;
    if (-0.5..=1.0).contains(&u) {
        x * excess(u)
    } else {
        x * log_ratio(x, m) + d
    }
}

/// `log(a/b)` for `a, b > 0`, also where the quotient is out of the range of doubles.
pub(super) fn log_ratio(a: f64, b: f64) -> f64 {
    let ratio = a / b;
    if ratio.is_normal() {
        ratio.ln()
    } else {
        a.ln() - b.ln()
    }
}

/// The sum and what rounding took from it: `a + b = s + e` exactly (Knuth 1969).
pub(super) fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let b_part = s - a;
    (s, (a - (s - b_part)) + (b - b_part))
}

/// The product and what rounding took from it: `a b = p + e` exactly (Dekker 1971), or `e = 0` where the halves would overflow.
///
/// A fused multiply-add would give `e` at once, but without the instruction it is a slow call.
pub(super) fn two_product(a: f64, b: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0; // 2²⁷ + 1
    let halves = |a: f64| {
        let c = SPLITTER * a;
        let high = c - (c - a);
        (high, a - high)
    };
    let p = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let e = ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low;
    (p, if e.is_finite() { e } else { 0.0 })
}

/// `D(x, m + e)` for `x, m > 0`, where `e` is the rounding error of `m`.
pub(super) fn deviance_at(x: f64, (m, e): (f64, f64)) -> f64 {
    // ∂D/∂m = 1 − x/m; the next order is e² and of no account.
    let d = m - x;
    deviance_between(x, m, d) + e * (d / m)
}

/// The entropy `−Σ p(k) log p(k)` of a unimodal density on the integers `0..=last`, of this mode and standard deviation.
///
/// A smooth bump is summed with stride `h` instead of 1 to an error of `exp(−2π²σ²/h²)` (Poisson's summation formula); at a quarter of the
/// deviation that is 10⁻¹³⁷, and the work does not grow with the deviation. The terms are not negative, and those
/// beyond the first that adds nothing are left out.
pub(super) fn lattice_entropy(log_p: impl Fn(f64) -> f64, mode: f64, deviation: f64, last: f64) -> f64 {
    let stride = (deviation / 4.0).floor().max(1.0);
    let term = |k: f64| {
        let log_p = log_p(k);
        -log_p * log_p.exp()
    };
    let mut sum = term(mode);
    for direction in [-stride, stride] {
        let mut k = mode + direction;
        while (0.0..=last).contains(&k) {
            let next = sum + term(k);
            // Near the mode a sure outcome may add nothing, and the next one something.
            if next == sum && (k - mode).abs() > 4.0 * deviation + 2.0 {
                break;
            }
            sum = next;
            k += direction;
        }
    }
    sum * stride
}
