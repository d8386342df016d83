//! Laws of what is built around gradients: adaptive optimisers.

mod adaptive;
