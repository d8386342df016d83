//! Positive functions of functions: laws, closed forms and 50-digit references.

mod conformance;
mod integrals;
mod references;
mod support;
mod zeros;
