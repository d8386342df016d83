//! Positive functions, normalised numerically.
