//! The numbers that plans compute with.

use gibbsian_core::{math, simd};

use crate::function::Function;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// `f32` or `f64`.
pub trait Real: sealed::Sealed + gibbsian_linalg::Real + Copy + Default + Send + Sync + 'static {
    /// The nearest number.
    fn from_f64(x: f64) -> Self;
    /// The same number.
    fn to_f64(self) -> f64;
    #[doc(hidden)]
    fn apply(function: Function, x: &[Self], out: &mut [Self]);
    #[doc(hidden)]
    fn add(a: &[Self], b: &[Self], out: &mut [Self]);
    #[doc(hidden)]
    fn mul(a: &[Self], b: &[Self], out: &mut [Self]);
    #[doc(hidden)]
    fn add_number(x: &[Self], number: f64, out: &mut [Self]);
    #[doc(hidden)]
    fn scale(x: &[Self], factor: f64, out: &mut [Self]);
    #[doc(hidden)]
    fn accumulate(x: &[Self], out: &mut [Self]);
    #[doc(hidden)]
    fn add_to_f64(x: &[Self], out: &mut [f64]);
    #[doc(hidden)]
    fn sum(x: &[Self]) -> Self;
}

/// A loop over numbers, at the machine's vector width.
macro_rules! elementwise {
    ($type:ty, $out:ident, $a:ident, $b:expr, |$o:ident, $x:ident, $y:ident| $body:expr) => {{
        struct Loop<'a>(&'a mut [$type], &'a [$type], &'a [$type]);
        impl simd::Vectorized for Loop<'_> {
            type Output = ();
            #[inline(always)]
            fn run(self) {
                for (($o, $x), $y) in self.0.iter_mut().zip(self.1).zip(self.2) {
                    $body;
                }
            }
        }
        simd::vectorized(Loop($out, $a, $b));
    }};
    ($type:ty, $out:ident, $a:ident, |$o:ident, $x:ident| $body:expr, $number:ident) => {{
        struct Loop<'a>(&'a mut [$type], &'a [$type], $type);
        impl simd::Vectorized for Loop<'_> {
            type Output = ();
            #[inline(always)]
            fn run(self) {
                let $number = self.2;
                for ($o, $x) in self.0.iter_mut().zip(self.1) {
                    $body;
                }
            }
        }
        simd::vectorized(Loop($out, $a, $number as $type));
    }};
}

macro_rules! real {
    ($type:ty, $apply:expr) => {
        impl Real for $type {
            #[inline]
            fn from_f64(x: f64) -> Self {
                x as $type
            }

            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            fn apply(function: Function, x: &[Self], out: &mut [Self]) {
                $apply(function, x, out);
            }

            fn add(a: &[Self], b: &[Self], out: &mut [Self]) {
                elementwise!($type, out, a, b, |out, a, b| *out = a + b);
            }

            fn mul(a: &[Self], b: &[Self], out: &mut [Self]) {
                elementwise!($type, out, a, b, |out, a, b| *out = a * b);
            }

            fn add_number(x: &[Self], number: f64, out: &mut [Self]) {
                elementwise!($type, out, x, |out, x| *out = x + number, number);
            }

            fn scale(x: &[Self], factor: f64, out: &mut [Self]) {
                elementwise!($type, out, x, |out, x| *out = factor * x, factor);
            }

            fn accumulate(x: &[Self], out: &mut [Self]) {
                let one = 1.0;
                elementwise!($type, out, x, |out, x| *out += one * x, one);
            }

            fn add_to_f64(x: &[Self], out: &mut [f64]) {
                struct Loop<'a>(&'a [$type], &'a mut [f64]);
                impl simd::Vectorized for Loop<'_> {
                    type Output = ();
                    #[inline(always)]
                    fn run(self) {
                        for (out, x) in self.1.iter_mut().zip(self.0) {
                            *out += f64::from(*x);
                        }
                    }
                }
                simd::vectorized(Loop(x, out));
            }

            fn sum(x: &[Self]) -> Self {
                struct Sum<'a>(&'a [$type]);
                impl simd::Vectorized for Sum<'_> {
                    type Output = $type;
                    #[inline(always)]
                    fn run(self) -> $type {
                        // Sixteen partial sums, the same for every vector width.
                        let mut sums = [0.0; 16];
                        let (chunks, rest) = self.0.as_chunks::<16>();
                        for chunk in chunks {
                            for (sum, x) in sums.iter_mut().zip(chunk) {
                                *sum += x;
                            }
                        }
                        let mut n = 8;
                        while n > 0 {
                            for k in 0..n {
                                sums[k] += sums[k + n];
                            }
                            n /= 2;
                        }
                        rest.iter().fold(sums[0], |sum, x| sum + x)
                    }
                }
                simd::vectorized(Sum(x))
            }
        }
    };
}

