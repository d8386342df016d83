//! The densities of this crate against laws, closed forms and reference tables, in one program.

mod common;

mod bits;
mod combinations_reference;
mod combine;
mod derivatives;
mod em;
mod family_draws;
mod family_laws;
mod family_reference;
mod family_values;
mod gaussian;
mod matrix_family;
mod mixture;
mod mixture_in_noise;
mod mixture_reference;
mod multivariate;
mod multivariate_normal_reference;
mod noised;
mod planar;
mod positive;
mod quadrature;
mod refusals;
mod univariate;
