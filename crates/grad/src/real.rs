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
    fn apply(function: Function, x: &mut [Self]);
    #[doc(hidden)]
    fn add_to(out: &mut [Self], x: &[Self]);
    #[doc(hidden)]
    fn mul_to(out: &mut [Self], x: &[Self]);
    #[doc(hidden)]
    fn scale_by(out: &mut [Self], factor: f64);
    #[doc(hidden)]
    fn sum(x: &[Self]) -> Self;
}

/// A loop over numbers, at the machine's vector width.
macro_rules! elementwise {
    ($out:ident, $x:ident, $type:ty, $body:expr) => {{
        struct Loop<'a>(&'a mut [$type], &'a [$type]);
        impl simd::Vectorized for Loop<'_> {
            type Output = ();
            #[inline(always)]
            fn run(self) {
                let f: fn(&mut $type, $type) = $body;
                for (out, x) in self.0.iter_mut().zip(self.1) {
                    f(out, *x);
                }
            }
        }
        simd::vectorized(Loop($out, $x));
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

            fn apply(function: Function, x: &mut [Self]) {
                $apply(function, x);
            }

            fn add_to(out: &mut [Self], x: &[Self]) {
                elementwise!(out, x, $type, |out, x| *out += x);
            }

            fn mul_to(out: &mut [Self], x: &[Self]) {
                elementwise!(out, x, $type, |out, x| *out *= x);
            }

            fn scale_by(out: &mut [Self], factor: f64) {
                struct Scale<'a>(&'a mut [$type], $type);
                impl simd::Vectorized for Scale<'_> {
                    type Output = ();
                    #[inline(always)]
                    fn run(self) {
                        for out in self.0 {
                            *out *= self.1;
                        }
                    }
                }
                simd::vectorized(Scale(out, factor as $type));
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

fn apply_f32(function: Function, x: &mut [f32]) {
    let each = |x: &mut [f32], f: fn(f32) -> f32| x.iter_mut().for_each(|x| *x = f(*x));
    match function {
        Function::Exp => simd::exp_f32_in_place(x),
        Function::Sigmoid => simd::sigmoid_f32_in_place(x),
        Function::Softplus => simd::softplus_f32_in_place(x),
        Function::Tanh => simd::tanh_f32_in_place(x),
        Function::Log => each(x, f32::ln),
        Function::Recip => each(x, f32::recip),
        Function::Sqrt => each(x, f32::sqrt),
        Function::Sin => each(x, f32::sin),
        Function::Cos => each(x, f32::cos),
        // NaN stays NaN.
        Function::Relu => each(x, |x| if x < 0.0 { 0.0 } else { x }),
        Function::Step => each(x, |x| {
            if x.is_nan() {
                x
            } else {
                f32::from(u8::from(x > 0.0))
            }
        }),
    }
}

fn apply_f64(function: Function, x: &mut [f64]) {
    let each = |x: &mut [f64], f: fn(f64) -> f64| x.iter_mut().for_each(|x| *x = f(*x));
    match function {
        Function::Exp => simd::exp_f64_in_place(x),
        Function::Sigmoid => each(x, math::sigmoid),
        Function::Softplus => each(x, math::softplus),
        Function::Tanh => each(x, f64::tanh),
        Function::Log => each(x, f64::ln),
        Function::Recip => each(x, f64::recip),
        Function::Sqrt => each(x, f64::sqrt),
        Function::Sin => each(x, f64::sin),
        Function::Cos => each(x, f64::cos),
        Function::Relu => each(x, |x| if x < 0.0 { 0.0 } else { x }),
        Function::Step => each(x, |x| {
            if x.is_nan() {
                x
            } else {
                f64::from(u8::from(x > 0.0))
            }
        }),
    }
}