real!(f32, apply_f32);
real!(f64, apply_f64);

/// The derivative of this order of `x σ(x)`, where `out` holds `σ(x)`: `x σ⁽ⁿ⁾ + n σ⁽ⁿ⁻¹⁾`, with `σ′ = p`, `σ″ = p q`, `σ‴ = p (1 − 6p)`, `σ⁗ = p q (1 − 12p)`, `p = σ (1 − σ)`, `q = 1 − 2σ`.
macro_rules! silu {
    ($name:ident, $type:ty) => {
        fn $name(order: u8, x: &[$type], out: &mut [$type]) {
            macro_rules! at_order {
                (|$x:ident, $s:ident, $p:ident, $q:ident| $body:expr) => {{
                    struct Loop<'a>(&'a [$type], &'a mut [$type]);
                    impl simd::Vectorized for Loop<'_> {
                        type Output = ();
                        #[inline(always)]
                        fn run(self) {
                            for (out, &$x) in self.1.iter_mut().zip(self.0) {
                                let $s = *out;
                                let ($p, $q) = ($s * (1.0 - $s), 1.0 - 2.0 * $s);
                                *out = $body;
                            }
                        }
                    }
                    simd::vectorized(Loop(x, out));
                }};
            }
            match order {
                0 => at_order!(|x, s, _p, _q| x * s),
                1 => at_order!(|x, s, p, _q| x * p + s),
                2 => at_order!(|x, _s, p, q| p * (x * q + 2.0)),
                3 => at_order!(|x, _s, p, q| p * (x * (1.0 - 6.0 * p) + 3.0 * q)),
                4 => at_order!(|x, _s, p, q| p * (x * (q * (1.0 - 12.0 * p)) + 4.0 * (1.0 - 6.0 * p))),
                _ => unreachable!("higher derivatives are made from the sigmoid"),
            }
        }
    };
}

silu!(silu_f32, f32);
silu!(silu_f64, f64);

/// Applies a function to every number.
fn each<T: Copy>(x: &[T], out: &mut [T], f: impl Fn(T) -> T) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = f(*x);
    }
}

fn apply_f32(function: Function, x: &[f32], out: &mut [f32]) {
    match function {
        Function::Exp => simd::exp_f32(x, out),
        Function::Sigmoid => simd::sigmoid_f32(x, out),
        Function::Silu(order) => {
            simd::sigmoid_f32(x, out);
            silu_f32(order, x, out);
        }
        Function::Softplus => simd::softplus_f32(x, out),
        Function::Tanh => simd::tanh_f32(x, out),
        Function::Log => each(x, out, f32::ln),
        Function::Recip => each(x, out, f32::recip),
        Function::Sqrt => each(x, out, f32::sqrt),
        Function::Sin => each(x, out, f32::sin),
        Function::Cos => each(x, out, f32::cos),
        // NaN stays NaN.
        Function::Relu => each(x, out, |x| if x < 0.0 { 0.0 } else { x }),
        Function::Step => each(x, out, |x| {
            if x.is_nan() {
                x
            } else {
                f32::from(u8::from(x > 0.0))
            }
        }),
    }
}

fn apply_f64(function: Function, x: &[f64], out: &mut [f64]) {
    match function {
        Function::Exp => simd::exp_f64(x, out),
        Function::Sigmoid => each(x, out, math::sigmoid),
        Function::Silu(order) => {
            each(x, out, math::sigmoid);
            silu_f64(order, x, out);
        }
        Function::Softplus => each(x, out, math::softplus),
        Function::Tanh => each(x, out, f64::tanh),
        Function::Log => each(x, out, f64::ln),
        Function::Recip => each(x, out, f64::recip),
        Function::Sqrt => each(x, out, f64::sqrt),
        Function::Sin => each(x, out, f64::sin),
        Function::Cos => each(x, out, f64::cos),
        Function::Relu => each(x, out, |x| if x < 0.0 { 0.0 } else { x }),
        Function::Step => each(x, out, |x| {
            if x.is_nan() {
                x
            } else {
                f64::from(u8::from(x > 0.0))
            }
        }),
    }
}
